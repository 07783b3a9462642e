"""The weights of a decoder layer, taken from a transformers model.

Plain linear layers are joined: q, k, v become one projection, and so do gate, up.  Quantized layers (bitsandbytes'
``Linear4bit`` and ``Linear8bitLt``) are called as the modules they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_completion.engine.model.int8 import Int8Linear
from infill_completion.engine.model.norms import Norm

Projection = Callable[[Tensor], Tensor]


class DenseLinear:
    """``x @ weight.T + bias``, without the overhead of ``nn.Module.__call__``."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.weight, self.bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        """Return the product for ``x`` of shape ``(..., inputs)``."""
        return F.linear(x, self.weight, self.bias)


@dataclass(frozen=True)
class Layer:
    """The weights of one layer; ``next_norm`` is the input norm of the next layer, or the model's last norm.

    Attributes:
        gate_up: Without a gate, the first linear layer of the feed-forward part.
        query_norm: Weight of the norm of each head of queries before it is rotated, ``(head_dim,)``; None for none.
        key_norm: The same of the keys.
    """

    device: torch.device
    input_norm: Norm
    post_norm: Norm
    next_norm: Norm
    qkv: Projection
    out: Projection
    gate_up: Projection
    down: Projection
    query_norm: Tensor | None = None
    key_norm: Tensor | None = None


class LayerMaker(NamedTuple):
    """Makes layers.

    Attributes:
        dtype: The dtype of the norms.
        linear: What plain linear layers become.
    """

    dtype: torch.dtype
    linear: type[DenseLinear | Int8Linear]

    def layer(self, layer: Any, next_norm: Any) -> Layer:
        """Return a layer of the transformers model; ``next_norm`` is the norm module that follows it."""
        attention, mlp, device = layer.self_attn, layer.mlp, layer.input_layernorm.weight.device
        return Layer(
            device=device,
            input_norm=Norm.of(layer.input_layernorm, self.dtype),
            next_norm=Norm.of(next_norm, self.dtype, device),
            post_norm=Norm.of(layer.post_attention_layernorm, self.dtype),
            qkv=self._joined(attention, "qkv_proj", "q_proj", "k_proj", "v_proj"),
            out=projection(attention.o_proj, self.linear),
            gate_up=self._widening(mlp),
            down=projection(mlp.c_proj if hasattr(mlp, "c_proj") else mlp.down_proj, self.linear),
            query_norm=self._norm(attention, "q_norm"),
            key_norm=self._norm(attention, "k_norm"),
        )

    def _widening(self, mlp: Any) -> Projection:
        if hasattr(mlp, "c_fc"):  # without a gate (StarCoder2)
            return projection(mlp.c_fc, self.linear)
        return self._joined(mlp, "gate_up_proj", "gate_proj", "up_proj")

    def _norm(self, attention: Any, name: str) -> Tensor | None:
        norm = getattr(attention, name, None)
        return None if norm is None else norm.weight.detach().to(self.dtype)

    def _joined(self, block: Any, joined: str, *names: str) -> Projection:
        """Return one projection whose outputs are those of the named modules side by side, unless it exists already."""
        if hasattr(block, joined):
            return projection(getattr(block, joined), self.linear)
        modules = [getattr(block, name) for name in names]
        if all(type(module) is nn.Linear for module in modules):
            weights = [module.weight for module in modules]
            weight = torch.cat([part.detach() for part in weights])
            for part, view in zip(weights, torch.split(weight, [part.shape[0] for part in weights]), strict=True):
                part.data = view  # the transformers model keeps working and no weight is held twice
            biases = [module.bias for module in modules]
            bias = None if any(part is None for part in biases) else torch.cat([part.detach() for part in biases])
            return self.linear(weight, bias)
        projections = [projection(module, self.linear) for module in modules]
        return lambda x: torch.cat([project(x) for project in projections], -1)


def projection(module: Any, linear: type[DenseLinear | Int8Linear]) -> Projection:
    """Return a plain linear layer as ``linear``, and any other module as it is."""
    if type(module) is nn.Linear:
        return linear(module.weight.detach(), None if module.bias is None else module.bias.detach())
    project: Projection = module
    return project
