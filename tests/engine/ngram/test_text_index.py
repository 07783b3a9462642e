from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from infill_completion.engine.ngram import text_index as module
from infill_completion.engine.ngram.index import MatchLevel
from infill_completion.engine.ngram.text_index import MAX_FOLLOWERS, MAX_ORDER, MIN_ORDER, TextIndex

A, B, C, D, X, Y = range(6)


def index(texts: Mapping[str, Sequence[int]], vocab_size: int = 1000) -> TextIndex:
    return TextIndex({name: np.array(ids, np.uint32) for name, ids in texts.items()}, vocab_size)


def counted(
    texts: Mapping[str, Sequence[int]], tail: Sequence[int], besides: str
) -> list[tuple[int, int, Counter[int]]]:
    """Count by comparing each place with the tail, the longest match first."""
    found: list[tuple[int, int, Counter[int]]] = []
    for order in range(min(MAX_ORDER, len(tail)), MIN_ORDER - 1, -1):
        followers = Counter(
            ids[at]
            for name, ids in texts.items()
            if name != besides
            for at in range(order, len(ids))
            if list(ids[at - order : at]) == list(tail[-order:])
        )
        if followers and (not found or followers.total() > found[-1][1]):
            found.append((order, followers.total(), followers))
    return found


@pytest.mark.parametrize("vocab_size", [50, 70_000, 300_000], ids=["small", "beyond 16 bits", "large"])
@pytest.mark.parametrize("tokens", [2, 5, 40])
def test_the_levels_are_what_counting_every_place_gives(vocab_size: int, tokens: int) -> None:
    chance = random.Random(tokens)
    alphabet = [number * (vocab_size // tokens) for number in range(tokens)]
    if vocab_size > 1 << 16:
        alphabet[:2] = [1, 1 << 16]  # tokens that agree in 16 bits must not be taken for one another
    texts = {f"{name}.py": chance.choices(alphabet, k=chance.randrange(60)) for name in range(12)}
    built = index(texts, vocab_size)
    for _ in range(60):
        tail = chance.choices(alphabet, k=chance.randrange(24))
        besides = chance.choice([*texts, ""])
        expected = [(order, count, {i: n / count for i, n in each.items()}) for order, count, each in
                    counted(texts, tail, besides)]  # fmt: skip
        got = built.levels(tail, besides)
        assert [(level.order, level.count) for level in got] == [row[:2] for row in expected]
        for level, (_, _, shares) in zip(got, expected, strict=True):
            assert level.shares == pytest.approx(shares)


def test_a_match_of_any_length_counts_up_to_the_longest() -> None:
    line = list(range(100, 140))
    levels = index({"a": [*line, A], "b": [*line[-3:], B]}).levels(line)
    assert [(level.order, level.count) for level in levels] == [(MAX_ORDER, 1), (3, 2)]


def test_no_match_crosses_the_end_of_a_text() -> None:
    built = index({"a": [X, Y, A], "b": [B, C]})
    assert built.levels([A, B]) == []
    assert built.levels([Y, A]) == []  # nothing follows in the same text


@pytest.mark.parametrize("tail", [[], [A]])
def test_a_tail_of_less_than_two_tokens_has_no_levels(tail: list[int]) -> None:
    assert index({"a": [A, B, C]}).levels(tail) == []
    assert index({"a": [A, B, C]}).draft(tail, 3) == []


def test_no_texts_and_empty_texts_have_no_levels() -> None:
    assert index({}).levels([A, B]) == index({"a": [], "b": [A]}).levels([A, B]) == []


def test_the_order_of_the_texts_does_not_matter() -> None:
    texts = {"a": [A, B, C, A, B, D], "b": [A, B, C], "c": [A, B, Y]}
    twin = index(dict(reversed(texts.items())))
    assert twin.levels([A, B]) == index(texts).levels([A, B])
    assert twin.draft([A, B], 4) == index(texts).draft([A, B], 4)


def test_the_document_that_is_edited_does_not_count() -> None:
    built = index({"own": [A, B, X], "other": [A, B, C]})
    assert built.levels([A, B], "own") == [MatchLevel(2, 1, {C: 1.0})]
    assert built.draft([A, B], 1, "own") == [C]
    assert built.levels([A, B], "unknown")[0].count == 2


def test_an_erased_text_counts_no_more_at_once() -> None:
    often = [A, B, X] * 500  # so many places that their counts are kept
    built = index({"secret": often, "other": [A, B, C]})
    assert built.levels([A, B])[-1].shares[X] > 0.9
    built.erase("secret")
    assert built.levels([A, B]) == [MatchLevel(2, 1, {C: 1.0})]
    built.erase("unknown")
    assert built.draft([X, A, B], 3) == [C]


def test_what_was_counted_while_a_text_was_erased_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    held = index({"a": [A, B, C] * 300, "b": [A, B, D] * 300})
    plain = module._counted

    def counted_before(order: int, followers: module.Ids) -> MatchLevel | None:
        level = plain(order, followers)
        held.erase("a")
        return level

    monkeypatch.setattr(module, "_counted", counted_before)
    assert set(held.levels([A, B])[0].shares) == {C, D}
    monkeypatch.setattr(module, "_counted", plain)
    assert set(held.levels([A, B])[0].shares) == {D}


def test_the_same_tail_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    held, orders = index({"a": [X, A, B, C, Y, A, B, D]}), list[int]()
    plain = module._counted

    def noted(order: int, followers: module.Ids) -> MatchLevel | None:
        orders.append(order)
        return plain(order, followers)

    monkeypatch.setattr(module, "_counted", noted)
    monkeypatch.setattr(module, "_KEPT_TAILS", 2)
    first = held.levels([X, A, B])
    assert orders == [3, 2]
    assert held.levels([X, A, B]) is first
    assert held.levels([Y, A, B]) != first
    assert orders == [3, 2, 3, 2]
    held.levels([A, B])  # a third tail, for which the first two are forgotten
    assert held.levels([X, A, B]) == first
    assert orders == [3, 2, 3, 2, 2, 3, 2]


def test_rare_followers_of_a_frequent_match_are_left_out_and_the_shares_add_up() -> None:
    ids = [id_ for follower in range(10, 210) for id_ in (A, B, follower) for _ in range(1)]
    (level,) = index({"a": [*ids, A, B, 77]}).levels([A, B])
    assert level.count == 201
    assert len(level.shares) == MAX_FOLLOWERS
    assert sum(level.shares.values()) == pytest.approx(1)
    assert next(iter(level.shares)) == 77


@pytest.mark.parametrize("vocab_size", [1000, 300_000], ids=["exact keys", "shared keys"])
def test_of_very_many_places_a_part_is_compared_with_the_tail(vocab_size: int) -> None:
    """A table of numbers would take a tenth of a second for each token."""
    most = module._MOST_PLACES
    table = [X, Y] * 5 * most
    texts = {"numbers": [*table, A, B], "other": [C, *table[:MAX_ORDER], D]}
    levels = index(texts, vocab_size).levels(table)
    assert levels[0].order == MAX_ORDER
    assert 0 < levels[0].count <= most
    assert levels[0].shares[X] > 0.99
    assert [level.count for level in levels] == sorted(level.count for level in levels)
    assert index(texts, vocab_size).draft(table, 4) == [X, Y, X, Y]


def test_a_draft_takes_the_most_frequent_token_after_the_longest_match() -> None:
    built = index({"a": [A, B, C, D, X], "b": [Y, B, C, Y], "c": [Y, B, C, Y]})
    assert built.draft([A, B, C], 2) == [D, X]
    assert built.draft([X, B, C], 1) == [Y]
    assert built.draft([X, B, C], 1, min_order=3) == []
    assert built.draft([A, B, C], 0) == []
