"""The weights of a model as the kernels of a decode step take them."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.choose import MAX_VOCABULARY
from infill_completion.engine.model.cuda.kernels.nf4 import Codebooks, NF4Matrix, codebooks_of, matrix_of
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.layers import DenseLinear

_HEAD_DIMS = (64, 128)
_NUMBERS = (torch.bfloat16, torch.float16)
# Block and name of each linear layer of a transformers layer, in the order of :attr:`LayerWeights.matrices`.
LINEAR = (
    ("self_attn", "q_proj"), ("self_attn", "k_proj"), ("self_attn", "v_proj"), ("self_attn", "o_proj"),
    ("mlp", "gate_proj"), ("mlp", "up_proj"), ("mlp", "down_proj"),
)  # fmt: skip


class LayerWeights(NamedTuple):
    """The weights of one layer; ``next_norm`` is the input norm of the next layer, or the model's last norm."""

    queries: NF4Matrix
    keys: NF4Matrix
    values: NF4Matrix
    bias: Tensor
    out: NF4Matrix
    gate: NF4Matrix
    up: NF4Matrix
    down: NF4Matrix
    post_norm: Tensor
    next_norm: Tensor

    @property
    def matrices(self) -> tuple[NF4Matrix, ...]:
        """All matrices, in the order of :data:`LINEAR`."""
        return tuple(matrix for matrices in self.products for matrix in matrices)

    @property
    def products(self) -> tuple[tuple[NF4Matrix, ...], ...]:
        """The matrices that are multiplied by the same numbers, together."""
        return (self.queries, self.keys, self.values), (self.out,), (self.gate, self.up), (self.down,)


class StepWeights(NamedTuple):
    """The weights of all layers.

    Attributes:
        layers: In order.
        codebooks: Of their matrices.
        head: Projection to the logits, ``(rows, hidden)``, 16 bits.
    """

    layers: tuple[LayerWeights, ...]
    codebooks: Codebooks
    head: Tensor


def step_weights(model: Any, decoder: Decoder) -> StepWeights | None:
    """Return the weights of a transformers model and its decoder, not packed yet, or None if the kernels suit neither.

    They suit models whose linear layers are all in NF4 with double quantisation, on one device, with keys and values of
    16 bits.
    """
    if (
        decoder.dtype not in _NUMBERS
        or not isinstance(decoder.head, DenseLinear)
        or decoder.head.bias is not None
        or decoder.kv_shape.dtype is not decoder.dtype
        or decoder.head_dim not in _HEAD_DIMS
        or len(set(decoder.kv_shape.devices)) != 1
        or not decoder.architecture.is_plain
        or decoder.hidden % 16
        or decoder.vocab_size > MAX_VOCABULARY
        or any(layer.query_norm is not None for layer in decoder.layers)
    ):
        return None
    modules = [linear_layers(layer) for layer in model.model.layers]
    flat = [module for layer in modules for module in layer]
    if any(matrix_of(module) is None for module in flat):
        return None
    if any(module.bias is not None for layer in modules for module in layer[3:]):
        return None
    codebooks = codebooks_of(flat)
    if codebooks is None:
        return None
    layers = [
        _layer(each, decoder.layers[index].post_norm.weight, decoder.layers[index].next_norm.weight, decoder.dtype)
        for index, each in enumerate(modules)
    ]
    return StepWeights(tuple(layers), codebooks, decoder.head.weight)


def linear_layers(layer: Any) -> list[Any]:
    """Return the linear layers of a transformers layer, in the order of :data:`LINEAR`."""
    return [getattr(getattr(layer, block), name) for block, name in LINEAR]


def _layer(modules: list[Any], post_norm: Tensor, next_norm: Tensor, dtype: torch.dtype) -> LayerWeights:
    queries, keys, values, out, gate, up, down = (_matrix(module) for module in modules)
    biases = [
        torch.zeros(matrix.outputs, dtype=dtype, device=matrix.packed.device)
        if module.bias is None
        else module.bias.detach().to(dtype)
        for module, matrix in zip(modules, (queries, keys, values), strict=False)
    ]
    return LayerWeights(queries, keys, values, torch.cat(biases), out, gate, up, down, post_norm, next_norm)


def _matrix(module: Any) -> NF4Matrix:
    matrix = matrix_of(module)
    assert matrix is not None  # the caller has checked
    return matrix
