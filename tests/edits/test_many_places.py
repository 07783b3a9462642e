"""A change that is due in very many places at once is not proposed; of two that overlap, the shorter is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_completion.edits.proposal import EditKind, Proposal, apart
from infill_completion.edits.proposer import MAX_PLACES, MAX_USES
from tests.edits.marked import Buffer


@pytest.mark.parametrize(("uses", "shown"), [(MAX_PLACES + 1, MAX_PLACES + 1), (MAX_USES, MAX_USES), (MAX_USES + 1, 0)])
def test_a_name_with_more_uses_than_that_is_left_alone(uses: int, shown: int) -> None:
    buffer = Buffer("def f(count):\n" + "    g(count)\n" * uses)
    buffer.type_over(buffer.text.index("count"), "count", "total")
    assert len(buffer.ask().shown) == shown


@pytest.mark.parametrize(("places", "shown"), [(MAX_PLACES, 1), (MAX_PLACES + 1, 0)])
def test_a_change_with_more_places_than_that_is_left_alone(places: int, shown: int) -> None:
    buffer = Buffer("".join(f"run(job_{number})\n" for number in range(places + 2)))
    for number in range(2):
        buffer.type_over(buffer.text.index(f"job_{number})"), f"job_{number})", f"job_{number}, retry)")
    assert len(buffer.ask().shown) == shown  # one after the other


spans = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)).map(lambda each: (each[0], sum(each))))


@given(spans)
def test_those_kept_overlap_no_other_and_no_shorter_one_is_left_out(found: list[tuple[int, int]]) -> None:
    kept = [(each.start, each.end) for each in apart([Proposal(*span, "x", EditKind.EXAMPLE) for span in found])]
    for span in found:
        shorter = [other for other in kept if other[1] - other[0] <= span[1] - span[0]]
        assert (span in kept) is not any(_overlaps(span, other) for other in shorter if other != span)
    assert len(kept) == len(set(kept))


def _overlaps(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[1] > other[0] and one[0] < other[1]
