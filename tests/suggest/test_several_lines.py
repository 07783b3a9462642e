"""Suggestions of several lines, as whole documents after they were accepted."""

import pytest

from infill_completion.document.snapshot import SkipReason, Snapshot, Trigger
from infill_completion.suggest.completer import Completer
from tests.suggest.cases import enclosed, literals
from tests.suggest.cases.row import WHOLE, Row
from tests.suggest.scripted import ScriptedEngine, accept, says
from tests.suggest.typist import AT_ONCE

ROWS = [*literals.ROWS, *enclosed.ROWS]


def name(row: Row) -> str:
    return f"{row.language}: {row.text[max(row.text.index('█') - 20, 0) :]!r} + {row.raw[:30]!r}"


async def outcome(row: Row, trigger: Trigger, *, ending: str = "\n", piece: int = 4) -> str | SkipReason | None:
    before, _, after = row.text.replace("\n", ending).partition("█")
    snapshot = Snapshot("file:///a", 1, row.language, before + after, len(before), trigger)
    completer = Completer(ScriptedEngine(says(row.raw), piece=piece), AT_ONCE)
    answer = await completer.complete(snapshot)
    await completer.aclose()
    return accept(snapshot, answer) if answer.suggestions else answer.reason


@pytest.mark.parametrize("trigger", Trigger, ids=lambda trigger: trigger.value)
@pytest.mark.parametrize("row", ROWS, ids=name)
async def test_the_document_is_what_a_user_expects(row: Row, trigger: Trigger) -> None:
    expected = row.expected(is_invoked=trigger is Trigger.INVOKED)
    assert await outcome(row, trigger) == expected
    assert await outcome(row, trigger, piece=1000) == expected
    windows = expected.replace("\n", "\r\n") if isinstance(expected, str) else expected
    if "\n" in row.text:
        assert await outcome(row, trigger, ending="\r\n", piece=1) == windows


def test_the_tables_are_broad_and_many_rows_pass_unchanged() -> None:
    assert len({row.language for row in ROWS}) >= 14
    unchanged = [row for row in ROWS if WHOLE in (row.automatic, row.invoked)]
    assert 5 * len(unchanged) >= len(ROWS)
