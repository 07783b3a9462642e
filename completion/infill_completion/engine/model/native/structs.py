"""The structures of ``step.c``, filled with pointers to tensors that keep their addresses."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.int4 import Int4Linear
from infill_completion.engine.model.kv_cache import KVCache, KVRows
from infill_completion.engine.model.norms import Norm

Pointer = ctypes.c_void_p
_Int, _Float = ctypes.c_int32, ctypes.c_float
_ROWS_AT_ONCE = 16


class NativeLinear(ctypes.Structure):
    """``linear_t``."""

    _fields_ = (
        ("weight", Pointer), ("groups", Pointer), ("scale", Pointer), ("bias", Pointer), ("sum", Pointer),
        ("outputs", _Int), ("inputs", _Int),
    )  # fmt: skip


class NativeNorm(ctypes.Structure):
    """``norm_t``."""

    _fields_ = (("weight", Pointer), ("bias", Pointer))


class NativeLayer(ctypes.Structure):
    """``layer_t``."""

    _fields_ = (
        ("input_norm", NativeNorm), ("post_norm", NativeNorm), ("query_norm", Pointer), ("key_norm", Pointer),
        ("qkv", NativeLinear), ("out", NativeLinear), ("gate_up", NativeLinear), ("down", NativeLinear),
    )  # fmt: skip


class NativeModel(ctypes.Structure):
    """``model_t``."""

    _fields_ = (
        ("layers", _Int), ("hidden", _Int), ("heads", _Int), ("kv_heads", _Int), ("head_dim", _Int),
        ("intermediate", _Int), ("tokens", _Int), ("is_gated", _Int), ("eps", _Float), ("embed_factor", _Float),
        ("query_factor", _Float), ("residual_factor", _Float), ("embed", Pointer), ("embed_scale", Pointer),
        ("cos", Pointer), ("sin", Pointer), ("norm", NativeNorm), ("layer", ctypes.POINTER(NativeLayer)),
        ("head", NativeLinear),
    )  # fmt: skip


class NativeKVRows(ctypes.Structure):
    """``kv_rows_t``."""

    _fields_ = (("numbers", Pointer), ("scale", Pointer))


class NativeCache(ctypes.Structure):
    """``cache_t``."""

    _fields_ = (("keys", NativeKVRows), ("values", NativeKVRows))


class NativePass(ctypes.Structure):
    """``pass_t``."""

    _fields_ = (
        ("model", ctypes.POINTER(NativeModel)), ("cache", ctypes.POINTER(NativeCache)), ("capacity", _Int),
        ("batch", _Int), ("length", _Int), ("start", _Int), ("shared", _Int), ("ways", _Int), ("workspace", Pointer),
        ("threads", _Int),
    )  # fmt: skip


class StructBuilder:
    """Makes structures, and keeps the tensors alive to which they point."""

    def __init__(self) -> None:
        self._tensors: list[Tensor] = []

    def model(self, decoder: Decoder) -> NativeModel:
        """Return the structure of a decoder; see :func:`infill_completion.engine.model.native.step.suits`."""
        layers = [
            NativeLayer(
                self._norm(layer.input_norm), self._norm(layer.post_norm),
                self._optional(layer.query_norm), self._optional(layer.key_norm),
                *(self._linear(linear) for linear in (layer.qkv, layer.out, layer.gate_up, layer.down)),
            )
            for layer in decoder.layers
        ]  # fmt: skip
        kind = decoder.architecture
        return NativeModel(
            len(layers), decoder.hidden, decoder.heads, decoder.kv_heads, decoder.head_dim, decoder.intermediate,
            decoder.embed.shape[0], kind.is_gated, decoder.eps, kind.embedding_factor,
            kind.attention_scale * decoder.head_dim**0.5, kind.residual_factor, self._pointer(decoder.embed),
            self._optional(decoder.embed_scale), self._floats(decoder.cos), self._floats(decoder.sin),
            self._norm(decoder.norm, kind.logits_divisor), (NativeLayer * len(layers))(*layers),
            self._linear(decoder.head, decoder.vocab_size),
        )  # fmt: skip

    def _linear(self, linear: Any, outputs: int | None = None) -> NativeLinear:
        if isinstance(linear, Int4Linear):
            groups, bias = self._pointer(linear.weight), self._optional(linear.bias)
            return NativeLinear(None, groups, None, bias, None, outputs or linear.outputs, linear.inputs)
        rows, inputs = linear.weight.shape
        bias = self._optional(linear.bias)
        weight, scale = self._pointer(linear.weight), self._floats(linear.scale)
        sums = self._pointer(_row_sums(linear.weight))
        return NativeLinear(weight, None, scale, bias, sums, outputs or rows, inputs)

    def _norm(self, norm: Norm, divisor: float = 1.0) -> NativeNorm:
        """Return a norm; its results are divided by ``divisor``, and so are those of a linear layer after it."""
        bias = None if norm.bias is None else norm.bias.float() / divisor
        return NativeNorm(self._floats(norm.weight.float() / divisor), self._optional(bias))

    def _optional(self, tensor: Tensor | None) -> int | None:
        return None if tensor is None else self._floats(tensor)

    def _floats(self, tensor: Tensor) -> int:
        return self._pointer(tensor.float().contiguous())

    def _pointer(self, tensor: Tensor) -> int:
        self._tensors.append(tensor)
        return tensor.data_ptr()


def _row_sums(weight: Tensor) -> Tensor:
    """Return the sum of each row; torch widens the numbers first, and the memory for that is reused."""
    sums = torch.empty(len(weight), dtype=torch.int32)
    wide = torch.empty((min(len(weight), _ROWS_AT_ONCE), weight.shape[1]), dtype=torch.int32)
    for part, into in zip(torch.split(weight, _ROWS_AT_ONCE), torch.split(sums, _ROWS_AT_ONCE), strict=True):
        torch.sum(wide[: len(part)].copy_(part), 1, dtype=torch.int32, out=into)
    return sums


def cache_of(cache: KVCache) -> Any:
    """Return an array with a :class:`NativeCache` for each layer; the caller keeps the tensors alive."""
    layers = [NativeCache(_rows(keys), _rows(values)) for keys, values in zip(cache.keys, cache.values, strict=True)]
    return (NativeCache * len(layers))(*layers)


def _rows(rows: KVRows) -> NativeKVRows:
    assert rows.scale is not None, "the compiled step takes rounded caches only"
    return NativeKVRows(rows.numbers.data_ptr(), rows.scale.data_ptr())
