"""Suggestions of several lines, as whole documents after they were accepted."""

import pytest

from infill_completion.document.snapshot import SkipReason, Snapshot, Trigger
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from tests.suggest.cases import below, columns, enclosed, literals
from tests.suggest.cases.row import Row
from tests.suggest.scripted import ScriptedEngine, accept, says
from tests.suggest.typist import AT_ONCE

ROWS = [*literals.ROWS, *enclosed.ROWS, *below.ROWS, *columns.ROWS]


def name(row: Row) -> str:
    return f"{row.language}: {row.text[max(row.text.index('█') - 20, 0) :]!r} + {row.raw[:30]!r}"


async def outcome(
    row: Row, trigger: Trigger, *, ending: str = "\n", piece: int = 4, settings: Settings = AT_ONCE
) -> str | SkipReason | None:
    before, _, after = row.text.replace("\n", ending).partition("█")
    snapshot = Snapshot("file:///a", 1, row.language, before + after, len(before), trigger)
    completer = Completer(ScriptedEngine(says(row.raw), piece=piece), settings)
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


@pytest.mark.parametrize(
    ("language", "text", "raw", "expected"),
    [
        ("python", "x = 1█\n", "\ny = 2\nz = 3\n\nf()\n", "x = 1\ny = 2\nz = 3\n"),
        ("python", "x = █\n", "1\ny = 2\nz = 3\n\nf()\n", "x = 1\ny = 2\nz = 3\n"),
        ("javascript", "a();█\n", "\nb();\n", "a();\nb();\n"),
        ("python", 's = """█\n', 'a\nb\n"""\n', 's = """a\nb\n"""\n'),
        ("javascript", "foo(█);\n", "a,\n  b", "foo(a,\n  b);\n"),
        ("python", "def f():\n    █\n", "a()\n\n    b()\n", "def f():\n    a()\n\n    b()\n"),
        ("python", "for a in █\n    b(a)\n", "c:\n    d(a)\n", "for a in c:\n    b(a)\n"),
    ],
)
async def test_always_means_several_lines_unasked(language: str, text: str, raw: str, expected: str) -> None:
    settings = Settings(completion=CompletionSettings(debounce_ms=0, multiline="always"))
    assert await outcome(Row(language, text, raw, expected), Trigger.AUTOMATIC, settings=settings) == expected


@pytest.mark.parametrize("trigger", Trigger, ids=lambda trigger: trigger.value)
async def test_never_means_one_line(trigger: Trigger) -> None:
    settings = Settings(completion=CompletionSettings(debounce_ms=0, multiline="never"))
    for text, raw in [("x = 1█\n", "\ny = 2\n"), ("def f():█\n", "\n    a()\n"), ("f(█)\n", "\n    a\n)\n")]:
        assert await outcome(Row("python", text, raw, ""), trigger, settings=settings) in set(SkipReason)
    row = Row("python", 's = """█\n', 'a\nb\n"""\n', "")
    assert await outcome(row, trigger, settings=settings) == 's = """a\n'


async def test_a_body_has_as_many_lines_as_the_tokens_allow() -> None:
    body = "\n".join(f"    call({number})" for number in range(60))
    row = Row("python", "def f():\n    █\n", f"{body.lstrip()}\n\n\ndef g():\n", f"def f():\n{body}\n")
    assert await outcome(row, Trigger.AUTOMATIC) == row.automatic


async def test_a_line_that_may_be_complete_is_read_beyond_its_end() -> None:
    """A stop string would hide whether the model has nothing to add or goes on below."""
    for text, stop in [("x = 1█\n", ()), ("x = █\n", ("\n",)), ("    █\n", ())]:
        engine = ScriptedEngine(says("\ny = 2\n" * 50))
        before, _, after = text.partition("█")
        completer = Completer(engine, AT_ONCE)
        answer = await completer.complete(Snapshot("file:///a", 1, "python", before + after, len(before)))
        await completer.aclose()
        assert not answer.suggestions or not text.strip("█ \n")
        assert engine.requests[0].stop == stop
        assert stop or engine.closed, "the stream ends with the suggestion"


def test_the_tables_are_broad_and_many_rows_pass_unchanged() -> None:
    assert len({row.language for row in ROWS}) >= 14
    unchanged = [row for row in ROWS if row.text.replace("█", row.raw.rstrip()) in wanted(row)]
    assert 10 * len(unchanged) >= 3 * len(ROWS)


def wanted(row: Row) -> set[str | SkipReason]:
    return {row.expected(is_invoked=False), row.expected(is_invoked=True)}
