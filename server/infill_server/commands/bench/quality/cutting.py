"""Cuts holes into source text: the rest of a line, a whole line, or the body of a block."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from infill_completion.document.files import read_source
from infill_completion.document.lines import indent_of, indent_width, to_lf
from infill_completion.languages.registry import language_id_of, traits_of
from infill_completion.languages.traits import opens_block
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind
from infill_server.commands.bench.source_files import MAX_FILE_BYTES

MAX_LINE_CHARS = 1_000  # a longer line was written by a program
MIN_BLOCK_LINES = 2
MAX_BLOCK_LINES = 10
MAX_BLOCK_CHARS = 600  # more than the 128 tokens that a suggestion has by default
# Rounds over all files that bring nothing new, after which there is nothing left to find.
_FRUITLESS_ROUNDS = 40
_WORD = re.compile(r"\w")

Span = tuple[int, int]


@dataclass(frozen=True)
class HoleSource:
    """A file to cut holes into.

    Attributes:
        path: Its name.
        text: Its text with LF line ends.
        added: Numbers of the lines that may be cut, from 0; None for all.
        commit: The commit that the text is from, or empty.
    """

    path: Path
    text: str
    added: tuple[int, ...] | None = None
    commit: str = ""

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends."""
        return self.text.split("\n")

    @cached_property
    def starts(self) -> list[int]:
        """The offset of each line."""
        return [0, *accumulate(len(line) + 1 for line in self.lines)]

    @cached_property
    def places(self) -> Sequence[int]:
        """Numbers of the lines that may be cut."""
        return range(len(self.lines)) if self.added is None else self.added

    @cached_property
    def blocks(self) -> list[Span]:
        """The first and last line of each body that may be cut."""
        traits, allowed = traits_of(language_id_of(self.path.name)), set(self.places)
        found = []
        for number, line in enumerate(self.lines):
            if len(line) <= MAX_LINE_CHARS and opens_block(line, traits):
                last = self._last_of_body(number)
                if last is not None and allowed.issuperset(range(number + 1, last + 1)):
                    found.append((number + 1, last))
        return found

    def _last_of_body(self, header: int) -> int | None:
        """Return the last line of the body below a line, or None if it is too short, too long or empty."""
        outer, last = indent_width(self.lines[header]), header
        for number in range(header + 1, len(self.lines)):
            line = self.lines[number]
            if not line.strip():
                continue
            if indent_width(line) <= outer or last - header > MAX_BLOCK_LINES:
                break
            last = number
        chars = self.starts[last + 1] - self.starts[header + 1]
        is_fit = MIN_BLOCK_LINES <= last - header <= MAX_BLOCK_LINES and chars <= MAX_BLOCK_CHARS
        return last if is_fit and self.lines[header + 1].strip() else None


def read_sources(paths: Sequence[Path]) -> list[HoleSource]:
    """Return the files that are UTF-8 text under names in UTF-8, without marks of the byte order."""
    read = ((path, read_source(path, MAX_FILE_BYTES)) for path in paths if _is_utf8(str(path)))
    texts = ((path, text.removeprefix("\ufeff")) for path, text in read if text is not None and "\0" not in text)
    return [HoleSource(path, to_lf(text)) for path, text in texts]


def _is_utf8(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)  # bytes that Python could not decode


def holes(sources: Sequence[HoleSource], count: int, seed: int, kind: HoleKind = HoleKind.REST) -> list[CodeHole]:
    """Return ``count`` different holes spread evenly over the files, or fewer if there are no more.

    The same files and seed give the same holes.
    """
    chance, span_in = random.Random(seed), _SPANS[kind]
    found: dict[tuple[int, Span], CodeHole] = {}
    fruitless = 0
    while len(found) < count and fruitless < _FRUITLESS_ROUNDS:
        before = len(found)
        for number, source in enumerate(sources):
            span = span_in(source, chance) if source.places else None
            if span is not None and len(found) < count:
                found.setdefault((number, span), _hole(source, span, kind))
        fruitless = fruitless + 1 if len(found) == before else 0
    return list(found.values())


def _hole(source: HoleSource, span: Span, kind: HoleKind) -> CodeHole:
    start, end = span
    text = source.text
    return CodeHole(source.path, text[:start], text[start:end], text[end:], kind, commit=source.commit)


def _rest(source: HoleSource, chance: random.Random) -> Span | None:
    number = source.places[chance.randrange(len(source.places))]
    line, start = source.lines[number], source.starts[number]
    if not line.strip() or len(line) > MAX_LINE_CHARS:
        return None
    column = chance.randrange(len(line) - len(line.lstrip()), len(line.rstrip()))
    return start + column, start + len(line)


def _line(source: HoleSource, chance: random.Random) -> Span | None:
    number = source.places[chance.randrange(len(source.places))]
    line, start = source.lines[number], source.starts[number]
    if len(line) > MAX_LINE_CHARS or not _WORD.search(line):
        return None
    return start + len(indent_of(line)), start + len(line)


def _block(source: HoleSource, chance: random.Random) -> Span | None:
    if not source.blocks:
        return None
    first, last = source.blocks[chance.randrange(len(source.blocks))]
    start = source.starts[first] + len(indent_of(source.lines[first]))
    return start, source.starts[last] + len(source.lines[last])


_SPANS: dict[HoleKind, Callable[[HoleSource, random.Random], Span | None]] = {
    HoleKind.REST: _rest,
    HoleKind.LINE: _line,
    HoleKind.BLOCK: _block,
}
