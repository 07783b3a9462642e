"""Properties of every suggestion, whatever the model writes."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infill_completion.api import FinishReason
from infill_completion.document.lines import line_end, line_start, split_lines
from infill_completion.document.snapshot import Snapshot
from infill_completion.document.view import View
from infill_completion.suggest.choice import Choice
from infill_completion.suggest.ending import finished
from infill_completion.suggest.extent import extent_at
from infill_completion.suggest.filters import FilterContext, apply
from infill_completion.suggest.ranking import rank
from tests.properties import tries

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
FILES = [LIBRARY / name for name in ("argparse.py", "dataclasses.py", "heapq.py", "json/decoder.py", "textwrap.py")]
PIECES = [
    "x",
    "foo",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "    ",
    "\t",
    " ",
    ":",
    ";",
    '"',
    "'",
    "return",
    "=",
    ",",
    "é",
    "😀",
]
CODE = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
LANGUAGES = st.sampled_from(["python", "javascript", "go", "ruby", "markdown", "yaml", "html", "c"])


def offered(text: str, offset: int, language: str, raw: str, reason: FinishReason) -> list[tuple[int, int, str]]:
    view = View.of(Snapshot("file:///a", 1, language, text, offset), 4000, 2000)
    extent = extent_at(view.window, language, multiline="auto", is_invoked=False)
    choice = Choice(raw, finished(extent, raw, is_whole=reason is FinishReason.STOP), reason, None)
    found = [view.suggestion(offer.text, None, offer.replaced) for offer in rank(view, (choice,), 0.0).offers]
    return [(suggestion.start, suggestion.end, suggestion.text) for suggestion in found]


@tries(400)
@given(CODE, CODE, CODE, LANGUAGES, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(FinishReason))
def test_any_suggestion_can_be_accepted(
    before: str, after: str, raw: str, language: str, ending: str, reason: FinishReason
) -> None:
    text, offset = (before + after).replace("\n", ending), len(before.replace("\n", ending))
    for start, end, written in offered(text, offset, language, raw, reason):
        accepted = text[:start] + written + text[end:]
        assert written.strip()
        assert line_start(text, start) <= start <= offset <= end <= line_end(text, offset)
        ends = {line[len(line.rstrip("\r\n")) :] for line in split_lines(accepted)} - {""}
        assert ends <= {ending if ending in text else "\n"}


@tries(300)
@given(st.text("ab1_", min_size=3, max_size=12), st.text("ab1_ +", max_size=12), LANGUAGES)
def test_accepting_never_doubles_the_rest_of_the_line(rest: str, middle: str, language: str) -> None:
    """A model that repeats the rest of the line, as models do, adds only what comes before it."""
    assume(not middle or not (middle[-1].isalnum() or middle[-1] == "_"))
    text = f"x = call({rest})\n"
    view = View.of(Snapshot("file:///a", 1, language, text, len("x = call(")), 4000, 2000)
    result = apply(middle + rest + ")", FilterContext(view.window, language))
    assert result.text == (middle if middle.strip() else "")


def holes() -> st.SearchStrategy[tuple[str, int, int]]:
    """Return holes that reach from any column of a line of real code to its end."""

    def cut(file: Path, at: float, inside: float) -> tuple[str, int, int]:
        text = file.read_text("utf-8")
        start = line_start(text, int(at * (len(text) - 1)))
        end = start + len(text[start : line_end(text, start)].rstrip())
        return text, start + int(inside * (end - start)), end

    unit = st.floats(0, 1, exclude_max=True)
    return st.builds(cut, st.sampled_from(FILES), unit, unit)


@tries(400)
@given(holes())
def test_the_true_rest_of_a_line_passes_unchanged(hole: tuple[str, int, int]) -> None:
    text, start, end = hole
    middle = text[start:end]
    assume(middle.strip())
    line = text[line_start(text, start) : end]
    assume(not (middle[0] == text[start - 1 : start] == " " and line[: start - end].strip()))  # Nobody knows how many.
    below = next((other for other in text[end:].split("\n") if other.strip()), "")
    assume(line.strip() != below.strip())  # The filters are there to prevent the same line twice.
    document = text[:start] + text[end:]
    assert offered(document, start, "python", middle, FinishReason.STOP) == [(start, start, middle)]


@pytest.mark.parametrize("fence", ['"""', "'''"])
@pytest.mark.parametrize(
    "line", ["- supports parsers that dispatch to sub-parsers", "Sums (up", "it's = = 1]", "text:"]
)
def test_a_line_of_a_string_that_ends_far_below_passes_unchanged(fence: str, line: str) -> None:
    above, below = f"{fence}Parses.\n\n", "\n\n" + "".join(f"Line {number} of it.\n" for number in range(200))
    document = f"{above}{below}{fence}\n"
    assert offered(document, len(above), "python", line, FinishReason.STOP) == [(len(above), len(above), line)]


def test_what_follows_the_end_of_a_long_string_must_be_sound() -> None:
    above = '"""Parses.\n\n'
    assert offered(f"{above}\n\nx = 1\n", len(above), "python", 'It."""\n)]', FinishReason.STOP) != [
        (len(above), len(above), 'It."""\n)]')
    ]


def test_the_next_method_after_one_that_fills_the_window_keeps_its_indentation() -> None:
    body = "".join(f"        self.total_{number} = {number}\n" for number in range(400))
    document = f"class Sum:\n    def __init__(self):\n{body}\n\n    def again(self):\n        pass\n"
    start = document.index("\n\n    def again") + 1
    middle = "    def add(self, number):"
    assert offered(document, start, "python", middle, FinishReason.STOP) == [(start, start, middle)]


@tries(150)
@given(st.sampled_from(FILES), st.floats(0, 1, exclude_max=True))
def test_the_true_body_of_a_function_passes_unchanged(file: Path, at: float) -> None:
    text = file.read_text("utf-8")
    bodies = list(re.finditer(r"^( *)def [^\n]*:\n((?:\1    [^\n]*\n)+)", text, re.MULTILINE))
    match = bodies[int(at * len(bodies))]
    start, body = match.start(2) - 1, text[match.start(2) - 1 : match.end(2) - 1]
    below = next((line for line in text[match.end(2) :].split("\n") if line.strip()), "")
    assume(body.count("\n") < 24 and not below.startswith(match.group(1) + " "))
    document = text[:start] + text[match.end(2) - 1 :]
    assert offered(document, start, "python", body, FinishReason.STOP) == [(start, start, body)]


def test_a_filter_has_a_name_and_a_reason() -> None:
    view = View.of(Snapshot("file:///a", 1, "python", "print()\n", 6), 4000, 2000)
    result = apply("x)", FilterContext(view.window, "python"))
    assert [(step.name, step.before, step.after) for step in result.steps] == [("trim_overlap", "x)", "x")]
    assert result.steps[0].reason.endswith(".")
