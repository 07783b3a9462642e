"""The structures of ``step.c`` over tensors that stay where they are."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import Kept, KVCache

Pointer = ctypes.c_void_p
_Int = ctypes.c_int32


class Product(ctypes.Structure):
    """``product_t``."""

    _fields_ = (
        ("weight", Pointer), ("scale", Pointer), ("bias", Pointer), ("sum", Pointer), ("outputs", _Int),
        ("inputs", _Int),
    )  # fmt: skip


class Layer(ctypes.Structure):
    """``layer_t``."""

    _fields_ = (
        ("input_norm", Pointer), ("post_norm", Pointer), ("qkv", Product), ("out", Product), ("gate_up", Product),
        ("down", Product),
    )  # fmt: skip


class Model(ctypes.Structure):
    """``model_t``."""

    _fields_ = (
        ("layers", _Int), ("hidden", _Int), ("heads", _Int), ("kv_heads", _Int), ("width", _Int), ("wide", _Int),
        ("tokens", _Int), ("eps", ctypes.c_float), ("embed", Pointer), ("cos", Pointer), ("sin", Pointer),
        ("norm", Pointer), ("layer", ctypes.POINTER(Layer)), ("head", Product),
    )  # fmt: skip


class KeptRows(ctypes.Structure):
    """``kept_t``."""

    _fields_ = (("numbers", Pointer), ("scale", Pointer))


class Cache(ctypes.Structure):
    """``cache_t``."""

    _fields_ = (("keys", KeptRows), ("values", KeptRows))


class Pass(ctypes.Structure):
    """``pass_t``."""

    _fields_ = (
        ("model", ctypes.POINTER(Model)), ("cache", ctypes.POINTER(Cache)), ("room", _Int), ("batch", _Int),
        ("length", _Int), ("start", _Int), ("shared", _Int), ("ways", _Int), ("workspace", Pointer),
    )  # fmt: skip


class Holder:
    """Makes structures, and holds the tensors that they point to."""

    def __init__(self) -> None:
        self._held: list[Tensor] = []

    def model(self, decoder: Decoder) -> Model:
        """Return the model of a decoder that :func:`infill_completion.engine.model.native.step.suits` the step."""
        layers = [
            Layer(
                self._floats(layer.input_norm), self._floats(layer.post_norm),
                *(self._product(product) for product in (layer.qkv, layer.out, layer.gate_up, layer.down)),
            )
            for layer in decoder.layers
        ]  # fmt: skip
        return Model(
            len(layers), decoder.hidden, decoder.heads, decoder.kv_heads, decoder.width, decoder.wide,
            decoder.embed.shape[0], decoder.eps, self._pointer(decoder.embed), self._floats(decoder.cos),
            self._floats(decoder.sin), self._floats(decoder.norm), (Layer * len(layers))(*layers),
            self._product(decoder.head, decoder.vocab_size),
        )  # fmt: skip

    def _product(self, product: Any, outputs: int | None = None) -> Product:
        rows, inputs = product.packed.shape
        bias = None if product.bias is None else self._floats(product.bias)
        sums = self._pointer(product.packed.sum(1, dtype=torch.int32))
        return Product(self._pointer(product.packed), self._floats(product.scale), bias, sums, outputs or rows, inputs)

    def _floats(self, tensor: Tensor) -> int:
        return self._pointer(tensor.float().contiguous())

    def _pointer(self, tensor: Tensor) -> int:
        self._held.append(tensor)
        return tensor.data_ptr()


def cache_of(cache: KVCache) -> Any:
    """Return an array of a :class:`Cache` a layer, whose tensors the caller holds."""
    layers = [Cache(_rows(keys), _rows(values)) for keys, values in zip(cache.keys, cache.values, strict=True)]
    return (Cache * len(layers))(*layers)


def _rows(kept: Kept) -> KeptRows:
    assert kept.scale is not None, "suits() has seen to it"
    return KeptRows(kept.numbers.data_ptr(), kept.scale.data_ptr())
