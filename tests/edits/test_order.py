"""Which of several places is shown first: the next one on the way of the user."""

from __future__ import annotations

import pytest

from infill_completion.document.lines import line_at
from tests.edits.marked import played

ROWS = {
    "down": ("o = s.name\np = s.«1:name⟶title»\nq = s.«2:name⟶title»\nr = s.name\nt = s.name\n", [3, 4, 0]),
    "up": ("o = s.name\np = s.name\nq = s.«2:name⟶title»\nr = s.«1:name⟶title»\nt = s.name\n", [1, 0, 4]),
}


@pytest.mark.parametrize(("marked", "lines"), ROWS.values(), ids=ROWS)
def test_the_next_place_is_the_one_on_the_users_way(marked: str, lines: list[int]) -> None:
    buffer, _ = played(marked, "python")
    assert [line_at(buffer.text, proposal.start) for proposal in buffer.ask().proposals] == lines
