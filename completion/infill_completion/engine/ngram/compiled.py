"""Counting in C, ``engine/model/native/counts/followers.c``: one call instead of a walk over thousands of places."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np

MAX_ORDER = 256  # as in followers.c
_Int, _Pointer, _Real = ctypes.c_int32, ctypes.c_void_p, ctypes.c_double


class NativeTexts(ctypes.Structure):
    """``texts_t``; what it points to must live as long as it is used."""

    _fields_ = (
        ("ids", _Pointer), ("places", _Pointer), ("starts", _Pointer), ("weights", _Pointer), ("tokens", _Int),
        ("placed", _Int), ("after", _Int), ("max_order", _Int), ("max_places", _Int), ("end_tokens", _Int),
        ("end_token", _Int), ("length", _Int), ("known", _Int),
    )  # fmt: skip


class Gains(ctypes.Structure):
    """``gains_t``."""

    _fields_ = (("bias", _Real), ("order_gain", _Real), ("count_gain", _Real), ("purity_gain", _Real))


class CompiledCounts:
    """The functions of a library; one call at a time.

    Args:
        library: See :mod:`infill_completion.engine.model.native.build`.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._longest_match: Any = library.infill_longest_match
        self._longest_match.argtypes = (_Pointer, ctypes.c_int, _Pointer)
        self._blend: Any = library.infill_blend
        self._blend.argtypes = (_Pointer, _Pointer, ctypes.c_int, *[_Pointer] * 5)
        self._left = _Real()
        self._left_at = ctypes.addressof(self._left)
        self._size = 0

    def longest_match(self, texts: NativeTexts, least: int) -> int:
        """Return the nearest place where most tokens agree, at least ``least``; -1 where there is none."""
        self._make_room(texts.length)
        found: int = self._longest_match(ctypes.addressof(texts), least, self._numbers_at)
        return found

    def blend(self, texts: NativeTexts, gains: Gains) -> tuple[float, dict[int, float]]:
        """Return what :func:`infill_completion.engine.ngram.mixture.blend` returns for all levels of an index."""
        self._make_room(texts.length)
        count = self._blend(
            ctypes.addressof(texts), ctypes.addressof(gains), self._size, self._numbers_at, self._reals_at,
            self._ids_at, self._masses_at, self._left_at,
        )  # fmt: skip
        return self._left.value, dict(zip(self._ids[:count].tolist(), self._masses[:count].tolist(), strict=True))

    def _make_room(self, size: int) -> None:
        """Provide memory for ``size`` places of one token."""
        if size <= self._size:
            return
        self._size = 2 * size
        self._numbers, self._reals = np.empty(8 * self._size, np.int32), np.empty(2 * self._size)
        self._ids, self._masses = np.empty(self._size, np.int64), np.empty(self._size)
        memory = self._numbers, self._reals, self._ids, self._masses
        self._numbers_at, self._reals_at, self._ids_at, self._masses_at = (each.ctypes.data for each in memory)


@cache
def counts_of(library: ctypes.CDLL) -> CompiledCounts:
    """Return the functions of a library."""
    return CompiledCounts(library)
