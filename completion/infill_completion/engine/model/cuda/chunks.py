"""Chunks of a prompt on a CUDA device, as long as the device is fast."""

from __future__ import annotations

from typing import Any

import torch

# Weights in 4 bits are dequantized once a chunk, so a prompt in small chunks takes four times as long as in one.
_SHORTEST, _FIRST, _LONGEST, _STEP = 256, 1024, 2048, 128
# A request that is withdrawn holds the device up for the chunk that is running.  What it has read stays in the slot.
_MAX_CHUNK_S = 0.15


class ChunkLength:
    """How many tokens of a prompt to read between two checks for cancellation, by the measured speed of the device.

    Attributes:
        tokens: The length of the next chunk.
    """

    def __init__(self) -> None:
        self.tokens = _FIRST

    def measured(self, tokens: int, seconds: float) -> None:
        """Learn from a chunk; short ones say nothing about long ones."""
        if tokens < _SHORTEST or seconds <= 0:
            return
        wanted = int(tokens / seconds * _MAX_CHUNK_S) // _STEP * _STEP
        self.tokens = max(_SHORTEST, min(_LONGEST, wanted))


class ChunkClock:
    """Measures chunks with events on the device, without waiting for it.

    Args:
        length: Learns what is measured.
        device: The device that the chunks begin and end on.
    """

    def __init__(self, length: ChunkLength, device: torch.device) -> None:
        self._length, self._device = length, device
        cuda: Any = torch.cuda  # parts of it have no types
        self._begin, self._end = (cuda.Event(enable_timing=True) for _ in range(2))
        self._tokens = 0

    def begin(self) -> None:
        """Begin a chunk."""
        self._begin.record(torch.cuda.current_stream(self._device))

    def end(self, tokens: int) -> None:
        """End a chunk of ``tokens``."""
        self._end.record(torch.cuda.current_stream(self._device))
        self._tokens = tokens

    def wait(self) -> None:
        """Wait until the device has read the last chunk, and learn how long that took."""
        if not self._tokens:
            return
        self._end.synchronize()
        self._length.measured(self._tokens, self._begin.elapsed_time(self._end) / 1000)
        self._tokens = 0
