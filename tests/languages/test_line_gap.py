"""A text tried at the cursor has syntax errors exactly if the whole text has, parsed anew."""

from __future__ import annotations

import random

import pytest

from infill_completion.document.window import Excerpt, Window
from infill_completion.languages.syntax import errors, line_gap
from infill_completion.languages.syntax.line_gap import LineGap, gap_between
from infill_completion.languages.syntax.parser import parse
from tests.languages.texts import repeated

LANGUAGES = ["python", "typescript", "javascript", "rust"]
TRIED = [
    "", "x", "zq", "zq)", "(", ")", "}", " {", " {}", "):", ";", "x();", "return x", "if (x) {", "if x:", "é = 1",
    '"', "'", "`", "/*", "# x", "// x", "x = [1,\n  2]", "x(\n)", "\n", "\n\n}", "def f():\n    pass", "class A:",
]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_trial_has_errors_if_the_whole_text_has(language: str) -> None:
    draw = random.Random(language)
    text = repeated(language, 5_000)
    with_errors = 0
    for _ in range(25):
        start = text.rfind("\n", 0, draw.randrange(len(text))) + 1
        end = text.find("\n", start)
        line = text[start:end]
        above, below = text[:start], text[end:]
        gap = LineGap(above, below, language)
        for tried in (line, *(line[: draw.randrange(len(line) + 1)] + tail for tail in TRIED)):
            whole = parse((above + tried + below).encode(), language)
            found = gap.errors(tried)
            assert whole is not None
            assert found is not None
            assert (found > 0) == (line_gap._count(whole.root_node) > 0), (tried, found)
            with_errors += found > 0
    assert with_errors > 100


def test_what_is_tried_once_is_known() -> None:
    gap = LineGap("def f():\n", "\n", "python")
    first = gap.errors("    return (")
    gap._tree = None  # A second parse would begin anew.
    gap._above = b"(" * 100
    assert gap.errors("    return (") == first == 1


def test_what_is_known_is_bounded() -> None:
    gap = LineGap("", "\n", "python")
    for number in range(1000):
        gap.errors(f"x = {number}")
    assert len(gap._results) <= line_gap._MAX_RESULTS
    for number in range(100):
        gap_between(f"x = {number}\n", "", "python")
    assert gap_between.cache_info().currsize <= line_gap._MAX_GAPS


def test_without_a_grammar_nothing_is_known() -> None:
    assert LineGap("x\n", "\n", "plaintext").errors("y") is None


@pytest.mark.parametrize("line", ["x = f(", "    ", "", "é = f("])
@pytest.mark.parametrize("rest", ["", ")", " }"])
def test_a_trial_is_the_text_around_the_cursor_with_the_suggestion(line: str, rest: str) -> None:
    """Divided at the edges of the line, the text around the cursor is still the same text."""
    around = Excerpt(f"def g():\n    pass\n{line}", f"{rest}\nprint(1)\n")
    trial = errors._Trial.of(around, "python")
    assert trial.gap._above.decode() + trial.line == around.before
    assert trial.rest + trial.gap._below.decode() == around.after
    window = Window(around.before, around.after, excerpt=around)
    whole = parse((around.before + "zq" + around.after).encode(), "python")
    assert whole is not None
    assert bool(trial.errors("zq")) == whole.root_node.has_error
    assert errors.added_errors(window, "", 0, "python") == 0
