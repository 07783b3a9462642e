"""The tables of next edits: what is proposed after a change, and where silence is right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edits.cases import (
    assigned,
    evidence,
    example,
    fields,
    imported,
    imports,
    mirrors,
    namesakes,
    operators,
    propagation,
    rename,
    shadowed,
)
from tests.edits.marked import Buffer, Change, played

Table = dict[str, dict[str, str]]
SHOWN: tuple[Table, ...] = (
    {"python": rename.PYTHON},
    rename.OTHERS,
    namesakes.SHOWN,
    assigned.SHOWN,
    assigned.FORMATS,
    shadowed.SHOWN,
    imported.SHOWN,
    fields.SHOWN,
    example.CALLS,
    example.EXPRESSIONS,
    example.TYPES,
    evidence.SHOWN,
    operators.SHOWN,
    propagation.PARAMETERS,
    propagation.IMPORTS,
    propagation.AWAITS,
    mirrors.FIELDS,
    mirrors.BRANCHES,
    imports.SHOWN,
    imports.REMOVED,
    imports.PLACED,
)
SILENT: tuple[Table, ...] = (
    rename.SILENT,
    namesakes.SILENT,
    imported.SILENT,
    fields.SILENT,
    assigned.SILENT,
    example.SILENT,
    evidence.SILENT,
    operators.SILENT,
    propagation.SILENT,
    mirrors.SILENT,
    mirrors.GOING_ON,
    mirrors.COUNTED,
    imports.SILENT,
    imports.MISPLACED,
)


def rows(tables: tuple[Table, ...]) -> Iterator[object]:
    for number, table in enumerate(tables):
        for language_id, cases in table.items():
            for name, marked in cases.items():
                yield pytest.param(language_id, marked, id=f"{number} {language_id} {name}")


def with_all(text: str, changes: list[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def expected_text(buffer: Buffer, expected: list[Change]) -> str:
    return with_all(buffer.text, [(change.start, change.start + len(change.old), change.new) for change in expected])


def proposed_text(buffer: Buffer) -> str:
    found = buffer.ask().proposals
    return with_all(buffer.text, [(proposal.start, proposal.end, proposal.text) for proposal in found])


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("language_id", "marked"), list(rows(SHOWN)))
def test_the_same_change_is_proposed_where_it_is_due(language_id: str, marked: str, ending: str) -> None:
    buffer, expected = played(marked.replace("\n", ending), language_id)
    assert proposed_text(buffer) == expected_text(buffer, expected)


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("language_id", "marked"), list(rows(SILENT)))
def test_nothing_is_proposed_where_silence_is_right(language_id: str, marked: str, ending: str) -> None:
    buffer, expected = played(marked.replace("\n", ending), language_id)
    assert not expected
    answer = buffer.ask()
    assert (answer.proposals, answer.silence is None) == ((), False)


@pytest.mark.parametrize(("language_id", "marked"), list(rows(SHOWN)))
def test_one_after_the_other_leads_to_the_same(language_id: str, marked: str) -> None:
    buffer, expected = played(marked, language_id)
    wanted = expected_text(buffer, expected)
    for _ in expected:
        answer = buffer.ask()
        if not answer.proposals:
            break
        for proposal in sorted(answer.shown, key=lambda shown: -shown.start):
            buffer.take(proposal)
    assert buffer.text == wanted
    assert buffer.ask().proposals == ()


def test_the_tables_are_large_enough_and_a_third_is_silent() -> None:
    shown, silent = len(list(rows(SHOWN))), len(list(rows(SILENT)))
    assert shown + silent >= 80
    assert silent / (shown + silent) >= 0.3
