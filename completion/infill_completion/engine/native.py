"""The compiled step over a decoder's own weights, and the compiled choice: a call each for hundreds of operators.

It pays where a step is too small to fill a core's time with arithmetic: packed weights, one thread, few tokens.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from infill_completion.engine import native_build, pages
from infill_completion.engine.fork import Fork
from infill_completion.engine.kv import Kept, KVCache
from infill_completion.engine.packed import PackedLinear

if TYPE_CHECKING:
    from infill_completion.engine.decoder import Decoder

log = logging.getLogger(__name__)

MOST_ROWS = 16  # as in step.c; measured: from about 32 rows on torch's matrix products are faster
_BLOCK = 32  # inputs of a product come in blocks of that many
_LANES, _MOST_WIDTH = 16, 256  # of a head, as in attend.c
_PROBE = (1, 2, 3)
_TOLERANCE = 0.05  # of the largest logit: torch's products round to bfloat16

_Pointer = ctypes.c_void_p


class _Product(ctypes.Structure):
    _fields_ = (
        ("weight", _Pointer), ("scale", _Pointer), ("bias", _Pointer), ("sum", _Pointer), ("outputs", ctypes.c_int32),
        ("inputs", ctypes.c_int32),
    )  # fmt: skip


class _Layer(ctypes.Structure):
    _fields_ = (
        ("input_norm", _Pointer), ("post_norm", _Pointer), ("qkv", _Product), ("out", _Product), ("gate_up", _Product),
        ("down", _Product),
    )  # fmt: skip


class _Model(ctypes.Structure):
    _fields_ = (
        ("layers", ctypes.c_int32), ("hidden", ctypes.c_int32), ("heads", ctypes.c_int32), ("kv_heads", ctypes.c_int32),
        ("width", ctypes.c_int32), ("wide", ctypes.c_int32), ("tokens", ctypes.c_int32), ("eps", ctypes.c_float),
        ("embed", _Pointer), ("cos", _Pointer), ("sin", _Pointer), ("norm", _Pointer),
        ("layer", ctypes.POINTER(_Layer)), ("head", _Product),
    )  # fmt: skip


class _Kept(ctypes.Structure):
    _fields_ = (("numbers", _Pointer), ("scale", _Pointer))


class _Cache(ctypes.Structure):
    _fields_ = (("keys", _Kept), ("values", _Kept))


class _Ready(NamedTuple):
    """What a cache's steps are called with, made once, and the logits of its last step of some tokens, a row each."""

    layers: Any
    logits: int
    rows: list[Tensor]


