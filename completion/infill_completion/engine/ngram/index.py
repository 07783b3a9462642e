"""An n-gram index over token ids: which tokens followed the current tail elsewhere in the prompt.

A cache in the sense of Grave et al. 2017 (arXiv 1612.04426), with the nested scopes of Hellendoorn and Devanbu 2017
(FSE, "Are deep neural networks the best choice for modeling source code?"): the longest match of the current tail
has the most weight, shorter matches follow, and nearer places count more.  The same index drafts tokens for
speculation.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from infill_completion.engine.ngram.compiled import MAX_ORDER, CompiledCounts, Gains, NativeTexts

BORDER = -1  # separates texts; no match crosses it
_FEW_PLACES = 32  # in so many, plain comparing is faster than arrays

Numbers = npt.NDArray[np.int32]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MatchLevel:
    """The tokens that followed all places which agree with the tail in at least ``order`` tokens.

    Attributes:
        order: Length of the match in tokens.
        count: Number of such places.
        shares: For each token that followed, its share of the places, where nearer ones weigh more; adds up to 1.
    """

    order: int
    count: int
    shares: dict[int, float]


class NgramIndex:
    """An index over everything around the cursor, which grows with each generated token.

    Args:
        before: Texts before the cursor; the last one ends at the cursor, the others are separate texts.
        after: The text after the cursor.
        end_token: Predicted where a place continues exactly as ``after`` does, because the gap is then filled.
        max_order: Length from which longer matches are treated alike.
        half_life_tokens: A place at this distance from the cursor counts half; 0 gives all places the same weight.
        end_tokens: How many tokens must agree with ``after`` to predict ``end_token``; 0 never predicts it.
        max_places: Maximum number of places considered where only one token agrees.

    Attributes:
        compiled: Counts in C, with the same results; None counts in Python.
    """

    def __init__(
        self,
        before: Sequence[Sequence[int]],
        after: Sequence[int] = (),
        *,
        end_token: int | None = None,
        max_order: int = 32,
        half_life_tokens: float = 1000.0,
        end_tokens: int = 6,
        max_places: int = 256,
    ) -> None:
        ids = array("i", [*after, BORDER])
        for text in before[:-1]:
            ids.extend(text)
            ids.append(BORDER)
        ids.extend(before[-1] if before else ())
        self._ids = ids
        self._known = self._placed = len(ids)
        self._after_length = len(after)
        self._max_order, self._half_life, self._max_places = max_order, half_life_tokens, max_places
        has_end = end_token is not None and end_tokens <= len(after)
        self._end_tokens, self._end_token = end_tokens if has_end else 0, end_token or 0
        tokens = np.frombuffer(ids, np.int32)
        # Sorting 16 bits is linear. Token t is at places[starts[t]:starts[t + 1]]; the border comes before token 0.
        shifted = (tokens + 1).astype(np.uint16) if tokens.max() < np.iinfo(np.uint16).max else tokens
        self._places: Numbers = np.argsort(shifted, kind="stable").astype(np.int32)
        self._starts: Numbers = np.cumsum(np.bincount(tokens + 1), dtype=np.int32)
        self.compiled: CompiledCounts | None = None
        self._described: NativeTexts | None = None
        self._weights: Reals = np.empty(0)
        self._provide_weights()
        self._found: tuple[int, Numbers, Numbers] | None = None  # the matches after so many tokens

    def __len__(self) -> int:
        """Return the number of tokens appended so far."""
        return len(self._ids) - self._known

    def fork(self) -> NgramIndex:
        """Return an index that grows independently; where the tokens are is shared."""
        twin = object.__new__(NgramIndex)
        twin.__dict__.update(self.__dict__)
        twin._ids, twin._described = self._ids[:], None
        return twin

    def extended(self, ids: Sequence[int]) -> NgramIndex:
        """Return the index of the same texts with ``ids`` added to the last one, before anything is appended."""
        twin = self.fork()
        twin._ids.extend(ids)
        twin._known = len(twin._ids)
        twin._provide_weights()
        return twin

    def append(self, id_: int) -> None:
        """Append a generated token."""
        self._ids.append(id_)
        self._provide_weights()

    def blend(self, gains: Gains) -> tuple[float, dict[int, float]] | None:
        """Return what ``mixture.blend`` makes of the levels, or None where that is left to Python."""
        if self.compiled is None or self._max_order > MAX_ORDER:
            return None
        return self.compiled.blend(self._texts(), gains)

    def levels(self) -> list[MatchLevel]:
        """Return the tokens that followed the tail, longest match first; levels that add no place are left out."""
        places, orders = self._followed()
        followers, weights_of_places = self._followers(places), self._weights[self._distances(places)].tolist()
        levels: list[MatchLevel] = []
        weights: dict[int, float] = {}
        count = 0
        for order, group in groupby(zip(orders, followers, weights_of_places, strict=True), key=itemgetter(0)):
            for _, follower, weight in group:
                weights[follower] = weights.get(follower, 0.0) + weight
                count += 1
            if total := sum(weights.values()):
                levels.append(MatchLevel(order, count, {id_: weight / total for id_, weight in weights.items()}))
        return levels

    def draft(self, count: int, min_order: int = 1) -> list[int]:
        """Return up to ``count`` tokens that followed the nearest of the longest matches of ``min_order`` or more."""
        if self.compiled is not None and self._max_order <= MAX_ORDER:
            place = self.compiled.longest_match(self._texts(), min_order)
        else:
            place = self._longest_match(min_order)
        if place < 0:
            return []
        following = self._ids[place + 1 : place + 1 + count].tolist()
        return following[: following.index(BORDER)] if BORDER in following else following

    def _longest_match(self, least: int) -> int:
        """Return the nearest place where most tokens agree, at least ``least``; -1 where there is none."""
        places, orders = self._matches()
        if not len(places) or orders.max() < least:
            return -1
        longest = places[orders == orders.max()][::-1]
        return int(longest[self._distances(longest).argmin()])

    def _followed(self) -> tuple[Numbers, list[int]]:
        """Return the places that count, those where most tokens agree first, and how many agree."""
        places, orders = self._matches()
        is_followed = self._tokens()[places + 1] != BORDER
        places, orders = places[is_followed], orders[is_followed]
        alone = places[orders == 1]
        if len(alone) > self._max_places:
            alone = alone[np.argsort(self._distances(alone), kind="stable")[: self._max_places]]
        places, orders = places[orders > 1], orders[orders > 1]
        falling = np.argsort(-orders, kind="stable")
        return np.concatenate([places[falling], alone]), [*orders[falling].tolist(), *[1] * len(alone)]

    def _matches(self) -> tuple[Numbers, Numbers]:
        """Return the places of the last token before the last one, rising, and how many tokens agree there."""
        if self._found is None or self._found[0] != len(self._ids):
            self._found = len(self._ids), *self._search()
        return self._found[1:]

    def _search(self) -> tuple[Numbers, Numbers]:
        """Compare what is before each place of the last token with the tail, token by token."""
        ids, last = self._tokens(), len(self._ids) - 1
        token = self._ids[last]
        low, high = self._starts[token : token + 2].tolist() if 0 <= token < len(self._starts) - 1 else (0, 0)
        added = np.flatnonzero(ids[self._placed : last] == token).astype(np.int32) + np.int32(self._placed)
        places = np.concatenate([self._places[low:high], added])
        places = places[places < last] if token != BORDER else places[:0]
        if len(places) <= _FEW_PLACES:
            return places, np.array([self._order_at(place) for place in places.tolist()], np.int32)
        orders, rest = np.ones(len(places), np.int32), places
        for back in range(1, min(self._max_order, last)):
            rest = rest[rest >= back]
            if not len(rest) or self._ids[last - back] == BORDER:
                break
            rest = rest[ids[rest - back] == self._ids[last - back]]
            orders[np.searchsorted(places, rest)] += 1
        return places, orders

    def _order_at(self, place: int) -> int:
        ids, last = self._ids, len(self._ids) - 1
        order, most = 1, min(self._max_order, place + 1)
        while order < most and BORDER != ids[place - order] == ids[last - order]:
            order += 1
        return order

    def _followers(self, places: Numbers) -> list[int]:
        """Return what follows each place: the end token where the text goes on like the text after the cursor."""
        ids, size = self._tokens(), self._end_tokens
        followers = ids[places + 1]
        for at in np.flatnonzero(followers == ids[0]).tolist() if size else ():
            start = int(places[at]) + 1
            if start + size <= self._known and self._ids[start : start + size] == self._ids[:size]:
                followers[at] = self._end_token
        found: list[int] = followers.tolist()
        return found

    def _distances(self, places: Numbers) -> Numbers:
        return np.where(places < self._after_length, places, len(self._ids) - places)

    def _provide_weights(self) -> None:
        """Provide the weights of places at any distance from the cursor."""
        if len(self._ids) >= len(self._weights):
            self._weights, self._described = _weights(self._half_life, 1 << len(self._ids).bit_length()), None

    def _tokens(self) -> Numbers:
        """Return a view of all tokens, which must not outlive the call: an array with views does not grow."""
        return np.frombuffer(self._ids, np.int32)

    def _texts(self) -> NativeTexts:
        """Return the structure that describes the index to the compiled code."""
        texts = self._described
        if texts is None:
            self._described = texts = NativeTexts(
                0, self._places.ctypes.data, self._starts.ctypes.data, self._weights.ctypes.data,
                len(self._starts) - 1, self._placed, self._after_length, self._max_order, self._max_places,
                self._end_tokens, self._end_token, 0, self._known,
            )  # fmt: skip
        texts.ids, texts.length = self._ids.buffer_info()  # growing may move them
        return texts


@lru_cache(maxsize=8)
def _weights(half_life_tokens: float, size: int) -> Reals:
    """Return the weights of places by their distance from the cursor, ``(size,)``."""
    return np.exp2(-np.arange(size) / half_life_tokens) if half_life_tokens else np.ones(size)
