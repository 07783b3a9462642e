"""Choosing tokens from scores on a device, without branches and with a single wait for the device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.choose import Chooser
from infill_completion.engine.model.cuda.kernels.launcher import Launcher
from infill_completion.engine.model.cuda.noise import Draw, Noise
from infill_completion.engine.model.sampling import MIN_TEMPERATURE, Sampling


class Token(NamedTuple):
    """A chosen token and its log-probability (nats)."""

    id: int
    logprob: float


def choose_static(logits: Tensor, temperature: Tensor, top_p: Tensor, is_greedy: Tensor, noise: Tensor) -> Tensor:
    """Return the next token of each row, as `sampler.choose` does, without branches.

    Args:
        logits: ``(rows, vocabulary)``, float32.
        temperature: A number above 0, ``()``.
        top_p: The probability mass of the nucleus, ``()``.
        is_greedy: Whether to take the most likely token, ``()``.
        noise: Samples of the exponential distribution, of the shape of ``logits``.  The token with the largest ratio of
            probability to noise wins, which draws each token with its probability (an exponential race).
    """
    return torch.where(is_greedy, logits.argmax(-1), _race(logits, temperature, top_p, noise))


def _race(logits: Tensor, temperature: Tensor | float, top_p: Tensor | float, noise: Tensor) -> Tensor:
    probabilities = (logits / temperature).softmax(-1)
    values, order = probabilities.sort(dim=-1, descending=True, stable=True)
    before = values.cumsum(-1) - values
    kept = values.masked_fill(before > top_p, 0.0)
    first = (kept / noise).argmax(-1, keepdim=True)
    return order.gather(-1, first).squeeze(-1)


class DeviceChoice:
    """Chooses tokens from scores that the host has changed, or that no static step computed, as a static step would.

    Args:
        vocabulary: Number of scores.
        device: Where they are.
    """

    def __init__(self, vocabulary: int, device: torch.device) -> None:
        self._noise = Noise(1, vocabulary, device)

    @torch.inference_mode()
    def choose(self, scores: Tensor, sampling: Sampling, draw: Draw) -> Token:
        """Return a token, given scores ``(vocabulary,)``, float32."""
        if sampling.temperature < MIN_TEMPERATURE:
            chosen = scores.argmax(-1, keepdim=True)
        else:
            self._noise.draw([draw])
            chosen = _race(scores[None], sampling.temperature, sampling.top_p, self._noise.samples)
        logprob = scores.log_softmax(-1).gather(-1, chosen)
        # In one tensor, because each read waits for the device.  Float32 holds ids up to 2 ** 24 exactly, and Apple's
        # devices have no float64.
        id_, nats = torch.cat([chosen.float(), logprob]).tolist()
        return Token(int(id_), nats)


class KernelChoice:
    """Chooses tokens from scores that the host has changed, or that no step computed, as a step in kernels would.

    Args:
        launcher: Runs the kernel.
        vocabulary: Number of scores.
        device: Where they are.
    """

    def __init__(self, launcher: Launcher, vocabulary: int, device: torch.device) -> None:
        self._chooser = Chooser(launcher, vocabulary, device)
        self._index = torch.zeros(1, dtype=torch.long, device=device)
        self._result = torch.zeros(1, 2, dtype=torch.float64, device=device)

    @torch.inference_mode()
    def choose(self, scores: Tensor, sampling: Sampling, draw: Draw) -> Token:
        """Return a token, given scores ``(vocabulary,)``, float32."""
        self._chooser.prepare(sampling.temperature, sampling.top_p, draw.seed)
        self._index.fill_(draw.position)
        self._chooser.run(scores[None], self._index, self._result)
        id_, nats = self._result[0].tolist()
        return Token(int(id_), nats)
