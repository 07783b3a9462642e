"""The draws of one request: where its random numbers come from, and who chooses tokens with them."""

from __future__ import annotations

from random import Random
from secrets import randbits

import torch
from torch import Tensor

from infill_completion.api import CompletionRequest
from infill_completion.engine.decoding.sampler import COLDEST, choose, choose_one
from infill_completion.engine.model.cuda.device_loop import Sampling
from infill_completion.engine.model.decoder import Decoder

_SEED_BITS = 63


class Dice:
    """Chooses the tokens of one request; the same seed gives the same draws.

    Args:
        decoder: Whose compiled step chooses too, where there is one.
        request: Gives temperature, top-p and seed.

    Attributes:
        sampling: What a device needs to choose by itself.
    """

    def __init__(self, decoder: Decoder, request: CompletionRequest) -> None:
        seed = randbits(_SEED_BITS) if request.seed is None else request.seed
        self.sampling = Sampling(request.temperature, request.top_p, seed)
        self._decoder = decoder
        self._temperature = request.temperature if request.temperature >= COLDEST else 0.0
        # On the CPU one number costs a tenth of a microsecond from Python and ten from torch.
        self._random = Random(seed % (1 << 64))  # Random takes -1 for 1
        self._on_device: torch.Generator | None = None
        if decoder.device.type != "cpu":
            self._on_device = torch.Generator(device=decoder.device).manual_seed(seed)

    def choose(self, scores: Tensor) -> tuple[int, float]:
        """Return a token and its log-probability (nats), given scores ``(vocabulary,)``, float32, on the device."""
        temperature, top_p = self._temperature, self.sampling.top_p
        if self._on_device is not None:
            id_, logprob = choose(scores, temperature, top_p, self._on_device)
            return int(id_), float(logprob)
        chance = self._random.random()
        step = self._decoder.native_step()
        chosen = step.choice.choose(scores, temperature, top_p, chance) if step is not None else None
        return chosen or choose_one(scores, temperature, top_p, chance)
