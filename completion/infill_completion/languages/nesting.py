"""How the brackets of a piece of code fit into each other and into its indentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from infill_completion.document.lines import indent_of, indent_width
from infill_completion.languages.brackets import PAIRS, bracket_lines
from infill_completion.languages.traits import LanguageTraits


class Opened(NamedTuple):
    """An open bracket, and the indentation of its line in columns."""

    bracket: str
    indent: int


@dataclass(frozen=True)
class Nesting:
    """The brackets of a text, counted from those that are open where it begins.

    Attributes:
        opened: The brackets that are open at its end, the outermost first.
        unopened: The offsets of the brackets that close nothing.
        skipped: How many open brackets are skipped by one that closes a bracket further out.
        crooked: How many lines begin with a brace that closes one from a line with another indentation.
        closers: The offset of each closing bracket that fits, and how many brackets are open after it.
    """

    opened: tuple[Opened, ...]
    unopened: tuple[int, ...]
    skipped: int
    crooked: int
    closers: tuple[tuple[int, int], ...]


@lru_cache(maxsize=64)
def nesting(text: str, traits: LanguageTraits, opened: tuple[Opened, ...] = ()) -> Nesting:
    """Return how the brackets of ``text`` fit into each other and into ``opened``."""
    stack = list(opened)
    counts = Counter(each.bracket for each in opened)
    skipped = crooked = 0
    unopened: list[int] = []
    closers: list[tuple[int, int]] = []
    for offset, bracket, indent, is_first in _in_lines(text, traits):
        if bracket not in PAIRS:
            stack.append(Opened(bracket, indent))
            counts[bracket] += 1
            continue
        if not counts[PAIRS[bracket]]:
            unopened.append(offset)
            continue
        while (last := stack.pop()).bracket != PAIRS[bracket]:
            counts[last.bracket] -= 1
            skipped += 1
        counts[last.bracket] -= 1
        # Brackets around arguments and lists are closed at any column, as the style wants.
        crooked += is_first and last.indent != indent and bracket == "}"
        closers.append((offset, len(stack)))
    return Nesting(tuple(stack), tuple(unopened), skipped, crooked, tuple(closers))


def _in_lines(text: str, traits: LanguageTraits) -> Iterator[tuple[int, str, int, bool]]:
    """Yield the offset of each bracket, the bracket, the indentation of its line, and whether it begins the line."""
    for start, line, indexes in bracket_lines(text, traits):
        blanks = indent_of(text[start : start + len(line)])
        first, width = len(blanks), indent_width(blanks)
        for index in indexes:
            yield start + index, line[index], width, index == first
