"""Traits of a language that the rules need: how blocks open and close, how comments and strings are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Blocks(Enum):
    """How a language marks its blocks."""

    INDENT = "indent"
    BRACES = "braces"
    END = "end"
    PROSE = "prose"


@dataclass(frozen=True)
class Interpolation:
    """How code is put into strings.

    Attributes:
        quotes: The quotes of strings that may hold code.
        pairs: What opens and closes the code. A brace alone that is doubled is text.
        prefix: Matches what must precede the quote.
    """

    quotes: str
    pairs: tuple[tuple[str, str], ...]
    prefix: re.Pattern[str] | None = None

    def applies(self, line: str, start: int) -> bool:
        """Return whether the string that begins at ``start`` may hold code."""
        is_quote = line[start] in self.quotes
        return is_quote and (self.prefix is None or self.prefix.search(line, max(start - 3, 0), start) is not None)


@dataclass(frozen=True, eq=False)
class LanguageTraits:
    """The traits of a language.

    Attributes:
        blocks: How blocks are marked.
        line_comment: The mark of a comment that runs to the end of the line; empty if the language has none.
        opener: Matches the end of a line (without trailing blanks and comment) after which a block begins.
        closer: Matches a line, without its indentation, that closes a block.
        quotes: Characters that begin a string of any length; a missing ``'`` begins a single character at most.
        block_comment: What opens and closes a comment in a language without line comments; empty if unknown.
        next_part: Matches a line, without its indentation, that continues a construct with another block.
        interpolation: How code is put into strings; None if it cannot be, or if that is unknown.
        raw_quotes: Characters that begin and end a string of several lines in which nothing is escaped.
        is_balanced: Whether every closing bracket outside strings and comments has an opening one.
    """

    blocks: Blocks
    line_comment: str
    opener: re.Pattern[str]
    closer: re.Pattern[str]
    quotes: str = "\"'`"
    is_balanced: bool = True
    interpolation: Interpolation | None = None
    block_comment: tuple[str, str] = ("", "")
    next_part: re.Pattern[str] = re.compile(r"(?!)")
    raw_quotes: str = ""


def opens_block(line: str, traits: LanguageTraits) -> bool:
    """Return whether a block begins after ``line``."""
    code = line.rstrip()
    if traits.line_comment and f" {traits.line_comment}" in code:
        code = code[: code.rindex(f" {traits.line_comment}")].rstrip()
    return bool(code) and traits.opener.search(code) is not None
