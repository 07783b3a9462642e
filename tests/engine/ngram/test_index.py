from __future__ import annotations

import math
import random
from unittest.mock import patch

import pytest
import torch
from hypothesis import given

from infill_completion.engine.ngram import index as index_module
from infill_completion.engine.ngram.index import MatchLevel, NgramIndex
from infill_completion.engine.ngram.mixture import MixtureParameters, blend, mix
from tests.engine.ngram.plain_index import PlainIndex, indexes

A, B, C, D, E, X, Y, END = range(1, 9)
FLAT = {"half_life_tokens": 0.0, "end_tokens": 0}


def test_the_longest_match_comes_first_and_shorter_ones_after_it() -> None:
    index = NgramIndex([[A, B, C, D, X, C, E, A, B, C]], **FLAT)  # type: ignore[arg-type]
    assert index.levels() == [MatchLevel(3, 1, {D: 1.0}), MatchLevel(1, 2, {D: 0.5, E: 0.5})]


def test_matches_do_not_cross_texts() -> None:
    index = NgramIndex([[X, A], [B, C], [A, B]], **FLAT)  # type: ignore[arg-type]
    assert index.levels() == [MatchLevel(1, 1, {C: 1.0})]


def test_the_text_after_the_cursor_counts_too() -> None:
    assert NgramIndex([[A]], [A, B, X]).levels()[0].shares == {B: 1.0}


def test_nearer_places_count_more() -> None:
    far = [A, B, *[X] * 100]
    (level,) = NgramIndex([[*far, A, C, Y, A]], half_life_tokens=20).levels()
    assert level.count == 2
    assert level.shares[C] > 0.9
    assert 0 < level.shares[B] < 0.1


def test_the_end_is_predicted_where_the_gap_is_filled() -> None:
    # The text after the cursor reads D E; where A B C is followed by D E, the gap between C and D is empty.
    index = NgramIndex([[A, B, C, D, E, X, A, B, C]], [D, E, Y], end_token=END, half_life_tokens=0, end_tokens=2)
    assert index.levels()[0].shares == {END: 1.0}


def test_a_fork_that_grows_leaves_the_original_as_it_was() -> None:
    index = NgramIndex([[A, B, C, D, A, B]])
    before = index.levels()
    fork = index.fork()
    for id_ in (C, D, X, C):
        fork.append(id_)
    assert len(fork) == 4
    assert len(index) == 0
    assert index.levels() == before


def test_appending_token_by_token_equals_indexing_at_once() -> None:
    chance = random.Random(0)
    text = [chance.randint(0, 4) for _ in range(300)]
    grown = NgramIndex([text[:100]])
    for id_ in text[100:]:
        grown.append(id_)
    assert grown.levels() == NgramIndex([text]).levels()


@pytest.mark.parametrize("cut", [0, 1, 2, 40, 97, 100])
def test_an_extended_index_equals_one_of_the_whole_text(cut: int) -> None:
    chance = random.Random(cut)
    other, text, after = ([chance.randint(1, 3) for _ in range(length)] for length in (50, 100, 30))
    whole = NgramIndex([other, text], after, end_token=END, end_tokens=3, max_order=8)
    index = NgramIndex([other, text[:cut]], after, end_token=END, end_tokens=3, max_order=8)
    before = index.levels()
    middle = (cut + 100) // 2
    grown = index.extended(text[cut:middle]).extended(text[middle:])
    assert len(grown) == 0
    for _ in range(40):
        assert grown.levels() == whole.levels()
        assert grown.draft(6) == whole.draft(6)
        id_ = chance.randint(1, 3)
        grown.append(id_)
        whole.append(id_)
    assert index.levels() == before


def test_levels_equal_those_of_a_plain_search() -> None:
    chance = random.Random(1)
    text = [chance.randint(0, 3) for _ in range(120)]
    levels = NgramIndex([text], **FLAT).levels()  # type: ignore[arg-type]
    for level in levels:
        tail = text[-level.order :]
        places = [at for at in range(len(text) - level.order) if text[at : at + level.order] == tail]
        assert level.count == len(places)
        for id_, share in level.shares.items():
            assert share == pytest.approx(sum(text[at + level.order] == id_ for at in places) / len(places))


