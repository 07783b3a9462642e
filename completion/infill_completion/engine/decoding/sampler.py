"""Sampling of the next token: temperature and top-p as in Llama's reference code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from random import Random
from secrets import randbits

import torch
from torch import Tensor

from infill_completion.api import CompletionRequest
from infill_completion.engine.model.cuda.choice import DeviceChoice, KernelChoice
from infill_completion.engine.model.cuda.noise import Draw
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.sampling import MIN_TEMPERATURE, Sampling

_FAST_WIDTH = 64
_SEED_BITS = 63


def sample_top_p(probabilities: Tensor, p: float, generator: torch.Generator | None = None) -> Tensor:
    """Draw one token per row from the nucleus.

    A token belongs to the nucleus if the probability mass of all more likely tokens is at most ``p``; so the most
    likely token always does.  Source: ``sample_top_p`` of Meta's ``llama/generation.py``.

    Args:
        probabilities: ``(..., vocabulary)``; each row adds up to 1.
        p: Probability mass of the nucleus, 0 to 1.
        generator: Source of randomness, on the device of ``probabilities``.

    Returns:
        Ids of shape ``(...)``.
    """
    if probabilities.ndim == 1 and probabilities.device.type == "cpu":
        chance = float(torch.rand((), generator=generator, dtype=torch.float64))
        return torch.tensor(_draw(probabilities, p, chance))
    width = min(_FAST_WIDTH, probabilities.shape[-1])
    # The nucleus rarely has more than a few tokens, and a full sort takes as long as a step of a small model.
    values, ids = probabilities.topk(width, dim=-1)
    if probabilities.device.type != "cpu" or bool((values.sum(-1) <= p).any()):
        values, ids = probabilities.sort(dim=-1, descending=True, stable=True)
    before = values.cumsum(-1) - values
    kept = values.masked_fill(before > p, 0.0)
    drawn = torch.multinomial(kept.view(-1, kept.shape[-1]), 1, generator=generator).view(*kept.shape[:-1], 1)
    return ids.gather(-1, drawn).squeeze(-1)


def _draw(probabilities: Tensor, p: float, chance: float) -> int:
    """Draw one token of one row: the nucleus is so small that Python numbers are faster than tensors."""
    if p >= 1:  # all tokens, so their order does not matter
        below = probabilities.double().cumsum(-1)
        return min(int(torch.searchsorted(below, chance * below[-1:], right=True)), len(probabilities) - 1)
    values, ids = probabilities.topk(min(_FAST_WIDTH, probabilities.shape[-1]))
    masses = list(_nucleus(values.tolist(), p))
    if sum(masses) <= p and len(masses) < probabilities.shape[-1]:
        values, ids = probabilities.sort(descending=True, stable=True)
        masses = list(_nucleus(values.tolist(), p))
    point = chance * sum(masses)
    ends = accumulate(masses)
    return int(ids[next((at for at, end in enumerate(ends) if point < end), 0)])


def _nucleus(falling: Iterable[float], p: float) -> Iterator[float]:
    before = 0.0
    for mass in falling:
        if before > p:
            return
        yield mass
        before += mass


def choose(
    logits: Tensor, temperature: float, top_p: float, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Return the next token of each row and its log-probability.

    Args:
        logits: ``(..., vocabulary)``, float32.
        temperature: Below :data:`MIN_TEMPERATURE` the most likely token is taken.
        top_p: See :func:`sample_top_p`.
        generator: Source of randomness, one per request, seeded with the request's seed.

    Returns:
        Ids and log-probabilities (nats), both ``(...)``.  Log-probabilities are those of the model's own
        distribution, before temperature and top-p, as in the reference code.
    """
    sampled = temperature >= MIN_TEMPERATURE
    ids = sample_top_p((logits / temperature).softmax(-1), top_p, generator) if sampled else logits.argmax(-1)
    return ids, logits.log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)


@torch.inference_mode()
def choose_one(logits: Tensor, temperature: float, top_p: float, chance: float) -> tuple[int, float]:
    """Return the next token of one row on the CPU and its log-probability, as :func:`choose` does.

    Args:
        logits: ``(vocabulary,)``, float32.
        temperature: As in :func:`choose`.
        top_p: As in :func:`choose`.
        chance: Uniform in [0, 1); it decides which token of the nucleus.
    """
    sampled = temperature >= MIN_TEMPERATURE
    id_ = _draw((logits / temperature).softmax(-1), top_p, chance) if sampled else int(logits.argmax())
    return id_, float(logits[id_] - logits.logsumexp(-1))


class Sampler:
    """Chooses the tokens of one request; the same seed draws the same tokens.

    Args:
        forward_pass: Its compiled step also chooses tokens, where there is one.
        request: Gives temperature, top-p and seed.
        on_device: Chooses where the scores are on a device; None on the CPU.

    Attributes:
        sampling: What a device needs to choose by itself.
    """

    def __init__(
        self, forward_pass: ForwardPass, request: CompletionRequest,
        on_device: DeviceChoice | KernelChoice | None = None,
    ) -> None:  # fmt: skip
        seed = randbits(_SEED_BITS) if request.seed is None else request.seed
        self.sampling = Sampling(request.temperature, request.top_p, seed)
        self._forward_pass, self._on_device = forward_pass, on_device
        self._temperature = request.temperature if request.temperature >= MIN_TEMPERATURE else 0.0
        # On the CPU a random number costs a tenth of a microsecond from Python and ten microseconds from torch.
        self._random = Random(seed % (1 << 64))  # Random takes the absolute value, so -1 would equal 1

    def choose(self, scores: Tensor, position: int, number: int) -> tuple[int, float]:
        """Return a token and its log-probability (nats).

        Args:
            scores: ``(vocabulary,)``, float32, on the device.
            position: Position of the token before; on a device the noise depends on it.
            number: Number of the candidate.
        """
        if self._on_device is not None:
            return self._on_device.choose(scores, self.sampling, Draw(self.sampling.seed + number, position))
        temperature, top_p = self._temperature, self.sampling.top_p
        chance = self._random.random()
        step = self._forward_pass.native_step()
        chosen = step.sampler.choose(scores, temperature, top_p, chance) if step is not None else None
        return chosen or choose_one(scores, temperature, top_p, chance)
