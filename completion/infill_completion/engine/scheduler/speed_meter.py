"""Measures the speed of the loaded model from its answers, and keeps it for the next choice of ``auto``."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from statistics import median

from infill_completion.api import Chunk
from infill_completion.catalog import ModelSpeed

_WINDOW = 64  # newest answers
_ENOUGH = 8  # answers that a median needs
_INTERVAL = 16  # answers between two writes
_MIN_ANSWER_TOKENS, _MIN_FRESH_TOKENS = 4, 64

Keep = Callable[[ModelSpeed], None]


class SpeedMeter:
    """Collects timings; only those of answers that ran alone and had one candidate should be added.

    Args:
        keep: Called with the speed now and then, and at the end.
    """

    def __init__(self, keep: Keep | None = None) -> None:
        self._keep = keep
        self._step_ms: deque[float] = deque(maxlen=_WINDOW)
        self._prefill: deque[float] = deque(maxlen=_WINDOW)
        self._new = 0

    def add(self, last: Chunk) -> None:
        """Add an answer by its last chunk, which has the timings."""
        usage, timings = last.usage, last.timings
        if usage is None or not timings:
            return
        fresh = usage.prompt_tokens - usage.cached_tokens
        prefill_ms, decode_ms = timings.get("prefill_ms", 0.0), timings.get("decode_ms", 0.0)
        if fresh >= _MIN_FRESH_TOKENS and prefill_ms > 0:
            self._prefill.append(1000 * fresh / prefill_ms)
        if usage.completion_tokens >= _MIN_ANSWER_TOKENS and decode_ms > 0:
            self._step_ms.append(decode_ms / usage.completion_tokens)
            self._new += 1
        if self._new >= _INTERVAL:
            self.save()

    @property
    def speed(self) -> ModelSpeed | None:
        """The speed so far; None before there are enough answers."""
        if len(self._step_ms) < _ENOUGH or not self._prefill:
            return None
        return ModelSpeed(median(self._step_ms), median(self._prefill), is_measured=True)

    def save(self) -> None:
        """Keep the speed if there is something new."""
        speed = self.speed
        if speed is not None and self._new and self._keep is not None:
            self._new = 0
            self._keep(speed)