def test_forks_grow_apart() -> None:
    index = NgramIndex([[A, B, A, C, A]])
    twin = index.fork()
    index.append(B)
    twin.append(C)
    assert index.levels() == NgramIndex([[A, B, A, C, A, B]]).levels()
    assert twin.levels() == NgramIndex([[A, B, A, C, A, C]]).levels()


def test_a_draft_follows_the_longest_match() -> None:
    assert NgramIndex([[A, B, C, D, E, X, B, Y, A, B]]).draft(3) == [C, D, E]
    assert NgramIndex([[A, B]], [B, C]).draft(5) == [C]
    assert NgramIndex([[A, B]]).draft(5) == []


def test_an_empty_buffer_has_no_levels() -> None:
    assert NgramIndex([]).levels() == NgramIndex([[]], []).levels() == []


def test_the_mixture_is_a_distribution() -> None:
    logits = torch.randn(10)
    mixed = mix(logits, *blend([MatchLevel(4, 1, {A: 1.0}), MatchLevel(1, 3, {A: 0.25, B: 0.75})], MixtureParameters()))
    assert mixed.exp().sum().item() == pytest.approx(1.0, abs=1e-6)
    assert mixed[A] > logits.log_softmax(-1)[A]
    assert mixed[C] < logits.log_softmax(-1)[C]


def test_the_mixture_is_the_nested_formula() -> None:
    parameters = MixtureParameters(bias=0.0, order_gain=1.0, count_gain=0.0, purity_gain=0.0)
    logits = torch.zeros(4)
    mixed = mix(logits, *blend([MatchLevel(3, 1, {2: 1.0}), MatchLevel(1, 2, {1: 0.5, 2: 0.5})], parameters))
    long, short = 0.75, 0.5  # sigmoid(ln 3), sigmoid(ln 1)
    below = [(1 - short) * 0.25 + short * share for share in (0, 0.5, 0.5, 0)]
    expected = [(1 - long) * chance for chance in below]
    expected[2] += long
    assert mixed.exp().tolist() == pytest.approx(expected, abs=1e-6)


def test_without_matches_the_distribution_is_the_models() -> None:
    logits = torch.randn(10)
    assert torch.equal(mix(logits, *blend([], MixtureParameters())), logits.log_softmax(-1))


def test_the_weight_grows_with_length_count_and_agreement() -> None:
    weight = MixtureParameters().weight
    assert weight(MatchLevel(8, 1, {A: 1.0})) > weight(MatchLevel(2, 1, {A: 1.0}))
    assert weight(MatchLevel(2, 9, {A: 1.0})) > weight(MatchLevel(2, 1, {A: 1.0}))
    assert weight(MatchLevel(2, 2, {A: 1.0})) > weight(MatchLevel(2, 2, {A: 0.5, B: 0.5}))
    left, masses = blend([MatchLevel(8, 3, {A: 1.0})], MixtureParameters())
    assert math.isclose(left + masses[A], 1.0)


@pytest.mark.parametrize("few", [0, 1000], ids=["many places", "few places"])
@given(given_=indexes())
def test_levels_and_drafts_are_those_of_the_definition(
    given_: tuple[PlainIndex, NgramIndex, list[int]], few: int
) -> None:
    plain, fast, generated = given_
    for id_ in (None, *generated):
        if id_ is not None:
            plain.generated.append(id_)
            fast.append(id_)
        with patch.object(index_module, "_FEW_PLACES", few):
            expected, found = plain.levels(), fast.levels()
        assert [(level.order, level.count) for level in found] == [(level.order, level.count) for level in expected]
        for one, other in zip(found, expected, strict=True):
            assert one.shares == pytest.approx(other.shares)
        for least in (1, 2):
            assert fast.draft(4, least) == plain.draft(4, least)


def test_an_index_may_grow_beyond_what_was_there() -> None:
    grown, text = NgramIndex([[A]]), [A, B, C, A, B, D] * 400
    for id_ in text[1:]:
        grown.append(id_)
    assert grown.levels() == NgramIndex([text]).levels()
