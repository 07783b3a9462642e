import pytest

from infill_completion.document.snapshot import Snapshot, Trigger
from infill_completion.suggest.completer import Completer
from tests.suggest.filters.table import NOTHING, ROWS, SAME, Row
from tests.suggest.scripted import ScriptedEngine, accept, says
from tests.suggest.typist import AT_ONCE

CURSOR = "█"


def _cases() -> list[tuple[Row, bool, str]]:
    ways = [(row, way) for row in ROWS for way in ((False, True) if row.invoked is None else (row.invoked,))]
    return [(row, way, ending) for row, way in ways for ending in ("\n", "\r\n")]


def _name(value: object) -> str:
    if isinstance(value, Row):
        at = value.document.index(CURSOR)
        return f"{value.language}: {value.document[max(at - 15, 0) : at + 8]!r} + {value.raw[:25]!r}"
    return ("automatic", "invoked")[value] if isinstance(value, bool) else repr(value)


@pytest.mark.parametrize(("row", "is_invoked", "ending"), _cases(), ids=_name)
async def test_the_document_after_the_suggestion_was_accepted(row: Row, is_invoked: bool, ending: str) -> None:
    document = row.document.replace("\n", ending)
    before, _, after = document.partition(CURSOR)
    trigger = Trigger.INVOKED if is_invoked else Trigger.AUTOMATIC
    snapshot = Snapshot("file:///a", 1, row.language, before + after, len(before), trigger)
    completer = Completer(ScriptedEngine(says(row.raw)), AT_ONCE)
    answer = await completer.complete(snapshot)
    await completer.aclose()
    if row.expected == NOTHING:
        assert not answer.suggestions
        return
    expected = row.document.replace(CURSOR, row.raw) if row.expected == SAME else row.expected
    assert accept(snapshot, answer) == expected.replace("\n", ending)


def test_the_table_is_broad_and_much_of_it_must_pass_unchanged() -> None:
    assert len({row.language for row in ROWS}) >= 20
    assert 3 * sum(row.expected == SAME for row in ROWS) >= len(ROWS)
