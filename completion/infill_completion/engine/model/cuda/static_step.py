"""A decode step over tensors that stay where they are: forward pass and choice, without a look at a value.

Nothing in it depends on numbers that only the device knows, and no shape on anything but the bucket, so the whole step
can be captured in a CUDA graph once for each bucket and replayed; see `device_loop`.
Whether a token ends the answer is left to the host, which reads each token anyway.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork, positions, visible
from infill_completion.engine.model.fused_ops import PLAIN, Glue
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.sampling import MIN_TEMPERATURE

_SHORTEST = 256  # all buckets are multiples of 128, which every attention kernel likes
_STRIDE = 1_000_003  # more than any context is long, so that no two seeds share the noise of a place


def bucket_of(length: int, capacity: int) -> int:
    """Return how many places of a cache a step reads that fills ``length``: at most half as many again as it needs."""
    size = _SHORTEST
    while size < length:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return min(size, capacity)


def choose_static(logits: Tensor, temperature: Tensor, top_p: Tensor, is_greedy: Tensor, noise: Tensor) -> Tensor:
    """Return the next token of each row as `sampler.choose` does, without a branch.

    Args:
        logits: ``(rows, vocabulary)``, float32.
        temperature: A number above 0, as a tensor without dimensions.
        top_p: The mass of the nucleus, alike.
        is_greedy: Whether the likeliest is taken, alike.
        noise: Draws from the exponential distribution, of the shape of ``logits``.  The token whose chance over its
            noise is largest is drawn with just that chance (an exponential race).
    """
    chances = (logits / temperature).softmax(-1)
    values, order = chances.sort(dim=-1, descending=True, stable=True)
    before = values.cumsum(-1) - values
    kept = values.masked_fill(before > top_p, 0.0)
    first = (kept / noise).argmax(-1, keepdim=True)
    return torch.where(is_greedy, logits.argmax(-1), order.gather(-1, first).squeeze(-1))


_ONE_TEXT = Fork(0, 1)


class StaticStep:
    """The step for ``width`` tokens: of one text, or the next one of each of several candidates.

    Args:
        decoder: The model.
        width: Tokens of a step.
        glue: What is computed between the products.

    Attributes:
        ids: What is fed, ``(1, width)``; a step of width 1 leaves the chosen token there for the next one.
        place: Where the first of them stands in the cache, ``(1,)``; a step of width 1 moves it on.
        logits: The model's scores behind each token, ``(width, vocabulary)``, float32.
        result: For each token the one chosen behind it and its log-probability, ``(width, 2)``, float64, which holds
            every id exactly.
    """

    def __init__(self, decoder: Decoder, width: int = 1, glue: Glue = PLAIN) -> None:
        self.decoder, self.width, self._glue, device = decoder, width, glue, decoder.device
        self.ids = torch.zeros(1, width, dtype=torch.long, device=device)
        self.place = torch.zeros(1, dtype=torch.long, device=device)
        self.logits = torch.zeros(width, decoder.vocab_size, device=device)
        self.result = torch.zeros(width, 2, dtype=torch.float64, device=device)
        self._offsets = torch.arange(width, device=device)
        self._shared = torch.zeros((), dtype=torch.long, device=device)
        self._ways = torch.ones((), dtype=torch.long, device=device)
        self._fork = _ONE_TEXT
        self._noise = torch.ones(width, decoder.vocab_size, device=device)
        self._temperature, self._top_p = torch.ones((), device=device), torch.ones((), device=device)
        self._is_greedy = torch.zeros((), dtype=torch.bool, device=device)
        self._random = torch.Generator(device=device)
        self._set = (-1.0, -1.0)

    def prepare(self, temperature: float, top_p: float, seed: int, place: int) -> None:
        """Set how the next step chooses.

        The noise is drawn here, outside of the graph, from the seed and the place alone: a step that is computed twice,
        because another answer had its turn in between, draws the same token.
        """
        is_cold = temperature < MIN_TEMPERATURE
        if self._set != (temperature, top_p):
            self._set = (temperature, top_p)
            self._temperature.fill_(1.0 if is_cold else temperature)
            self._top_p.fill_(top_p)
            self._is_greedy.fill_(is_cold)
        if not is_cold:
            self._random.manual_seed((seed * _STRIDE + place) % 2**63)
            self._noise.exponential_(generator=self._random).clamp_min_(torch.finfo(torch.float32).tiny)

    def feed(self, ids: Sequence[int], place: int, fork: Fork | None = None) -> None:
        """Set the tokens of the next step, at most ``width``; what stands behind them is computed in vain.

        ``fork`` tells whose the places are where there are several candidates.
        """
        self.ids.copy_(torch.tensor([[*ids, *[0] * (self.width - len(ids))]]))
        self.place.fill_(place)
        if (fork := fork or _ONE_TEXT) != self._fork:
            self._fork = fork
            self._shared.fill_(fork.shared)
            self._ways.fill_(fork.ways)

    @torch.inference_mode()
    def run(self, cache: KVCache, bucket: int) -> None:
        """Compute the step on the first ``bucket`` places of ``cache``, which hold all its tokens."""
        decoder, group = self.decoder, self.decoder.heads // self.decoder.kv_heads
        at = self.place + self._offsets
        seen = visible(at, bucket, self._shared, self._ways)
        # The heads that share keys stand side by side as if they were more tokens: keys are read once, on any kernel.
        mask = seen.repeat(group, 1)
        # What is computed in vain may lie behind the last position.
        position = positions(at, self._shared, self._ways).clamp_max(decoder.capacity - 1)

        def write(layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
            place, kept = at.to(keys.device), cache.shape.dtype
            all_keys, all_values = cache.keys[layer].numbers, cache.values[layer].numbers
            all_keys.index_copy_(2, place, keys.to(kept))
            all_values.index_copy_(2, place, values.to(kept))
            return all_keys[:, :, :bucket].to(keys.dtype), all_values[:, :, :bucket].to(keys.dtype)

        def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            grouped = queries.reshape(1, decoder.kv_heads, group * self.width, decoder.width)
            mixed = F.scaled_dot_product_attention(grouped, keys, values, attn_mask=mask.to(queries.device))
            return mixed.view(1, decoder.heads, self.width, decoder.width)

        cos, sin = decoder.cos.index_select(0, position), decoder.sin.index_select(0, position)
        logits = self.logits.copy_(decoder.score(decoder.through(self.ids, cos, sin, write, attend, self._glue))[0])
        chosen = choose_static(logits, self._temperature, self._top_p, self._is_greedy, self._noise)
        self.result[:, 0] = chosen
        self.result[:, 1] = logits.log_softmax(-1).gather(-1, chosen[:, None]).squeeze(-1)
        if self.width == 1:
            self.ids.copy_(chosen[None])
            self.place.add_(1)
