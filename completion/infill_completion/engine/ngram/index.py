"""An n-gram index over token ids: which tokens followed the current tail elsewhere in the prompt.

A cache in the sense of Grave et al. 2017 (arXiv 1612.04426), with the nested scopes of Hellendoorn and Devanbu 2017
(FSE, "Are deep neural networks the best choice for modeling source code?"): the longest match of the current tail
has the most weight, shorter matches follow, and nearer places count more.  The same index drafts tokens for
speculation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BORDER = -1  # separates texts; no match crosses it


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
        ids: list[int] = [*after, BORDER]
        for text in before[:-1]:
            ids += text
            ids.append(BORDER)
        ids += before[-1] if before else ()
        self._ids = ids
        self._after_length = len(after)
        self._max_order = max_order
        self._half_life = half_life_tokens
        self._max_places = max_places
        self._places: dict[int, list[int]] = {}
        for place, id_ in enumerate(ids):
            if id_ in self._places:
                self._places[id_].append(place)
            else:
                self._places[id_] = [place]
        self._grown: dict[int, list[int]] = {}
        self._end_token = end_token
        has_end = 0 < end_tokens <= len(after) and end_token is not None
        self._end = tuple(after[:end_tokens]) if has_end else ()
        self._ends = self._end_places(self._places.get(self._end[0], ()) if has_end else ())
        self._appended = 0
        self._matches = self._first_matches()  # length of the match that ends at each place

    def __len__(self) -> int:
        """Return the number of tokens appended so far."""
        return self._appended

    def fork(self) -> NgramIndex:
        """Return an index that grows independently; the tokens indexed so far are shared."""
        twin = object.__new__(NgramIndex)
        twin.__dict__.update(self.__dict__)
        twin._ids = list(self._ids)
        twin._grown = {id_: list(places) for id_, places in self._grown.items()}
        return twin

    def extended(self, ids: Sequence[int]) -> NgramIndex:
        """Return the index of the same texts with ``ids`` added to the last one, before anything is appended."""
        twin = self.fork()
        for id_ in ids:
            twin.append(id_)
        twin._appended = 0
        first = max(0, len(self._ids) - len(self._end) + 1)
        twin._ends |= twin._end_places(range(first, len(twin._ids))) if self._end else frozenset()
        return twin

    def append(self, id_: int) -> None:
        """Append a generated token: matches that continue with it grow, the others end."""
        matches = self._matches
        ids, limit = self._ids, self._max_order
        here = [*self._places.get(id_, ()), *self._grown.get(id_, ())]
        self._matches = {place: min(limit, matches.get(place - 1, 0) + 1) for place in here}
        self._grown.setdefault(id_, []).append(len(ids))
        ids.append(id_)
        self._appended += 1

    def levels(self) -> list[MatchLevel]:
        """Return the tokens that followed the tail, longest match first; levels that add no place are left out."""
        matches, ids = self._matches, self._ids
        last = len(ids) - 1
        by_order: dict[int, list[int]] = {}
        for place, order in matches.items():
            if place < last and ids[place + 1] != BORDER:
                by_order.setdefault(order, []).append(place)
        levels: list[MatchLevel] = []
        weights: dict[int, float] = {}
        count = 0
        for order in sorted(by_order, reverse=True):
            places = by_order[order]
            if order == 1 and len(places) > self._max_places:
                places = sorted(places, key=self._distance)[: self._max_places]
            for place in places:
                follower = self._follower(place)
                weights[follower] = weights.get(follower, 0.0) + self._weight(place)
            count += len(places)
            total = sum(weights.values())
            levels.append(MatchLevel(order, count, {id_: weight / total for id_, weight in weights.items()}))
        return levels

    def draft(self, count: int, min_order: int = 1) -> list[int]:
        """Return up to ``count`` tokens that followed the nearest of the longest matches of ``min_order`` or more."""
        matches, ids = self._matches, self._ids
        last = len(ids) - 1
        best = max(
            (
                (order, -self._distance(place), place)
                for place, order in matches.items()
                if place < last and order >= min_order
            ),
            default=None,
        )
        if best is None:
            return []
        following = ids[best[2] + 1 : best[2] + 1 + count]
        return following[: following.index(BORDER)] if BORDER in following else following

    def _follower(self, place: int) -> int:
        if place + 1 in self._ends and self._end_token is not None:
            return self._end_token
        return self._ids[place + 1]

    def _distance(self, place: int) -> int:
        return place if place < self._after_length else len(self._ids) - place

    def _weight(self, place: int) -> float:
        return float(0.5 ** (self._distance(place) / self._half_life)) if self._half_life else 1.0

    def _end_places(self, places: Iterable[int]) -> frozenset[int]:
        """Return the places where the text continues like the text after the cursor."""
        size = len(self._end)
        return frozenset(place for place in places if tuple(self._ids[place : place + size]) == self._end)

    def _first_matches(self) -> dict[int, int]:
        ids = self._ids
        last = len(ids) - 1
        if ids[last] == BORDER:
            return {}
        matches: dict[int, int] = {}
        for place in self._places[ids[last]]:
            if place == last:
                continue
            order = 1
            while (
                order < self._max_order
                and order <= place
                and ids[place - order] == ids[last - order]
                and ids[place - order] != BORDER
            ):
                order += 1
            matches[place] = order
        return matches
