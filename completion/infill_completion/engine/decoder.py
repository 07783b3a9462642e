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
from infill_completion.engine.kv import KVCache, KVShape
from infill_completion.engine.packed import PackedLinear

Product = Callable[[Tensor], Tensor]
# What a layer of these is made of is what the decoder computes; other architectures differ in norms, biases or order.
ARCHITECTURES = ("llama", "mistral", "qwen2")


@dataclass(frozen=True)
class _Layer:
    device: torch.device
    input_norm: Tensor
    post_norm: Tensor
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


def _joined(linear: type[_Linear | PackedLinear], *modules: Any) -> Product:
    """Return one product whose outputs are those of ``modules`` side by side."""
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
        packed: Round the weights to 8 bits for the CPU; see :mod:`infill_completion.engine.packed`.
        tokens: Number of ids that the tokenizer knows; None: as many as the model has.  Embeddings are often padded to
            a round number of rows (Qwen's are), and what the rows behind the vocabulary score means nothing.
    """

    def __init__(self, model: Any, capacity: int, *, packed: bool = False, tokens: int | None = None) -> None:
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
        self._wide = config.intermediate_size
        core = model.model
        self._embed: Tensor = core.embed_tokens.weight.detach()
        # On the CPU attention over bf16 costs eight times that over float32.
        self.device, self.dtype = self._embed.device, torch.float32 if packed else self._embed.dtype
        self._norm: Tensor = core.norm.weight.detach().to(self.dtype)
        self._linear: type[_Linear | PackedLinear] = PackedLinear if packed else _Linear
        # A head that is tied to the embeddings is left as it is, because packing rounds the weights.
        tied = model.lm_head.weight is core.embed_tokens.weight
        self._head = _product(model.lm_head, _Linear if tied else self._linear)
        self._head_dtype = self._embed.dtype if tied and packed else None
        self._layers = [self._layer(layer) for layer in core.layers]
        self.shape = KVShape(tuple(layer.device for layer in self._layers), self.kv_heads, self.width, self.dtype)
        self._make_rotary(core.rotary_emb, capacity)

    def _layer(self, layer: Any) -> _Layer:
        attention, mlp = layer.self_attn, layer.mlp
        return _Layer(
            device=layer.input_layernorm.weight.device,
            input_norm=layer.input_layernorm.weight.detach().to(self.dtype),
            post_norm=layer.post_attention_layernorm.weight.detach().to(self.dtype),
            qkv=_joined(self._linear, attention.q_proj, attention.k_proj, attention.v_proj),
            out=_product(attention.o_proj, self._linear),
            gate_up=_joined(self._linear, mlp.gate_proj, mlp.up_proj),
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
        self._cos, self._sin = cos[0].unsqueeze(1), signed[0].unsqueeze(1)
        self.capacity = capacity

    @torch.inference_mode()
    def forward(self, ids: Tensor, cache: KVCache, start: int, *, all_logits: bool = False) -> Tensor:
        """Run tokens that follow the first ``start`` of ``cache`` and write their keys and values there.

        Args:
            ids: ``(batch, length)``, int64, on :attr:`device`.
            cache: A cache of that batch with room for ``start + length`` tokens.
            start: Tokens of the cache that count; whatever stands behind them is overwritten.
            all_logits: Return logits of every token, not only of the last.

        Returns:
            Logits in float32, ``(batch, vocabulary)``, or ``(batch, length, vocabulary)`` with ``all_logits``.
        """
        batch, length = ids.shape
        x = F.embedding(ids, self._embed).to(self.dtype)
        cos, sin = self._cos[start : start + length], self._sin[start : start + length]
        mask = None
        if length > 1 and start > 0:
            mask = torch.ones(length, start + length, dtype=torch.bool, device=self.device).tril(start)
        shift = self.width // 2
        rotated = self.heads + self.kv_heads
        for index, layer in enumerate(self._layers):
            if layer.device != x.device:
                x, cos, sin = x.to(layer.device), cos.to(layer.device), sin.to(layer.device)
                mask = None if mask is None else mask.to(layer.device)
            normed = F.rms_norm(x, (self.hidden,), layer.input_norm, self.eps)
            qkv = layer.qkv(normed).view(batch, length, rotated + self.kv_heads, self.width)
            qk = qkv[:, :, :rotated]
            qk = (qk * cos + qk.roll(shift, -1) * sin).transpose(1, 2)
            values = qkv[:, :, rotated:].transpose(1, 2)
            keys, values = cache.write(index, qk[:, self.heads :], values, start)
            mixed = F.scaled_dot_product_attention(
                qk[:, : self.heads], keys, values, attn_mask=mask, is_causal=length > 1 and mask is None,
                enable_gqa=self.kv_heads != self.heads,
            )  # fmt: skip
            x = x + layer.out(mixed.transpose(1, 2).reshape(batch, length, self.heads * self.width))
            gate_up = layer.gate_up(F.rms_norm(x, (self.hidden,), layer.post_norm, self.eps))
            x = x + layer.down(F.silu(gate_up[..., : self._wide]) * gate_up[..., self._wide :])
        x = x if all_logits else x[:, -1]
        x = F.rms_norm(x, (self.hidden,), self._norm.to(x.device), self.eps)
        logits = self._head(x if self._head_dtype is None else x.to(self._head_dtype))
        return logits[..., : self.vocab_size].float().to(self.device)
