import pytest

from infill_completion.document.snapshot import SkipReason
from infill_completion.suggest.completer import Completer
from tests.suggest.cases import chat, lines, pairs, table
from tests.suggest.cases.table import SAME, Case
from tests.suggest.scripted import ScriptedEngine, accept, at, says
from tests.suggest.typist import AT_ONCE

CASES = [*table.CASES, *pairs.CASES, *lines.CASES, *chat.CASES]


def _name(case: Case) -> str:
    return f"{case.language}: {case.text[max(case.text.rfind('|') - 20, 0) :]!r} + {case.raw[:30]!r}"


@pytest.mark.parametrize("case", CASES, ids=_name)
async def test_a_cursor_gets_what_a_user_expects(case: Case) -> None:
    completer = Completer(ScriptedEngine(says(case.raw)), AT_ONCE)
    answer = await completer.complete(at(case.text, case.language, invoked=case.invoked))
    await completer.aclose()
    if isinstance(case.expected, SkipReason):
        assert not answer.suggestions, answer.suggestions
        assert answer.reason is case.expected
    else:
        expected = case.raw if case.expected == SAME else case.expected
        assert [suggestion.text for suggestion in answer.suggestions] == [expected]


@pytest.mark.parametrize(
    ("language", "text", "raw", "line"),
    [
        ("rust", "let v: Vec<|>\n", "u8> = x;", "let v: Vec<u8> = x;"),
        ("rust", "let v: Vec<|>;\n", "u8> = x;", "let v: Vec<u8> = x;"),
        ("java", "Map<String, List<|>>\n", "String>> names;", "Map<String, List<String>> names;"),
        ("rust", "f(Vec<|>)\n", "u8>::new()", "f(Vec<u8>::new())"),
        ("python", "x = '|'\n", "a' + b", "x = 'a' + b"),
        ("markdown", "the '|'\n", "don't", "the 'don't'"),
        ("rust", "    Env {|}\n", " a: b() };", "    Env { a: b() };"),
    ],
)
async def test_a_suggestion_that_continues_replaces_what_the_editor_closed(
    language: str, text: str, raw: str, line: str
) -> None:
    snapshot = at(text, language)
    completer = Completer(ScriptedEngine(says(raw)), AT_ONCE)
    answer = await completer.complete(snapshot)
    await completer.aclose()
    assert accept(snapshot, answer) == f"{line}\n"


async def test_the_brackets_around_decide_which_closer_is_superfluous() -> None:
    snapshot = at("function f() {\n  const {|}\n  g()\n}\n", "javascript")
    completer = Completer(ScriptedEngine(says(" a, b } = this.options")), AT_ONCE)
    answer = await completer.complete(snapshot)
    await completer.aclose()
    assert accept(snapshot, answer) == "function f() {\n  const { a, b } = this.options\n  g()\n}\n"


def test_the_table_is_broad_and_a_third_of_it_must_pass_unchanged() -> None:
    unchanged = [case for case in CASES if case.expected == SAME]
    assert len(CASES) >= 120
    assert len({case.language for case in CASES}) >= 12
    assert 3 * len(unchanged) >= len(CASES)
