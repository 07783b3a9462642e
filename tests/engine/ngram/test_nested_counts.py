from __future__ import annotations

import numpy as np
import pytest

from infill_completion.engine.ngram.index import NgramIndex
from infill_completion.engine.ngram.mixture import MixtureParameters
from infill_completion.engine.ngram.nested_counts import NestedCounts
from infill_completion.engine.ngram.text_index import TextIndex

A, B, C, D, E, X, Y, Z = range(8)
FLAT = MixtureParameters(bias=0.0, order_gain=0.0, count_gain=0.0, purity_gain=0.0)  # a weight of 1/2 each


def texts(*ids: int) -> TextIndex:
    return TextIndex({"t": np.array(ids, np.uint32)}, 100)


def test_the_prompt_comes_over_the_workspace_and_both_over_the_model() -> None:
    prompt = [A, B, C, A, B]
    counts = NestedCounts(NgramIndex([prompt]), FLAT, texts(A, B, D), FLAT, prompt)
    left, masses = counts.blend()
    assert masses == pytest.approx({C: 1 / 2, D: 1 / 4})
    assert left == pytest.approx(1 / 4)
    assert counts.is_mixed


def test_counts_without_weights_only_draft() -> None:
    prompt = [X, A, B, C, D]
    counts = NestedCounts(NgramIndex([prompt]), None, texts(A, B, C, D, E), None, prompt)
    assert counts.blend() == (1.0, {})
    assert not counts.is_mixed
    assert counts.draft(3) == [E]


@pytest.mark.parametrize(("inner", "outer"), [(FLAT, None), (None, FLAT)])
def test_either_scope_alone_may_be_mixed_in(inner: MixtureParameters | None, outer: MixtureParameters | None) -> None:
    prompt = [A, B, C, A, B]
    counts = NestedCounts(NgramIndex([prompt]), inner, texts(A, B, D), outer, prompt)
    assert counts.is_mixed
    assert counts.blend()[1] == pytest.approx({C: 1 / 2} if inner else {D: 1 / 2})


def test_a_draft_comes_from_the_prompt_first() -> None:
    prompt = [A, B, C, D, X, A, B, C, D]
    counts = NestedCounts(NgramIndex([prompt]), None, texts(A, B, C, D, Y), None, prompt)
    assert counts.draft(1) == [X]


def test_a_draft_from_the_workspace_needs_a_longer_match() -> None:
    prompt = [Z, B, C, D]
    assert NestedCounts(NgramIndex([prompt]), None, texts(B, C, D, Y), None, prompt).draft(1) == []
    assert NestedCounts(None, None, texts(Z, B, C, D, Y), None, prompt).draft(1) == [Y]


def test_what_was_generated_is_part_of_the_tail() -> None:
    counts = NestedCounts(NgramIndex([[A, B]]), None, texts(A, B, C, D, E), None, [A, B])
    assert counts.draft(2) == []
    for id_ in (C, D):
        counts.append(id_)
    assert counts.draft(2) == [E]


def test_the_edited_text_does_not_count() -> None:
    counts = NestedCounts(None, None, texts(A, B, D), FLAT, [A, B], besides="t")
    assert counts.blend() == (1.0, {})
