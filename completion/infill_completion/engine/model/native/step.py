"""The forward pass in C, ``step.c``, over a decoder's packed weights: one call instead of hundreds of operators."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, finalize

import torch
from torch import Tensor

from infill_completion.engine.model import huge_pages
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.int4 import Int4Linear
from infill_completion.engine.model.int8 import Int8Linear
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.layers import Projection
from infill_completion.engine.model.native import build
from infill_completion.engine.model.native.sampler import NativeSampler
from infill_completion.engine.model.native.structs import NativePass, Pointer, StructBuilder, cache_of

log = logging.getLogger(__name__)

MAX_ROWS = 16  # as in tile.h
_LANES, _MAX_HEAD_DIM = 16, 256  # as in lanes.h and attention.h
_MAX_TOKENS = 65_536  # beyond it a sum of weighted values could overflow 32 bits
_PROBE = (101, 102, 103)  # not the first ones, which are control tokens: some models nearly overflow on these
_TOLERANCE = 0.2  # of the norm of the logits: torch rounds to bfloat16, and deep models enlarge each difference
_UNKNOWN = "A token id is outside of the vocabulary."


class _Prepared(NamedTuple):
    """The arguments of the steps of a cache, made once.

    Attributes:
        pass_: The structure; each step sets what varies.
        pass_at: Its address.
        logits_at: Address of ``rows``.
        rows: The logits of the last step, a row per token.
        first: The first row, ``(1, vocabulary)``.
    """

    pass_: NativePass
    pass_at: int
    logits_at: int
    rows: list[Tensor]
    first: Tensor


class NativeStep:
    """The compiled forward pass of one decoder.

    Args:
        library: See :mod:`infill_completion.engine.model.native.build`.
        decoder: With packed weights; see :func:`suits`.
        threads: How many threads share products and attention, see ``threads/pool.h``; the bits are the same with any
            number.

    Attributes:
        threads: As given; it may be changed between steps.
        library: As given.
        sampler: Sampling from the same library.
        prefills: Whether a pass over many tokens is faster than torch's too: where the processor has byte products.
    """

    def __init__(self, library: ctypes.CDLL, decoder: Decoder, threads: int = 1) -> None:
        self.threads, self.library = threads, library
        self._step: Any = library.infill_step
        self._step.argtypes = (Pointer, Pointer, ctypes.c_int, Pointer)
        self._embed, self._layers, self._logits = library.infill_embed, library.infill_layers, library.infill_logits
        self._embed.argtypes, self._layers.argtypes = (Pointer, Pointer), (Pointer,)
        self._logits.argtypes = (Pointer, ctypes.c_int, Pointer)
        self._layer_kv, self._layer_output = library.infill_layer_kv, library.infill_layer_output
        self._layer_kv.argtypes = self._layer_output.argtypes = (Pointer, ctypes.c_int)
        self._logits.restype = self._layers.restype = self._layer_kv.restype = self._layer_output.restype = None
        self._workspace_bytes: Any = library.infill_workspace_bytes
        self._workspace_bytes.argtypes, self._workspace_bytes.restype = (Pointer,), ctypes.c_size_t
        self._wait_for_threads, self._end_threads = library.infill_wait_for_threads, library.infill_end_threads
        self._wait_for_threads.restype = self._end_threads.restype = None
        finalize(self, self._wait_for_threads)
        self.sampler, self.prefills = NativeSampler(library), bool(library.infill_has_byte_products())
        linears = [each for each in _projections(decoder) if isinstance(each, Int8Linear | Int4Linear)]
        weights = huge_pages.contiguous_copies([linear.weight for linear in linears])
        for linear, weight in zip(linears, weights, strict=True):
            linear.weight = weight
        decoder.share_head()
        self._structs = StructBuilder()
        self._model = self._structs.model(decoder)
        self._vocabulary, self._capacity = decoder.vocab_size, decoder.capacity
        self._workspace = torch.empty(0, dtype=torch.uint8)
        self._spares: list[Tensor] = []  # of parts that are read
        self._caches: WeakKeyDictionary[KVCache, _Prepared] = WeakKeyDictionary()

    def __call__(
        self, ids: Tensor, cache: KVCache, start: int, *, all_logits: bool, fork: Fork | None = None,
        on_write: Callable[[int], None] | None = None, needs_logits: bool = True,
    ) -> Tensor:  # fmt: skip
        """Compute the same as :meth:`infill_completion.engine.model.decoder.Decoder.forward`.

        With ``on_write`` several threads may call it at the same time.  Without ``needs_logits`` the result is empty.
        """
        batch, length = ids.shape
        ids = ids.contiguous()
        prepared = self._checked(cache, batch, length, start, fork)
        pass_ = NativePass.from_buffer_copy(prepared.pass_)
        self._set(pass_, length, start, fork)
        at = ctypes.addressof(pass_)
        workspace, size = self._workspace, self._workspace_bytes(at)
        is_own = on_write is not None or size > workspace.numel()
        if is_own:
            workspace = self._spare_workspace(size)
        pass_.workspace = workspace.data_ptr()
        if on_write is not None:
            pass_.threads = 1
        count = (batch * length if all_logits else batch) if needs_logits else 0
        logits = torch.empty(count, self._vocabulary)
        if self._embed(at, ids.data_ptr()):
            raise IndexError(_UNKNOWN)
        if on_write is None:
            self._layers(at)
        else:
            for layer in range(self._model.layers):
                self._layer_kv(at, layer)
                on_write(layer)
                self._layer_output(at, layer)
        if needs_logits:
            self._logits(at, all_logits, logits.data_ptr())
        if is_own and pass_.threads > 1:
            self._wait_for_threads()  # a late helper may still read the workspace
        if is_own:
            self._spares.append(workspace)
        return logits.view(batch, length, -1) if all_logits and needs_logits else logits

    def _spare_workspace(self, size: int) -> Tensor:
        """Return the workspace of a part of a prompt; new memory would cost a page fault for every 4 KiB."""
        try:
            spare = self._spares.pop()  # several threads take from the list
        except IndexError:
            spare = self._workspace[:0]
        return spare if spare.numel() >= size else torch.empty(size, dtype=torch.uint8)

    def scores(self, ids: Sequence[int], cache: KVCache, start: int, fork: Fork | None = None) -> list[Tensor]:
        """Return the logits after each of up to :data:`MAX_ROWS` tokens of one sequence, ``(vocabulary,)`` each.

        One call at a time; the next call with this cache overwrites them.
        """
        return self._few(ids, cache, start, fork, all_logits=True).rows[: len(ids)]

    def last_scores(self, ids: Sequence[int], cache: KVCache, start: int) -> Tensor:
        """Return the logits after the last of the tokens as :meth:`scores` does, ``(1, vocabulary)``."""
        return self._few(ids, cache, start, None, all_logits=False).first

    def _few(self, ids: Sequence[int], cache: KVCache, start: int, fork: Fork | None, *, all_logits: bool) -> _Prepared:
        count = len(ids)
        if count > MAX_ROWS:
            raise IndexError(f"{count} tokens are more than {MAX_ROWS}.")
        prepared = self._checked(cache, 1, count, start, fork)
        self._set(prepared.pass_, count, start, fork)
        prepared.pass_.workspace = self._workspace.data_ptr()
        fed = (ctypes.c_int64 * count)(*ids)
        if self._step(prepared.pass_at, ctypes.addressof(fed), all_logits, prepared.logits_at):
            raise IndexError(_UNKNOWN)
        return prepared

    def _checked(self, cache: KVCache, batch: int, length: int, start: int, fork: Fork | None) -> _Prepared:
        shared, ways = fork or (0, 1)
        positions = shared + (start + length - 1 - shared) // ways + 1
        if start + length > cache.capacity or positions > self._capacity or batch != cache.batch:
            raise IndexError(f"{batch} x {length} tokens at {start} do not fit the cache.")
        return self._caches.get(cache) or self._prepare(cache)

    def close(self) -> None:
        """End the threads; another step starts them again."""
        self._end_threads()

    def _set(self, pass_: NativePass, length: int, start: int, fork: Fork | None) -> None:
        pass_.length, pass_.start, pass_.threads = length, start, self.threads
        pass_.shared, pass_.ways = fork or (0, 1)

    def _prepare(self, cache: KVCache) -> _Prepared:
        pass_ = NativePass(
            ctypes.pointer(self._model), cache_of(cache), cache.capacity, cache.batch, MAX_ROWS // cache.batch, 0, 0, 1
        )
        at = ctypes.addressof(pass_)
        if (size := self._workspace_bytes(at)) > self._workspace.numel():
            self._wait_for_threads()
            self._workspace = torch.empty(size, dtype=torch.uint8)
        logits = torch.empty(MAX_ROWS if cache.batch == 1 else 0, self._vocabulary)
        self._caches[cache] = made = _Prepared(pass_, at, logits.data_ptr(), list(logits), logits[:1])
        finalize(cache, self._wait_for_threads)  # last, so that it is called first, before anything is freed
        return made


def is_wanted() -> bool:
    """Return whether a decoder made now may use the compiled step: there is a compiler."""
    return build.is_possible()


def suits(decoder: Decoder) -> bool:
    """Return whether the compiled step supports a decoder: weights of 8 or 4 bits, and supported sizes."""
    return (
        decoder.embed.dtype in {torch.bfloat16, torch.int8}
        and decoder.embed.is_contiguous()
        and suits_head(decoder.head_dim)
        and decoder.capacity <= _MAX_TOKENS
        and all(isinstance(each, Int8Linear | Int4Linear) for each in _projections(decoder))
    )


def suits_head(head_dim: int) -> bool:
    """Return whether the compiled step supports heads of a width."""
    return head_dim % _LANES == 0 and head_dim <= _MAX_HEAD_DIM


def _projections(decoder: Decoder) -> list[Projection]:
    """Return all linear layers in the order in which a step reads them."""
    layers = [each for layer in decoder.layers for each in (layer.qkv, layer.out, layer.gate_up, layer.down)]
    return [*layers, decoder.head]


def checked(library: ctypes.CDLL, decoder: Decoder, threads: int = 1) -> NativeStep | None:
    """Return the compiled step if it agrees with torch on three tokens; else log a warning and return None."""
    step = NativeStep(library, decoder, threads)
    ids, shape = torch.tensor([_PROBE]) % decoder.vocab_size, decoder.kv_shape._replace(dtype=torch.int8)
    expected = decoder.forward(ids, KVCache(shape, len(_PROBE)), 0, all_logits=True)
    got = step(ids, KVCache(shape, len(_PROBE)), 0, all_logits=True)
    if not bool((got - expected).norm() <= _TOLERANCE * expected.norm()):  # or NaN
        log.warning("The compiled step computes something else than torch; torch's operators are used instead.")
        return None
    log.info("The compiled step is in use.")
    return step
