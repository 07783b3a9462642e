"""Llama's forward pass over the modules of a transformers model, lean enough for one token at a time.

The weights stay those of the transformers model; q, k, v and gate, up become one product each where they are plain
linear layers.  Quantised layers (bitsandbytes' ``Linear4bit`` and ``Linear8bitLt``) are called as the modules they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_completion.engine.errors import ModelError
from infill_completion.engine.model import nf4
from infill_completion.engine.model.fork import Fork, positions, visible
from infill_completion.engine.model.fused_ops import PLAIN, Glue
from infill_completion.engine.model.int8 import PackedLinear
from infill_completion.engine.model.kv_cache import KVCache, KVShape

Product = Callable[[Tensor], Tensor]
Write = Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor]]
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
# What a layer of these is made of is what the decoder computes; other architectures differ in norms, biases or order.
ARCHITECTURES = ("llama", "mistral", "qwen2")


@dataclass(frozen=True)
class Layer:
    """The weights of one layer, as products and norms; ``next_norm`` is that of whatever follows it."""

    device: torch.device
    input_norm: Tensor
    post_norm: Tensor
    next_norm: Tensor
    qkv: Product
    out: Product
    gate_up: Product
    down: Product


class _Linear:
    """``x @ weight.T + bias``, without the detour through ``nn.Module.__call__``."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.weight, self.bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


def _product(module: Any, linear: type[_Linear | PackedLinear]) -> Product:
    if type(module) is nn.Linear:
        return linear(module.weight.detach(), None if module.bias is None else module.bias.detach())
    product: Product = module
    return product


def _joined(linear: type[_Linear | PackedLinear], join_quantised: bool, *modules: Any) -> Product:
    """Return one product whose outputs are those of ``modules`` side by side."""
    if join_quantised and (layer := nf4.join(*modules)) is not None:
        return _product(layer, linear)
    if all(type(module) is nn.Linear for module in modules):
        weights = [module.weight for module in modules]
        weight = torch.cat([part.detach() for part in weights])
        for part, view in zip(weights, torch.split(weight, [part.shape[0] for part in weights]), strict=True):
            part.data = view  # the transformers model keeps working and no weight is held twice
        biases = [module.bias for module in modules]
        bias = None if any(part is None for part in biases) else torch.cat([part.detach() for part in biases])
        return linear(weight, bias)
    products = [_product(module, linear) for module in modules]
    return lambda x: torch.cat([product(x) for product in products], -1)


