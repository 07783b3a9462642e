"""The forward pass of Llama and its relatives in plain torch, over the weights of a transformers model.

It is fast enough for one token at a time.  In what the families differ is in
:mod:`infill_completion.engine.model.architecture`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_completion.engine.model.architecture import architecture_of, entries_of
from infill_completion.engine.model.causal import attend_causally, has_flash
from infill_completion.engine.model.fork import Fork, positions, visible
from infill_completion.engine.model.fused_ops import PLAIN, FusedOps
from infill_completion.engine.model.int8 import Int8Linear
from infill_completion.engine.model.kv_cache import KVCache, KVShape
from infill_completion.engine.model.layers import DenseLinear, LayerMaker, projection
from infill_completion.engine.model.norms import Norm

Write = Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor]]
Place = Callable[[int, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


class Decoder:
    """The forward pass of one model.

    Args:
        model: A ``LlamaForCausalLM`` or a model of another supported family, in evaluation mode.
        capacity: Longest sequence; the rotary tables have that many rows.
        cpu_int8: Round the weights to 8 bits for the CPU; see :mod:`infill_completion.engine.model.int8`.
        tokens: Vocabulary size of the tokenizer; None: the model's.  Embeddings are often padded to a round number of
            rows (Qwen's are), and the logits of the padding mean nothing.

    Attributes:
        architecture: What the model computes.
        embed: Embeddings, ``(rows, hidden)``; 8-bit rows if they were packed, or are those of a tied head.
        embed_scale: The scale of each 8-bit row, ``(rows,)``; else None.
        layers: The layers, in order.
        norm: The last norm.
        head: Projection to the logits.
        cos: Rotary table, ``(capacity, 1, head_dim)``.
        sin: Rotary table of the same shape; the first half of each row is negated.
        is_float32: Whether weights and products are float32.
        kv_shape: Type of a KV cache that holds numbers of :attr:`dtype`.
        ops: What :meth:`forward` does between the matrix products; a device may have faster operations.
    """

    def __init__(
        self,
        model: Any,
        capacity: int,
        *,
        cpu_int8: bool = False,
        tokens: int | None = None,
    ) -> None:
        config = model.config
        self.architecture = architecture_of(entries_of(config), capacity)
        self.heads: int = config.num_attention_heads
        self.kv_heads: int = config.num_key_value_heads
        self.head_dim: int = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.eps = self.architecture.eps
        self.hidden: int = config.hidden_size
        self.vocab_size: int = config.vocab_size if tokens is None else min(tokens, config.vocab_size)
        self.intermediate, self.capacity = config.intermediate_size, capacity
        core = model.model
        self.embed: Tensor = core.embed_tokens.weight.detach()
        # On the CPU attention in bf16 takes eight times as long as in float32.
        self.device, self.dtype = self.embed.device, torch.float32 if cpu_int8 else self.embed.dtype
        self.is_float32 = self.dtype is torch.float32 and not cpu_int8
        self._is_cuda, self.ops = self.device.type == "cuda", PLAIN
        self.norm = Norm.of(core.norm, self.dtype)
        linear: type[DenseLinear | Int8Linear] = Int8Linear if cpu_int8 else DenseLinear
        self.head = projection(model.lm_head, linear)
        self.embed_scale: Tensor | None = getattr(core.embed_tokens, "scale", None)
        self._is_tied = model.lm_head.weight is core.embed_tokens.weight
        self.share_head()
        maker = LayerMaker(self.dtype, linear)
        norms = [*(layer.input_layernorm for layer in core.layers[1:]), core.norm]
        self.layers = [maker.layer(layer, norm) for layer, norm in zip(core.layers, norms, strict=True)]
        self.kv_shape = KVShape(tuple(layer.device for layer in self.layers), self.kv_heads, self.head_dim, self.dtype)
        self._has_flash = self._is_cuda and all(has_flash(each, self.dtype) for each in set(self.kv_shape.devices))
        self._make_rotary(core.rotary_emb, capacity)

    def share_head(self) -> None:
        """Look tokens up in the 8-bit rows of a tied head, so that these weights are held once."""
        if self._is_tied and isinstance(self.head, Int8Linear):
            self.embed, self.embed_scale = self.head.weight, self.head.scale

    def _embedded(self, ids: Tensor) -> Tensor:
        rows = F.embedding(ids, self.embed).to(self.dtype)
        if self.embed_scale is not None:
            rows = rows * self.embed_scale[ids].to(self.dtype).unsqueeze(-1)
        factor = self.architecture.embedding_factor
        return rows if factor == 1.0 else rows * factor

    @torch.inference_mode()
    def _make_rotary(self, rotary: Any, capacity: int) -> None:
        """Make the tables of all positions with the model's own rotary module."""
        probe = torch.zeros(1, dtype=self.dtype, device=self.device)
        cos, sin = rotary(probe, torch.arange(capacity, device=self.device)[None])
        half = self.head_dim // 2
        # The ops rotate with a roll, so the minus sign of rotate_half is part of the table.
        signed = torch.cat([-sin[..., :half], sin[..., half:]], -1)
        self.cos, self.sin = cos[0].unsqueeze(1), signed[0].unsqueeze(1)

    @torch.inference_mode()
    def forward(
        self, ids: Tensor, cache: KVCache, start: int, *, all_logits: bool = False, fork: Fork | None = None,
        on_write: Callable[[int], None] | None = None,
    ) -> Tensor:  # fmt: skip
        """Run tokens that follow the first ``start`` of ``cache`` and write their keys and values there.

        Args:
            ids: ``(batch, length)``, int64, on :attr:`device`.
            cache: A cache of the same batch size with room for ``start + length`` tokens.
            start: Number of valid tokens in the cache; everything after them is overwritten.
            all_logits: Return the logits of every token instead of the last one only.
            fork: How several candidates share the cache from ``start`` on; None: the tokens are one text.
            on_write: Called with a layer's number after the keys and values of these tokens are written, and before
                those of earlier tokens are read.

        Returns:
            Logits in float32, ``(batch, vocabulary)``, or ``(batch, length, vocabulary)`` with ``all_logits``.
        """
        length = ids.shape[1]
        scale = self.architecture.attention_scale
        mask, at = None, torch.arange(start, start + length, device=self.device)
        if fork is not None:
            mask, at = visible(at, start + length, *fork), positions(at, *fork)
        elif length > 1 and start > 0 and not self._is_cuda:
            mask = torch.ones(length, start + length, dtype=torch.bool, device=self.device).tril(start)

        def write(layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
            cache.write(layer, keys, values, start)
            if on_write is not None:
                on_write(layer)
            return cache.read(layer, start + length, keys.dtype)

        rotate_and_write = self.ops.rotate_and_write

        def place(layer: int, qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            assert rotate_and_write is not None
            queries = rotate_and_write(qkv[0].flatten(1), cos, sin, cache.keys[layer], cache.values[layer], start)
            return queries, *cache.read(layer, start + length, queries.dtype)

        def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            if self._is_cuda and length > 1 and mask is None:
                return attend_causally(queries, keys, values, shares_heads=self._has_flash, scale=scale)
            return F.scaled_dot_product_attention(
                queries, keys, values, attn_mask=None if mask is None else mask.to(queries.device),
                is_causal=length > 1 and mask is None, enable_gqa=self.kv_heads != self.heads, scale=scale,
            )  # fmt: skip

        places = place if rotate_and_write is not None and len(ids) == 1 and on_write is None else None
        normed = self.hidden_states(ids, self.cos[at], self.sin[at], write, attend, self.ops, places)
        return self.logits(normed if all_logits else normed[:, -1])

    def hidden_states(
        self, ids: Tensor, cos: Tensor, sin: Tensor, write: Write, attend: Attend, ops: FusedOps = PLAIN,
        place: Place | None = None,
    ) -> Tensor:  # fmt: skip
        """Run tokens through all layers.

        Args:
            ids: ``(batch, length)``.
            cos: The rows of :attr:`cos` at the tokens' positions, ``(length, 1, head_dim)``.
            sin: The same rows of :attr:`sin`.
            write: Writes a layer's keys and values ``(batch, kv_heads, length, head_dim)`` to a cache and returns those
                to attend to.
            attend: Attention of queries ``(batch, heads, length, head_dim)`` over these keys and values.
            ops: The operations between the matrix products.
            place: Takes the place of ``ops.rotate`` and ``write``: given a layer's queries, keys and values ``(batch,
                length, heads + 2 * kv_heads, head_dim)`` and the tables' rows, returns rotated queries and what they
                attend to.

        Returns:
            The residual stream after the last norm, ``(batch, length, hidden)``.
        """
        batch, length = ids.shape
        x = self._embedded(ids)
        normed = self.layers[0].input_norm(x, self.eps)
        is_gated = self.architecture.is_gated
        rotated = self.heads + self.kv_heads
        for index, layer in enumerate(self.layers):
            if layer.device != x.device:
                x, normed, cos, sin = (part.to(layer.device) for part in (x, normed, cos, sin))
            qkv = layer.qkv(normed).reshape(batch, length, rotated + self.kv_heads, self.head_dim)
            if layer.query_norm is not None and layer.key_norm is not None:
                self._norm_heads(qkv, layer.query_norm, layer.key_norm)
            if place is not None:
                queries, keys, values = place(index, qkv, cos, sin)
            else:
                qk = ops.rotate(qkv[:, :, :rotated], cos, sin)
                queries = qk[:, : self.heads]
                keys, values = write(index, qk[:, self.heads :], qkv[:, :, rotated:].transpose(1, 2))
            mixed = attend(queries, keys, values)
            mixed = mixed.transpose(1, 2).reshape(batch, length, self.heads * self.head_dim)
            x, normed = ops.add_and_norm(x, self._scaled(layer.out(mixed)), layer.post_norm, self.eps)
            wide = layer.gate_up(normed)
            wide = ops.gate(wide) if is_gated else F.gelu(wide, approximate="tanh")
            x, normed = ops.add_and_norm(x, self._scaled(layer.down(wide)), layer.next_norm, self.eps)
        return normed

    def _scaled(self, change: Tensor) -> Tensor:
        factor = self.architecture.residual_factor
        return change if factor == 1.0 else change * factor

    def _norm_heads(self, qkv: Tensor, query_norm: Tensor, key_norm: Tensor) -> None:
        """Norm each head of queries and keys in place, before it is rotated (Qwen3)."""
        for start, end, weight in ((0, self.heads, query_norm), (self.heads, self.heads + self.kv_heads, key_norm)):
            heads = qkv[:, :, start:end]
            heads.copy_(F.rms_norm(heads, (self.head_dim,), weight, self.eps))

    def logits(self, normed: Tensor) -> Tensor:
        """Return the logits of :meth:`hidden_states`, ``(..., hidden)``, in float32."""
        logits = self.head(normed)
        logits = logits[..., : self.vocab_size].float().to(self.device)
        divisor = self.architecture.logits_divisor
        return logits if divisor == 1.0 else logits / divisor
