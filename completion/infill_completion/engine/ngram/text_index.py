"""An index over the tokens of the workspace's texts: which tokens followed the current tail in other files.

The outer scope of nested counts (Hellendoorn and Devanbu 2017, FSE); the inner one is the prompt, in `index`.  A place
is a token that has another after it.  The places are sorted by the four tokens up to theirs, the last one first, so
those that agree with the tail in one to four tokens are a range, and each range holds the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from infill_completion.engine.ngram.index import MatchLevel

Ids = npt.NDArray[np.uint32]

MIN_ORDER = 2  # what followed a single token elsewhere in the workspace says next to nothing
MAX_ORDER = 16  # length from which longer matches are treated alike
MAX_FOLLOWERS = 64  # of one level, the most frequent ones
_BORDER = np.uint32(0xFFFFFFFF)  # between texts, and in the place of what was erased
_KEY_TOKENS, _KEY_BITS = 4, 16
_KEPT_LEVELS = 4096
# Answers at neighbouring places, and those that are computed ahead, run over the same tokens.
_KEPT_TAILS = 1024
_KEPT_PLACES = 256  # the counts of more places are kept
_MOST_PLACES = 8192  # that are compared with the tail; a table of numbers agrees with it in hundreds of thousands
_SPREAD = 2_654_435_761  # a prime near 2^32 over the golden ratio, so that no place comes twice (Knuth, TAOCP 3, 6.4)
_FEW_PLACES = 48  # of as many, not more than `MAX_FOLLOWERS`, plain counting is faster than sorting


class TextIndex:
    """An index over some texts that does not change, except that texts can be erased from it.

    The same texts give the same answers, whatever their order.

    Args:
        texts: Token ids by the name of their text.
        vocab_size: Number of the tokenizer's ids.

    Attributes:
        text_count: Number of texts.
        token_count: Number of their tokens.
    """

    def __init__(self, texts: Mapping[str, Ids], vocab_size: int) -> None:
        self.text_count, self.token_count = len(texts), sum(map(len, texts.values()))
        self._is_exact = vocab_size <= int(_codes(np.array([_BORDER]))[0])  # a token is its own code in a key
        border = np.full(MAX_ORDER, _BORDER, np.uint32)
        parts, at = [border], MAX_ORDER  # no comparison backwards reaches the start
        self._spans: dict[str, tuple[int, int]] = {}
        for name in sorted(texts):
            parts += [texts[name], border[:1]]
            self._spans[name] = (at, at + len(texts[name]))
            at += len(texts[name]) + 1
        self._ids: Ids = np.concatenate(parts)
        places = np.flatnonzero((self._ids[:-1] != _BORDER) & (self._ids[1:] != _BORDER)).astype(np.uint32)
        keys = _keys(self._ids)[places]
        order = np.argsort(keys)
        self._places, self._keys = places[order], keys[order]
        self._erasures = 0
        self._kept: dict[tuple[int, int, int, str], MatchLevel] = {}
        self._kept_tails: dict[tuple[int, tuple[int, ...], str], list[MatchLevel]] = {}

    def erase(self, name: str) -> None:
        """Forget a text at once, in the middle of a request too."""
        start, end = self._spans.get(name, (0, 0))
        self._ids[start:end] = _BORDER
        self._erasures += 1  # a request on another thread may keep what it has counted before
        self._kept.clear()
        self._kept_tails.clear()

    def levels(self, tail: Sequence[int], besides: str = "") -> list[MatchLevel]:
        """Return the tokens that followed the tail, longest match first; levels that add no place are left out.

        Args:
            tail: The tokens before the next one.
            besides: Name of a text that does not count: the one that is edited, which the prompt's index knows better.
        """
        key = (self._erasures, tuple(tail[-MAX_ORDER:]), besides)
        levels = self._kept_tails.get(key)
        if levels is None:
            levels = self._counted_levels(tail, besides)
            if len(self._kept_tails) >= _KEPT_TAILS:
                self._kept_tails.clear()
            self._kept_tails[key] = levels
        return levels

    def _counted_levels(self, tail: Sequence[int], besides: str) -> list[MatchLevel]:
        found: list[MatchLevel] = []
        seen = 0
        for order, places in self._matches(tail):
            if len(places) == seen:  # the same places
                continue
            seen = len(places)
            level = self._level(order, places, tail, besides)
            if level is not None and (not found or level.count > found[-1].count):
                found.append(level)
        return found

    def draft(self, tail: Sequence[int], count: int, besides: str = "", min_order: int = MIN_ORDER) -> list[int]:
        """Return up to ``count`` tokens, each the most frequent after the longest match of ``min_order`` or more."""
        drafted: list[int] = []
        while len(drafted) < count:
            level = self._longest([*tail, *drafted][-MAX_ORDER:], besides, min_order)
            if level is None:
                break
            drafted.append(next(iter(level.shares)))
        return drafted

    def _longest(self, tail: Sequence[int], besides: str, min_order: int) -> MatchLevel | None:
        for order, places in self._matches(tail):
            if order < min_order:
                return None
            if (level := self._level(order, places, tail, besides)) is not None:
                return level
        return None

    def _matches(self, tail: Sequence[int]) -> list[tuple[int, Ids]]:
        """Return the places that agree with the tail in each number of tokens, the longest match first.

        Of very many places, a part all over the texts stands for them where they have to be compared with the tail.
        """
        orders = range(MIN_ORDER, min(_KEY_TOKENS, len(tail)) + 1)
        if not orders:
            return []
        whole = _key(tail)
        below = [(1 << _KEY_BITS * (_KEY_TOKENS - order)) - 1 for order in orders]
        lows = np.searchsorted(self._keys, np.array([whole & ~rest for rest in below], np.uint64), "left")
        highs = np.searchsorted(self._keys, np.array([whole | rest for rest in below], np.uint64), "right")
        found = [
            (order, self._places[low:high])
            for order, low, high in zip(orders, lows.tolist(), highs.tolist(), strict=True)
            if low < high
        ]
        if not self._is_exact:
            found = [(order, self._agreeing(_some(places), tail, 0, order)) for order, places in found]
        order, places = found[-1] if found else (0, self._places[:0])
        places = _some(places)
        while order >= _KEY_TOKENS and order < min(MAX_ORDER, len(tail)) and len(places):
            places, order = self._agreeing(places, tail, order, order + 1), order + 1
            if len(places):
                found.append((order, places))
        return found[::-1]

    def _agreeing(self, places: Ids, tail: Sequence[int], start: int, end: int) -> Ids:
        """Return those places where the tokens from ``start`` to ``end``, counted backwards, are those of the tail."""
        for back in range(start, end):
            places = places[self._ids[places - np.uint32(back)] == tail[-1 - back]]
        return places

    def _level(self, order: int, places: Ids, tail: Sequence[int], besides: str) -> MatchLevel | None:
        is_kept = len(places) > _KEPT_PLACES and order <= _KEY_TOKENS
        code = _key(tail) >> _KEY_BITS * (_KEY_TOKENS - order) if is_kept else 0
        key = (self._erasures, order, code, besides) if is_kept else None
        if key is not None and key in self._kept:
            return self._kept[key]
        start, end = self._spans.get(besides, (0, 0))
        if end > start:
            places = places[(places < start) | (places >= end)]
        level = _counted(order, self._ids[places + np.uint32(1)])
        if key is not None and level is not None:
            if len(self._kept) >= _KEPT_LEVELS:
                self._kept.clear()
            self._kept[key] = level
        return level


def _some(places: Ids) -> Ids:
    """Return at most ``_MOST_PLACES`` of the places, as if by chance: at equal distances they might be one column."""
    if len(places) <= _MOST_PLACES:
        return places
    return places[np.arange(_MOST_PLACES) * _SPREAD % len(places)]


def _counted(order: int, followers: Ids) -> MatchLevel | None:
    """Return the shares of the followers, the most frequent first, the lowest id first among those as frequent."""
    if len(followers) <= _FEW_PLACES:
        few = Counter(followers.tolist())
        del few[int(_BORDER)]
        total = few.total()
        ranked = sorted(few.items(), key=lambda pair: (-pair[1], pair[0]))
        return MatchLevel(order, total, {id_: count / total for id_, count in ranked}) if total else None
    ids, counts = np.unique(followers[followers != _BORDER], return_counts=True)
    if not len(ids):
        return None
    total, most = int(counts.sum()), np.argsort(-counts, kind="stable")[:MAX_FOLLOWERS]
    kept = counts[most] / counts[most].sum()
    return MatchLevel(order, total, dict(zip(ids[most].tolist(), kept.tolist(), strict=True)))


def _keys(ids: Ids) -> npt.NDArray[np.uint64]:
    """Return the key of each place: the codes of the tokens up to it, the last one in the highest bits."""
    codes = _codes(ids)
    keys = np.zeros(len(ids), np.uint64)
    for back in range(_KEY_TOKENS):
        keys[back:] |= codes[: len(ids) - back] << np.uint64(_KEY_BITS * (_KEY_TOKENS - 1 - back))
    return keys


def _key(tail: Sequence[int]) -> int:
    key = 0
    for back, code in enumerate(_codes(np.array(tail[: -_KEY_TOKENS - 1 : -1], np.uint32)).tolist()):
        key |= code << _KEY_BITS * (_KEY_TOKENS - 1 - back)
    return key


def _codes(ids: Ids) -> npt.NDArray[np.uint64]:
    """Return 16 bits of each token: its id, with the bits above added where there are any; 0xFFFE for a border."""
    return ((ids + (ids >> np.uint32(_KEY_BITS))) & np.uint32((1 << _KEY_BITS) - 1)).astype(np.uint64)
