"""Whatever the model writes and the document holds, twice as much of it takes about twice as many steps."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from infill_completion.api import Chunk, FinishReason
from infill_completion.document.window import Window
from infill_completion.languages import brackets, long_literals, nesting
from infill_completion.languages.brackets import cost, open_brackets, unopened
from infill_completion.languages.registry import traits_of
from infill_completion.suggest import ending
from infill_completion.suggest.choice import ChoiceBuilder
from infill_completion.suggest.extent import Extent, extent_at
from infill_completion.suggest.filters import FILTERS, FilterContext
from infill_completion.suggest.filters.loops import ends_in_loop, loop_in, unfinished_loop_in
from infill_completion.suggest.filters.rest import replaced
from infill_completion.suggest.preamble import Preamble
from infill_completion.suggest.reuse.change import change_between
from tests.suggest.steps import steps_of

SIZE = 800
# Quadratic work takes four times as many steps for twice the size; some work has a part that does not grow.
MAX_GROWTH = 2.7
NOISE = "".join(random.Random(7).choices("ab (){}[]\n=;.'\"", k=2 * SIZE))
# A piece is repeated; of two, the first fills the first half.
HOSTILE: dict[str, tuple[str, str]] = {
    name: (piece, piece)
    for name, piece in {
        "line ends": "\n", "blanks": " ", "blank lines": "  \n", "letters": "a", "brackets": "(", "closers": "])",
        "quotes": '"', "apostrophes": "a'", "backticks": "`", "backslashes": "\\",
        "comments": "/*", "docstrings": '"""',
        "tags": "<", "tokens": "</s>", "lines": "x\n", "equal lines": "    foo(bar)\n", "heads": "if a:\n    b()\n",
        "rising": "a\n b\n", "fences": "```\n", "numbers": "1 | x\n", "sentences": "This is the code of it.\n\n",
        "invisible": "\u200b", "assignments": "a = ", "declarations": "int a ", "commas": "a, ", "braces": "{\n",
        "endings": "end\n", "words": "this code and ", "f-strings": "f\"{'", "code in strings": '$"{',
    }.items()
} | {
    "unmatched": ("(", "]"), "escaped": ('"', '\\"'), "backslashes and a quote": ("\\", '"'),
    "word and apostrophe": ("a", "'"),
    "lines in a bracket": ("(\n", "a\n b\n"), "noise": (NOISE, NOISE),
}  # fmt: skip


def text_of(kind: str, size: int) -> str:
    first, second = HOSTILE[kind]
    return (first * size)[: size // 2] + (second * size)[: size - size // 2]


def assert_linear(work: Callable[[int], Callable[[], object]]) -> None:
    counts = []
    for size in (SIZE, 2 * SIZE):
        _forget()
        counts.append(steps_of(work(size)))
    small, large = counts
    # Some work begins only at a certain size.
    assert large <= MAX_GROWTH * small + 20 * SIZE, (small, large)


def _forget() -> None:
    """Empty the caches, so that a text costs what it costs the first time."""
    for module in (brackets, long_literals, nesting):
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def window_of(place: str, text: str) -> tuple[str, Window]:
    """Return a suggestion and its surroundings, with ``text`` in one of them."""
    return {
        "suggestion": (text, Window("x = 1\nfoo(", ")\n")),
        "suggestion on a blank line": (text, Window("x = 1\n    ", "\nfoo(bar)\n")),
        "prefix": ("foo(1)\n    bar()\n", Window(f"{text}\n    x", "\nend\n")),
        "suffix": ("foo(1)\n    bar()\n", Window("x = ", f"\n{text}")),
        "both": (text, Window("x = ", f"\n{text}")),
    }[place]


@pytest.mark.parametrize("place", ["suggestion on a blank line", "prefix", "both"])
@pytest.mark.parametrize("language", ["python", "csharp"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_filter_takes_linear_time(kind: str, language: str, place: str) -> None:
    for rule in (*FILTERS, replaced):

        def work(size: int, rule: Callable[[str, FilterContext], object] = rule) -> Callable[[], object]:
            text, window = window_of(place, text_of(kind, size))
            context = FilterContext(window, language, FinishReason.LENGTH, ended_line=True)
            return lambda: rule(text, context)

        assert_linear(work)


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_the_filters_are_made_of_takes_linear_time(kind: str) -> None:
    traits = traits_of("csharp")
    for part in (
        lambda text: open_brackets(text, traits),
        lambda text: unopened(text, traits),
        lambda text: cost(text, traits, ()),
        lambda text: loop_in(text.split("\n")),
        lambda text: unfinished_loop_in(text.split("\n")),
        ends_in_loop,
        lambda text: change_between(Window(text, text), Window(text + "abc", text)),
        lambda text: Preamble(Window(text, text), "csharp").answer(text, is_body=False),
    ):

        def work(size: int, part: Callable[[str], object] = part) -> Callable[[], object]:
            text = text_of(kind, size)
            return lambda: part(text)

        assert_linear(work)


@pytest.mark.parametrize("before", ["x = ", "def f():\n    ", "def f():", "function f() {"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_stream_is_read_to_a_limit_and_examined_in_linear_time(
    kind: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    examined = 0
    settled = ending.settled

    def counting(extent: Extent, text: str) -> str | None:
        nonlocal examined
        examined += len(text)
        return settled(extent, text) if len(text) < SIZE // 4 else None

    monkeypatch.setattr("infill_completion.suggest.choice.settled", counting)
    extent = extent_at(Window(before, "\n"), "csharp", multiline="auto", is_invoked=True)
    counts = []
    for max_tokens in (250, 500, 1000):
        examined = 0
        builder = ChoiceBuilder(extent, None, max_tokens)
        builder.add(Chunk(0, text_of(kind, 100_000)))
        builder.build(is_cut=True)
        assert builder.is_settled
        assert len(builder.text) <= 12 * max_tokens
        counts.append(examined)
    assert counts[2] - counts[1] <= MAX_GROWTH * (counts[1] - counts[0]) + 500


@pytest.mark.parametrize("text", ["\n" * 1500, " " * 1500, "  \n" * 500, "x = 1\n" + "\n" * 1500])
@pytest.mark.parametrize("before", ["x = ", "def f():\n    ", "def f():"])
def test_blanks_without_end_end_the_stream(before: str, text: str) -> None:
    extent = extent_at(Window(before, "\n"), "python", multiline="auto", is_invoked=True)
    builder = ChoiceBuilder(extent)
    read = 0
    while not builder.is_settled:
        builder.add(Chunk(0, text[read : read + 3]))
        read += 3
        assert read <= 450
    assert not builder.build(is_cut=False).text.strip() or text.startswith("x")
