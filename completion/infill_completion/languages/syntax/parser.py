"""Parses text; a grammar is loaded when its language is first parsed."""

from __future__ import annotations

import importlib
import re
import time
from functools import cache
from itertools import count
from typing import TYPE_CHECKING

from infill_completion.languages.registry import grammar_of

if TYPE_CHECKING:
    from tree_sitter import Parser, Point, Tree

# Text that the grammar cannot make sense of may keep a parser busy for long; it is given up after this time.
MAX_MS = 20.0
# The parser reports its progress every 20 to 50 microseconds; asking for the time costs a fraction of one.
_STEPS_PER_CHECK = 8
_NO_POINT = (0, 0)  # The rows and columns of trees are never asked for.
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def has_grammar(language_id: str) -> bool:
    """Return whether a language can be parsed, without loading anything."""
    return grammar_of(language_id) is not None


def parse(source: bytes, language_id: str, former: Tree | None = None) -> Tree | None:
    """Return the syntax tree of UTF-8 ``source``.

    None for a language without a grammar, if the grammar's package has no build for this platform, and if parsing
    takes longer than `MAX_MS`.

    Args:
        source: The text.
        language_id: LSP's language id.
        former: The tree of a similar text, edited to fit ``source``, from which unchanged parts are taken.
    """
    parser = _parser(language_id)
    if parser is None:
        return None
    ends = time.thread_time() + MAX_MS / 1000  # Other work on a busy machine does not count.
    steps = count(1)

    def read(start: int, _point: Point) -> bytes:
        return source[start:]

    def is_over(_offset: int, _has_error: bool) -> bool:
        return next(steps) % _STEPS_PER_CHECK == 0 and time.thread_time() > ends  # True interrupts the parser.

    try:
        if former is None:
            return parser.parse(read, progress_callback=is_over)
        return parser.parse(read, former, progress_callback=is_over)
    except ValueError:  # the time ran out
        parser.reset()
        return None


def new_parser(language_id: str) -> Parser | None:
    """Return a parser of its own, for a parse that is interrupted and continued; None as for `parse`."""
    grammar = grammar_of(language_id)
    if grammar is None:
        return None
    try:
        from tree_sitter import Language, Parser

        return Parser(Language(getattr(importlib.import_module(grammar.package), grammar.function)()))
    except (ImportError, ValueError):  # no build for this platform, or another binary interface
        return None


@cache
def _parser(language_id: str) -> Parser | None:
    return new_parser(language_id)


def move(tree: Tree, start: int, old_end: int, new_end: int) -> None:
    """Move the nodes of ``tree`` to where an edit of its text puts them; offsets are in bytes."""
    tree.edit(start, old_end, new_end, _NO_POINT, _NO_POINT, _NO_POINT)


def to_ascii(text: str) -> bytes:
    """Return a text of the same structure with one byte for each character, so that offsets need no conversion."""
    if text.isascii():
        return text.encode("ascii")
    return _NOT_ASCII.sub(_stand_in, text).encode("ascii")


def _stand_in(match: re.Match[str]) -> str:
    character = match.group()
    return " " if character.isspace() or character == "\ufeff" else "x"
