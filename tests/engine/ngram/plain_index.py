"""The n-gram index as it is defined, place by place: what the fast ones must agree with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from infill_completion.engine.ngram.index import BORDER, MatchLevel, NgramIndex


@dataclass
class PlainIndex:
    """See :class:`infill_completion.engine.ngram.index.NgramIndex`."""

    before: Sequence[Sequence[int]]
    after: Sequence[int]
    added: Sequence[int]
    end_token: int
    max_order: int
    half_life_tokens: float
    end_tokens: int
    max_places: int
    generated: list[int] = field(default_factory=list)

    def levels(self) -> list[MatchLevel]:
        """Return the levels."""
        ids = self._ids
        followed = [place for place in self._orders if ids[place + 1] != BORDER]
        levels: list[MatchLevel] = []
        for least in sorted({self._orders[place] for place in followed}, reverse=True):
            places = [place for place in followed if self._orders[place] >= least]
            if least == 1:
                alone = sorted((place for place in places if self._orders[place] == 1), key=self._distance)
                places = [*(place for place in places if self._orders[place] > 1), *alone[: self.max_places]]
            shares: dict[int, float] = {}
            for place in places:
                half_lives = self._distance(place) / self.half_life_tokens if self.half_life_tokens else 0.0
                follower = self._follower(place)
                shares[follower] = shares.get(follower, 0.0) + 0.5**half_lives
            total = sum(shares.values())
            levels.append(MatchLevel(least, len(places), {id_: share / total for id_, share in shares.items()}))
        return levels

    def draft(self, count: int, least: int) -> list[int]:
        """Return a draft."""
        ids, orders = self._ids, self._orders
        places = [place for place in orders if orders[place] >= least]
        if not places:
            return []
        best = max(places, key=lambda place: (orders[place], -self._distance(place), place))
        following = ids[best + 1 : best + 1 + count]
        return following[: following.index(BORDER)] if BORDER in following else following

    @property
    def _known(self) -> list[int]:
        texts = [*self.before[:-1], [*self.before[-1], *self.added]]
        return [*self.after, *(id_ for text in texts for id_ in (BORDER, *text))]

    @property
    def _ids(self) -> list[int]:
        return self._known + self.generated

    @property
    def _orders(self) -> dict[int, int]:
        """How many tokens agree with the end at each place where one does."""
        ids = self._ids
        last = len(ids) - 1
        orders = {}
        for place in range(last):
            order = 0
            while order < min(self.max_order, place + 1) and BORDER != ids[place - order] == ids[last - order]:
                order += 1
            if order:
                orders[place] = order
        return orders

    def _distance(self, place: int) -> int:
        return place if place < len(self.after) else len(self._ids) - place

    def _follower(self, place: int) -> int:
        known, size = self._known, self.end_tokens
        is_end = 0 < size <= len(self.after) and known[place + 1 : place + 1 + size] == list(self.after[:size])
        return self.end_token if is_end else self._ids[place + 1]


def texts(most: int) -> st.SearchStrategy[list[int]]:
    """Return texts of few different tokens, so that much of them agrees, some of them beyond 16 bits."""
    return st.lists(st.sampled_from([0, 1, 1, 2, 70_000]), max_size=most)


@st.composite
def indexes(draw: st.DrawFn) -> tuple[PlainIndex, NgramIndex, list[int]]:
    """Return the same index twice, and tokens to generate."""
    before, after, added = draw(st.lists(texts(40), min_size=1, max_size=3)), draw(texts(30)), draw(texts(6))
    options: dict[str, Any] = {
        "end_token": 9,
        "max_order": draw(st.sampled_from([1, 2, 5, 32])),
        "half_life_tokens": draw(st.sampled_from([0.0, 3.0, 1000.0])),
        "end_tokens": draw(st.sampled_from([0, 1, 3])),
        "max_places": draw(st.sampled_from([1, 5, 256])),
    }
    fast = NgramIndex(before, after, **options).extended(added)
    return PlainIndex(before, after, added, **options), fast, draw(texts(12))
