"""The compiled forward pass, ``step.c``, over a decoder's weights: a call for what is hundreds of torch's operators.

It pays where a step is too small to fill a core's time with arithmetic: packed weights, one thread.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from infill_completion.engine.model import huge_pages
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.int8 import PackedLinear
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.native import build
from infill_completion.engine.model.native.choice import NativeChoice
from infill_completion.engine.model.native.structs import Holder, Pass, Pointer, cache_of

log = logging.getLogger(__name__)

MOST_ROWS = 16  # as in tile.h
_BLOCK = 32  # inputs of a product come in blocks of that many
_LANES, _MOST_WIDTH = 16, 256  # of a head, as in attend.c
_MOST_PLACES = 65_536  # beyond it a sum of weighted values could leave 32 bits
_PROBE = (1, 2, 3)
_TOLERANCE = 0.05  # of the largest logit: torch's products round to bfloat16
_UNKNOWN = "A token id is outside of the vocabulary."


class _Ready(NamedTuple):
    """What the steps of a cache are called with, made once, and the logits of the last one, a row each.

    ``first`` is the first of the rows, ``(1, vocabulary)``.
    """

    pass_: Pass
    pass_at: int
    logits_at: int
    rows: list[Tensor]
    first: Tensor


class NativeStep:
    """The compiled forward pass of one decoder.

    Args:
        library: See :mod:`infill_completion.engine.model.native.build`.
        decoder: Of packed weights, see :func:`suits`.

    Attributes:
        choice: The choice of a token from the same library.
        reads: Whether a pass over many tokens is faster than torch's, too: where the processor has products of bytes.
    """

    def __init__(self, library: ctypes.CDLL, decoder: Decoder) -> None:
        self._step: Any = library.infill_step
        self._step.argtypes = (Pointer, Pointer, ctypes.c_int, Pointer)
        self._begin, self._layers, self._end = library.infill_begin, library.infill_layers, library.infill_end
        self._begin.argtypes, self._layers.argtypes = (Pointer, Pointer), (Pointer,)
        self._end.argtypes = (Pointer, ctypes.c_int, Pointer)
        self._keep, self._mix = library.infill_keep_layer, library.infill_mix_layer
        self._keep.argtypes = self._mix.argtypes = (Pointer, ctypes.c_int)
        self._end.restype = self._layers.restype = self._keep.restype = self._mix.restype = None
        self._bytes: Any = library.infill_workspace_bytes
        self._bytes.argtypes, self._bytes.restype = (Pointer,), ctypes.c_size_t
        self.choice, self.reads = NativeChoice(library), bool(library.infill_multiplies_bytes())
        found = [p for layer in decoder.layers for p in (layer.qkv, layer.out, layer.gate_up, layer.down)]
        products = [product for product in (*found, decoder.head) if isinstance(product, PackedLinear)]
        for product, packed in zip(products, huge_pages.together([p.packed for p in products]), strict=True):
            product.packed = packed
        self._holder = Holder()
        self._model = self._holder.model(decoder)
        self._vocabulary, self._capacity = decoder.vocab_size, decoder.capacity
        self._workspace = torch.empty(0, dtype=torch.uint8)
        self._caches: WeakKeyDictionary[KVCache, _Ready] = WeakKeyDictionary()

    def __call__(
        self, ids: Tensor, cache: KVCache, start: int, *, all_logits: bool, fork: Fork | None = None,
        on_write: Callable[[int], None] | None = None,
    ) -> Tensor:  # fmt: skip
        """Compute what :meth:`infill_completion.engine.model.decoder.Decoder.forward` does.

        With ``on_write`` several threads may do so at once.
        """
        batch, length = ids.shape
        ids = ids.contiguous()
        ready = self._checked(cache, batch, length, start, fork)
        pass_ = Pass.from_buffer_copy(ready.pass_)
        self._set(pass_, length, start, fork)
        at = ctypes.addressof(pass_)
        workspace, room = self._workspace, self._bytes(at)
        if on_write is not None or room > workspace.numel():
            workspace = torch.empty(room, dtype=torch.uint8)
        pass_.workspace = workspace.data_ptr()
        logits = torch.empty((batch * length if all_logits else batch, self._vocabulary))
        if self._begin(at, ids.data_ptr()):
            raise IndexError(_UNKNOWN)
        if on_write is None:
            self._layers(at)
        else:
            for layer in range(self._model.layers):
                self._keep(at, layer)
                on_write(layer)
                self._mix(at, layer)
        self._end(at, all_logits, logits.data_ptr())
        return logits.view(batch, length, -1) if all_logits else logits

    def scores(self, ids: Sequence[int], cache: KVCache, start: int, fork: Fork | None = None) -> list[Tensor]:
        """Return the logits behind each of up to :data:`MOST_ROWS` tokens of one text, ``(vocabulary,)`` each.

        One call at a time; the next one with this cache overwrites them.
        """
        return self._few(ids, cache, start, fork, all_logits=True).rows[: len(ids)]

    def last_scores(self, ids: Sequence[int], cache: KVCache, start: int) -> Tensor:
        """Return the logits behind the last of the tokens as :meth:`scores` does, ``(1, vocabulary)``."""
        return self._few(ids, cache, start, None, all_logits=False).first

    def _few(self, ids: Sequence[int], cache: KVCache, start: int, fork: Fork | None, *, all_logits: bool) -> _Ready:
        count = len(ids)
        if count > MOST_ROWS:
            raise IndexError(f"{count} tokens are more than {MOST_ROWS}.")
        ready = self._checked(cache, 1, count, start, fork)
        self._set(ready.pass_, count, start, fork)
        ready.pass_.workspace = self._workspace.data_ptr()
        fed = (ctypes.c_int64 * count)(*ids)
        if self._step(ready.pass_at, ctypes.addressof(fed), all_logits, ready.logits_at):
            raise IndexError(_UNKNOWN)
        return ready

    def _checked(self, cache: KVCache, batch: int, length: int, start: int, fork: Fork | None) -> _Ready:
        shared, ways = fork or (0, 1)
        positions = shared + (start + length - 1 - shared) // ways + 1
        if start + length > cache.capacity or positions > self._capacity or batch != cache.batch:
            raise IndexError(f"{batch} x {length} tokens at {start} do not fit the cache.")
        return self._caches.get(cache) or self._ready(cache)

    @staticmethod
    def _set(pass_: Pass, length: int, start: int, fork: Fork | None) -> None:
        pass_.length, pass_.start = length, start
        pass_.shared, pass_.ways = fork or (0, 1)

    def _ready(self, cache: KVCache) -> _Ready:
        pass_ = Pass(
            ctypes.pointer(self._model), cache_of(cache), cache.capacity, cache.batch, MOST_ROWS // cache.batch, 0, 0, 1
        )
        at = ctypes.addressof(pass_)
        if (room := self._bytes(at)) > self._workspace.numel():
            self._workspace = torch.empty(room, dtype=torch.uint8)
        logits = torch.empty(MOST_ROWS if cache.batch == 1 else 0, self._vocabulary)
        self._caches[cache] = made = _Ready(pass_, at, logits.data_ptr(), list(logits), logits[:1])
        return made


def is_wanted() -> bool:
    """Tell whether a decoder of packed weights that is made now may get the step: one thread, and a compiler."""
    return torch.get_num_threads() == 1 and build.is_possible()


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
        and decoder.capacity <= _MOST_PLACES
        and all(isinstance(product, PackedLinear) and product.packed.shape[1] % _BLOCK == 0 for product in products)
    )


def checked(library: ctypes.CDLL, decoder: Decoder) -> NativeStep | None:
    """Return the step where it computes what torch does, as three tokens show; else None, and a line in the log."""
    step = NativeStep(library, decoder)
    ids, shape = torch.tensor([_PROBE]), decoder.kv_shape._replace(dtype=torch.int8)
    expected = decoder.forward(ids, KVCache(shape, len(_PROBE)), 0, all_logits=True)
    got = step(ids, KVCache(shape, len(_PROBE)), 0, all_logits=True)
    if not bool(((got - expected).abs() <= _TOLERANCE * expected.abs().max()).all()):
        log.warning("The native step computes something else than torch; torch's operators go on.")
        return None
    log.info("The native step is in use.")
    return step