class Decoder:
    """The forward pass of one model.

    Args:
        model: A ``LlamaForCausalLM`` or one of its twins, in evaluation mode.
        capacity: Longest sequence; rotary tables are made for it.
        packed: Round the weights to 8 bits for the CPU; see :mod:`infill_completion.engine.model.int8`.
        tokens: Number of ids that the tokenizer knows; None: as many as the model has.  Embeddings are often padded to
            a round number of rows (Qwen's are), and what the rows behind the vocabulary score means nothing.
        join_quantised: Make one product of q, k, v and of gate, up where they are held in 4 bits; see
            :mod:`infill_completion.engine.model.nf4`.

    Attributes:
        embed: Embeddings, ``(rows, hidden)``; the layers, the last ``norm`` and the ``head`` follow.
        cos: Rotary table, ``(capacity, 1, width)``; the first half of each row of ``sin`` has its sign turned.
        kv_shape: Type of a KV cache that holds numbers of :attr:`dtype`.
    """

    def __init__(
        self,
        model: Any,
        capacity: int,
        *,
        packed: bool = False,
        tokens: int | None = None,
        join_quantised: bool = False,
    ) -> None:
        config = model.config
        if config.model_type not in ARCHITECTURES:
            raise ModelError(
                f"Models of type `{config.model_type}` are not supported; choose a CodeLlama checkpoint or `embedded`."
            )
        self.heads: int = config.num_attention_heads
        self.kv_heads: int = config.num_key_value_heads
        self.width: int = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.eps: float = config.rms_norm_eps
        self.hidden: int = config.hidden_size
        self.vocab_size: int = config.vocab_size if tokens is None else min(tokens, config.vocab_size)
        self.wide, self.capacity = config.intermediate_size, capacity
        core = model.model
        self.embed: Tensor = core.embed_tokens.weight.detach()
        # On the CPU attention over bf16 costs eight times that over float32.
        self.device, self.dtype = self.embed.device, torch.float32 if packed else self.embed.dtype
        self.norm: Tensor = core.norm.weight.detach().to(self.dtype)
        self._linear: type[_Linear | PackedLinear] = PackedLinear if packed else _Linear
        # A head that is tied to the embeddings is left as it is, because packing rounds the weights.
        tied = model.lm_head.weight is core.embed_tokens.weight
        self.head = _product(model.lm_head, _Linear if tied else self._linear)
        self._head_dtype = self.embed.dtype if tied and packed else None
        self._join_quantised = join_quantised
        norms = [*(layer.input_layernorm for layer in core.layers[1:]), core.norm]
        self.layers = [self._layer(layer, norm) for layer, norm in zip(core.layers, norms, strict=True)]
        self.kv_shape = KVShape(tuple(layer.device for layer in self.layers), self.kv_heads, self.width, self.dtype)
        self._make_rotary(core.rotary_emb, capacity)

    def _layer(self, layer: Any, following: Any) -> Layer:
        attention, mlp, device = layer.self_attn, layer.mlp, layer.input_layernorm.weight.device
        return Layer(
            device=device,
            input_norm=layer.input_layernorm.weight.detach().to(self.dtype),
            next_norm=following.weight.detach().to(device, self.dtype),
            post_norm=layer.post_attention_layernorm.weight.detach().to(self.dtype),
            qkv=_joined(self._linear, self._join_quantised, attention.q_proj, attention.k_proj, attention.v_proj),
            out=_product(attention.o_proj, self._linear),
            gate_up=_joined(self._linear, self._join_quantised, mlp.gate_proj, mlp.up_proj),
            down=_product(mlp.down_proj, self._linear),
        )

    @torch.inference_mode()
    def _make_rotary(self, rotary: Any, capacity: int) -> None:
        """Make the tables ``(capacity, 1, width)`` of every position from the model's own rotary module."""
        probe = torch.zeros(1, dtype=self.dtype, device=self.device)
        cos, sin = rotary(probe, torch.arange(capacity, device=self.device)[None])
        half = self.width // 2
        # The rotated half comes from a roll, so the minus sign of rotate_half goes into the table.
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
            cache: A cache of that batch with room for ``start + length`` tokens.
            start: Tokens of the cache that count; whatever stands behind them is overwritten.
            all_logits: Return logits of every token, not only of the last.
            fork: How the places from ``start`` on belong to several candidates; None: they are one text.
            on_write: Called with a layer's number when the keys and values of these tokens are in the cache, and before
                those of earlier ones are read.

        Returns:
            Logits in float32, ``(batch, vocabulary)``, or ``(batch, length, vocabulary)`` with ``all_logits``.
        """
        length = ids.shape[1]
        mask, at = None, torch.arange(start, start + length, device=self.device)
        if fork is not None:
            mask, at = visible(at, start + length, *fork), positions(at, *fork)
        elif length > 1 and start > 0:
            mask = torch.ones(length, start + length, dtype=torch.bool, device=self.device).tril(start)

        def write(layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
            cache.write(layer, keys, values, start)
            if on_write is not None:
                on_write(layer)
            return cache.read(layer, start + length)

        def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(
                queries, keys, values, attn_mask=None if mask is None else mask.to(queries.device),
                is_causal=length > 1 and mask is None, enable_gqa=self.kv_heads != self.heads,
            )  # fmt: skip

        normed = self.through(ids, self.cos[at], self.sin[at], write, attend)
        return self.score(normed if all_logits else normed[:, -1])

    def through(
        self, ids: Tensor, cos: Tensor, sin: Tensor, write: Write, attend: Attend, glue: Glue = PLAIN
    ) -> Tensor:
        """Run tokens through all layers.

        Args:
            ids: ``(batch, length)``.
            cos: The rows of the tokens' positions, ``(length, 1, width)``.
            sin: Alike.
            write: Puts keys and values ``(batch, kv heads, length, width)`` of a layer into a cache and returns what to
                attend to.
            attend: Attention of queries ``(batch, heads, length, width)`` over those.
            glue: What is computed between the products.

        Returns:
            The residual stream behind the last norm, ``(batch, length, hidden)``.
        """
        batch, length = ids.shape
        x = F.embedding(ids, self.embed).to(self.dtype)
        normed = F.rms_norm(x, (self.hidden,), self.layers[0].input_norm, self.eps)
        rotated = self.heads + self.kv_heads
        for index, layer in enumerate(self.layers):
            if layer.device != x.device:
                x, normed, cos, sin = (part.to(layer.device) for part in (x, normed, cos, sin))
            qkv = layer.qkv(normed).view(batch, length, rotated + self.kv_heads, self.width)
            qk = glue.rotate(qkv[:, :, :rotated], cos, sin)
            keys, values = write(index, qk[:, self.heads :], qkv[:, :, rotated:].transpose(1, 2))
            mixed = attend(qk[:, : self.heads], keys, values)
            mixed = mixed.transpose(1, 2).reshape(batch, length, self.heads * self.width)
            x, normed = glue.add_and_norm(x, layer.out(mixed), layer.post_norm, self.eps)
            gated = glue.gate(layer.gate_up(normed))
            x, normed = glue.add_and_norm(x, layer.down(gated), layer.next_norm, self.eps)
        return normed

    def score(self, normed: Tensor) -> Tensor:
        """Return the logits of what :meth:`through` gives, ``(..., hidden)``, in float32."""
        logits = self.head(normed if self._head_dtype is None else normed.to(self._head_dtype))
        return logits[..., : self.vocab_size].float().to(self.device)
