"""A decode step over tensors that keep their addresses: forward pass and sampling, without reading a value back.

Nothing in the step depends on numbers that only the device knows, and all shapes depend on the bucket alone.  So the
whole step can be captured in a CUDA graph once per bucket and replayed, as in
:mod:`infill_completion.engine.model.cuda.device_loop`.
Whether a token ends the answer is decided by the host, which reads each token anyway.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_completion.engine.model.cuda.choice import choose_static
from infill_completion.engine.model.cuda.noise import Draw, Noise
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork, positions, visible
from infill_completion.engine.model.fused_ops import PLAIN, FusedOps
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.sampling import MIN_TEMPERATURE, Sampling

_SMALLEST_BUCKET = 256  # all buckets are multiples of 128, which suits every attention kernel


def bucket_of(length: int, capacity: int) -> int:
    """Return how many tokens of a cache a step reads that fills ``length``: at most 1.5 times as many."""
    size = _SMALLEST_BUCKET
    while size < length:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return min(size, capacity)


_ONE_TEXT = Fork(0, 1)


class StaticStep:
    """The step for ``width`` tokens: consecutive tokens of one text, or the next token of each of several candidates.

    Args:
        decoder: The model.
        width: Number of tokens.
        ops: The operations between the matrix products.

    Attributes:
        ids: The input tokens, ``(1, width)``; a step of width 1 leaves the chosen token there for the next step.
        index: Cache index of the first of them, ``(1,)``; a step of width 1 increments it.
        logits: The logits after each token, ``(width, vocabulary)``, float32.
        result: The token chosen after each input token and its log-probability, ``(width, 2)``, float64, which holds
            every id exactly.
    """

    def __init__(self, decoder: Decoder, width: int = 1, ops: FusedOps = PLAIN) -> None:
        self.decoder, self.width, self._ops, device = decoder, width, ops, decoder.device
        self.ids = torch.zeros(1, width, dtype=torch.long, device=device)
        self.index = torch.zeros(1, dtype=torch.long, device=device)
        self.logits = torch.zeros(width, decoder.vocab_size, device=device)
        self.result = torch.zeros(width, 2, dtype=torch.float64, device=device)
        self._offsets = torch.arange(width, device=device)
        self._shared = torch.zeros((), dtype=torch.long, device=device)
        self._ways = torch.ones((), dtype=torch.long, device=device)
        self._fork = _ONE_TEXT
        self._noise = Noise(width, decoder.vocab_size, device)
        self._temperature, self._top_p = torch.ones((), device=device), torch.ones((), device=device)
        self._is_greedy = torch.zeros((), dtype=torch.bool, device=device)
        self._set = (-1.0, -1.0)

    def prepare(self, sampling: Sampling, draws: Sequence[Draw]) -> None:
        """Set how the next step samples, one of ``draws`` for each input token that counts.

        The noise is drawn here, outside of the graph.
        """
        temperature, top_p = sampling.temperature, sampling.top_p
        is_greedy = temperature < MIN_TEMPERATURE
        if self._set != (temperature, top_p):
            self._set = (temperature, top_p)
            self._temperature.fill_(1.0 if is_greedy else temperature)
            self._top_p.fill_(top_p)
            self._is_greedy.fill_(is_greedy)
        if not is_greedy:
            self._noise.draw(draws)

    def feed(self, ids: Sequence[int], index: int, fork: Fork | None = None) -> None:
        """Set the input tokens of the next step, at most ``width``; the rest of the step is computed in vain.

        Args:
            ids: The tokens.
            index: Cache index of the first one.
            fork: How several candidates share the cache; None: the tokens are one text.
        """
        self.ids.copy_(torch.tensor([[*ids, *[0] * (self.width - len(ids))]]))
        self.index.fill_(index)
        if (fork := fork or _ONE_TEXT) != self._fork:
            self._fork = fork
            self._shared.fill_(fork.shared)
            self._ways.fill_(fork.ways)

    @torch.inference_mode()
    def run(self, cache: KVCache, bucket: int) -> None:
        """Compute the step on the first ``bucket`` tokens of ``cache``, which include those of the step."""
        decoder, group = self.decoder, self.decoder.heads // self.decoder.kv_heads
        at = self.index + self._offsets
        seen = visible(at, bucket, self._shared, self._ways)
        # Heads that share keys are laid out as if they were more tokens: any kernel then reads the keys only once.
        mask = seen.repeat(group, 1)
        # Tokens that are computed in vain may lie after the last position.
        position = positions(at, self._shared, self._ways).clamp_max(decoder.capacity - 1)

        def write(layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
            index, dtype = at.to(keys.device), cache.shape.dtype
            all_keys, all_values = cache.keys[layer].numbers, cache.values[layer].numbers
            all_keys.index_copy_(2, index, keys.to(dtype))
            all_values.index_copy_(2, index, values.to(dtype))
            return all_keys[:, :, :bucket].to(keys.dtype), all_values[:, :, :bucket].to(keys.dtype)

        def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            grouped = queries.reshape(1, decoder.kv_heads, group * self.width, decoder.head_dim)
            mixed = F.scaled_dot_product_attention(grouped, keys, values, attn_mask=mask.to(queries.device))
            return mixed.reshape(1, decoder.heads, self.width, decoder.head_dim)

        cos, sin = decoder.cos.index_select(0, position), decoder.sin.index_select(0, position)
        normed = decoder.hidden_states(self.ids, cos, sin, write, attend, self._ops)
        logits = self.logits.copy_(decoder.logits(normed)[0])
        chosen = choose_static(logits, self._temperature, self._top_p, self._is_greedy, self._noise.samples)
        self.result[:, 0] = chosen
        self.result[:, 1] = logits.log_softmax(-1).gather(-1, chosen[:, None]).squeeze(-1)
        if self.width == 1:
            self.ids.copy_(chosen[None])
            self.index.add_(1)