class NativeStep:
    """The compiled forward pass of one decoder.

    Args:
        library: Made of the two.
        decoder: Of packed weights, see :func:`suits`.
    """

    def __init__(self, library: ctypes.CDLL, decoder: Decoder) -> None:
        self._held: list[Tensor] = []  # what the structures point to
        self._step: Any = library.infill_step
        self._step.argtypes = (
            _Pointer, _Pointer, *[ctypes.c_int] * 5, _Pointer, ctypes.c_int, ctypes.c_int, _Pointer, _Pointer,
        )  # fmt: skip
        self._bytes: Any = library.infill_workspace_bytes
        self._bytes.restype = ctypes.c_size_t
        self._choose: Any = library.infill_choose
        self._choose.argtypes = (
            _Pointer, ctypes.c_int, ctypes.c_float, ctypes.c_double, ctypes.c_double, _Pointer, _Pointer,
        )  # fmt: skip
        self._mix: Any = library.infill_mix
        self._mix.restype = None
        self._mix.argtypes = (
            _Pointer, ctypes.c_int, ctypes.c_double, _Pointer, _Pointer, ctypes.c_int, _Pointer, ctypes.c_int, _Pointer,
            _Pointer,
        )  # fmt: skip
        found = [p for layer in decoder.layers for p in (layer.qkv, layer.out, layer.gate_up, layer.down)]
        products = [product for product in (*found, decoder.head) if isinstance(product, PackedLinear)]
        for product, packed in zip(products, pages.together([p.packed for p in products]), strict=True):
            product.packed = packed
        layers = [
            _Layer(
                self._floats(layer.input_norm), self._floats(layer.post_norm),
                *(self._product(product) for product in (layer.qkv, layer.out, layer.gate_up, layer.down)),
            )
            for layer in decoder.layers
        ]  # fmt: skip
        self._vocabulary = decoder.vocab_size
        self._model = _Model(
            len(layers), decoder.hidden, decoder.heads, decoder.kv_heads, decoder.width, decoder.wide,
            decoder.embed.shape[0], decoder.eps, self._pointer(decoder.embed), self._floats(decoder.cos),
            self._floats(decoder.sin), self._floats(decoder.norm), (_Layer * len(layers))(*layers),
            self._product(decoder.head, self._vocabulary),
        )  # fmt: skip
        self._reference = ctypes.byref(self._model)
        self._capacity = decoder.capacity
        self._workspace, self._workspace_at = torch.empty(0, dtype=torch.uint8), 0
        self._numbers, self._logprob = torch.empty(0), ctypes.c_float()
        self._logprob_at = ctypes.addressof(self._logprob)
        self._caches: WeakKeyDictionary[KVCache, _Ready] = WeakKeyDictionary()

    def __call__(
        self, ids: Tensor, cache: KVCache, start: int, *, all_logits: bool, fork: Fork | None = None
    ) -> Tensor:
        """Compute what :meth:`infill_completion.engine.decoder.Decoder.forward` does, for :data:`MOST_ROWS` tokens."""
        batch, length = ids.shape
        ids = ids.contiguous()
        logits = torch.empty((batch * length if all_logits else batch, self._vocabulary))
        self._run(ids.data_ptr(), batch, length, cache, start, fork, logits.data_ptr(), all_logits=all_logits)
        return logits.view(batch, length, -1) if all_logits else logits

    def scores(self, ids: Sequence[int], cache: KVCache, start: int, fork: Fork | None = None) -> list[Tensor]:
        """Return the logits behind each of up to :data:`MOST_ROWS` tokens of one text, ``(vocabulary,)`` each.

        The next call with this cache overwrites them.
        """
        count = len(ids)
        fed = (ctypes.c_int64 * count)(*ids)
        ready = self._caches.get(cache) or self._ready(cache)
        self._run(ctypes.addressof(fed), 1, count, cache, start, fork, ready.logits, all_logits=True)
        return ready.rows[:count]

    def _run(
        self, ids: int, batch: int, length: int, cache: KVCache, start: int, fork: Fork | None, logits: int, *,
        all_logits: bool,
    ) -> None:  # fmt: skip
        shared, ways = fork or (0, 1)
        positions = shared + (start + length - 1 - shared) // ways + 1
        if start + length > cache.capacity or positions > self._capacity or batch != cache.batch:
            raise IndexError(f"{batch} x {length} tokens at {start} do not fit the cache.")
        ready = self._caches.get(cache) or self._ready(cache)
        if self._step(
            self._reference, ids, batch, length, start, shared, ways, ready.layers, cache.capacity, all_logits,
            self._workspace_at, logits,
        ):  # fmt: skip
            raise IndexError("A token id is outside of the vocabulary.")

    def mix(self, logits: Tensor, left: float, masses: Mapping[int, float], allowed: Tensor | None) -> Tensor:
        """Mix the masses of an index into a distribution; see :func:`infill_completion.engine.cache_model.blend`.

        Args:
            logits: ``(vocabulary,)``, float32, contiguous, on the CPU.
            left: The weight of the model, above 0.
            masses: What single tokens get besides.
            allowed: Ids that may be chosen, int64; None allows all.

        Returns:
            Log-probabilities of the shape of ``logits``, minus infinity for what is not allowed.
        """
        size, count = logits.numel(), len(masses)
        ids, added = (ctypes.c_int64 * count)(*masses), (ctypes.c_float * count)(*masses.values())
        scores = torch.empty(size)
        self._mix(
            logits.data_ptr(), size, left, ctypes.addressof(ids), ctypes.addressof(added), count,
            None if allowed is None else allowed.data_ptr(), 0 if allowed is None else allowed.numel(),
            self._room(max(size, 0 if allowed is None else allowed.numel())), scores.data_ptr(),
        )  # fmt: skip
        return scores

    def choose(self, logits: Tensor, temperature: float, top_p: float, chance: float) -> tuple[int, float] | None:
        """Choose one token as :func:`infill_completion.engine.sampler.choose` does.

        Args:
            logits: ``(vocabulary,)``, float32, contiguous, on the CPU.
            temperature: 0 takes the likeliest.
            top_p: See :func:`infill_completion.engine.sampler.sample_top_p`.
            chance: Evenly drawn from 0 to 1.

        Returns:
            The token and its log-probability (nats), or None where the nucleus is too large to be worth it.
        """
        size = logits.numel()
        id_ = self._choose(logits.data_ptr(), size, temperature, top_p, chance, self._room(size), self._logprob_at)
        return None if id_ < 0 else (id_, self._logprob.value)

    def _room(self, size: int) -> int:
        """Return the address of room for so many numbers."""
        if size > self._numbers.numel():
            self._numbers = torch.empty(size)
        return self._numbers.data_ptr()

    def _ready(self, cache: KVCache) -> _Ready:
        room: int = self._bytes(self._reference, MOST_ROWS, cache.capacity)
        if room > self._workspace.numel():
            self._workspace = torch.empty(room, dtype=torch.uint8)
            self._workspace_at = self._workspace.data_ptr()
        layers = [_Cache(_kept(keys), _kept(values)) for keys, values in zip(cache.keys, cache.values, strict=True)]
        logits = torch.empty(MOST_ROWS, self._vocabulary)
        made = _Ready((_Cache * len(layers))(*layers), logits.data_ptr(), list(logits))
        self._caches[cache] = made
        return made

    def _product(self, product: Any, outputs: int | None = None) -> _Product:
        rows, inputs = product.packed.shape
        bias = None if product.bias is None else self._floats(product.bias)
        sums = self._pointer(product.packed.sum(1, dtype=torch.int32))
        return _Product(self._pointer(product.packed), self._floats(product.scale), bias, sums, outputs or rows, inputs)

    def _floats(self, tensor: Tensor) -> int:
        return self._pointer(tensor.float().contiguous())

    def _pointer(self, tensor: Tensor) -> int:
        self._held.append(tensor)
        return tensor.data_ptr()


