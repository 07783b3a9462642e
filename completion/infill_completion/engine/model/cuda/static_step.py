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
from infill_completion.engine.model.cuda.step import Step
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import positions, visible
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


class StaticStep(Step):
    """The step in torch's operators.

    Args:
        decoder: The model.
        width: Number of tokens.
        ops: The operations between the matrix products.
    """

    def __init__(self, decoder: Decoder, width: int = 1, ops: FusedOps = PLAIN) -> None:
        device = decoder.device
        super().__init__(width, device)
        self.decoder, self._ops = decoder, ops
        self._logits = torch.zeros(width, decoder.vocab_size, device=device)
        self._offsets = torch.arange(width, device=device)
        self._noise = Noise(width, decoder.vocab_size, device)
        self._temperature, self._top_p = torch.ones((), device=device), torch.ones((), device=device)
        self._is_greedy = torch.zeros((), dtype=torch.bool, device=device)
        self._set = (-1.0, -1.0)

    @property
    def logits(self) -> Tensor:
        """As for every step."""
        return self._logits

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

    @torch.inference_mode()
    def run(self, cache: KVCache, bucket: int) -> None:
        """Compute the step on the first ``bucket`` tokens of ``cache``, which include those of the step."""
        decoder, group = self.decoder, self.decoder.heads // self.decoder.kv_heads
        at = self.index + self._offsets
        seen = visible(at, bucket, self.shared, self.ways)
        # Heads that share keys are laid out as if they were more tokens: any kernel then reads the keys only once.
        mask = seen.repeat(group, 1)
        # Tokens that are computed in vain may lie after the last position.
        position = positions(at, self.shared, self.ways).clamp_max(decoder.capacity - 1)

        def write(layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
            index, dtype = at.to(keys.device), cache.shape.dtype
            all_keys, all_values = cache.keys[layer].numbers, cache.values[layer].numbers
            all_keys.index_copy_(2, index, keys.to(dtype))
            all_values.index_copy_(2, index, values.to(dtype))
            return all_keys[:, :, :bucket].to(keys.dtype), all_values[:, :, :bucket].to(keys.dtype)

        def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            grouped = queries.reshape(1, decoder.kv_heads, group * self.width, decoder.head_dim)
            mixed = F.scaled_dot_product_attention(
                grouped, keys, values, attn_mask=mask.to(queries.device), scale=decoder.architecture.attention_scale
            )
            return mixed.reshape(1, decoder.heads, self.width, decoder.head_dim)

        cos, sin = decoder.cos.index_select(0, position), decoder.sin.index_select(0, position)
        normed = decoder.hidden_states(self.ids, cos, sin, write, attend, self._ops)
        logits = self._logits.copy_(decoder.logits(normed)[0])
        chosen = choose_static(logits, self._temperature, self._top_p, self._is_greedy, self._noise.samples)
        self.result[:, 0] = chosen
        self.result[:, 1] = logits.log_softmax(-1).gather(-1, chosen[:, None]).squeeze(-1)
        if self.width == 1:
            self.ids.copy_(chosen[None])
            self.index.add_(1)