def _kept(kept: Kept) -> _Kept:
    assert kept.scale is not None, "suits() has seen to it"
    return _Kept(kept.numbers.data_ptr(), kept.scale.data_ptr())


def is_wanted() -> bool:
    """Tell whether a decoder of packed weights that is made now may get the step: one thread, and a compiler."""
    return torch.get_num_threads() == 1 and native_build.is_possible()


def suits(decoder: Decoder) -> bool:
    """Tell whether the step can take over: packed layers and head, of shapes that it knows, on one thread."""
    products = [decoder.head]
    for layer in decoder.layers:
        products += [layer.qkv, layer.out, layer.gate_up, layer.down]
    return (
        torch.get_num_threads() == 1
        and decoder.embed.dtype is torch.bfloat16
        and decoder.embed.is_contiguous()
        and decoder.width % _LANES == 0
        and decoder.width <= _MOST_WIDTH
        and all(isinstance(product, PackedLinear) and product.packed.shape[1] % _BLOCK == 0 for product in products)
    )


def checked(library: ctypes.CDLL, decoder: Decoder) -> NativeStep | None:
    """Return the step where it computes what torch does, as three tokens show; else None, and a line in the log."""
    step = NativeStep(library, decoder)
    ids = torch.tensor([_PROBE])
    expected = decoder.forward(ids, KVCache(decoder.shape, len(_PROBE)), 0, all_logits=True)
    got = step(ids, KVCache(decoder.shape, len(_PROBE)), 0, all_logits=True)
    if not bool(((got - expected).abs() <= _TOLERANCE * expected.abs().max()).all()):
        log.warning("The native step computes something else than torch; torch's operators go on.")
        return None
    log.info("The native step is in use.")
    return step
