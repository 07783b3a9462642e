"""The grammars of tree-sitter that we ship with; each is loaded when its language is first parsed."""

from __future__ import annotations

import importlib
import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser, Point, Tree

# A parser that meets something it cannot make sense of may search for long; nobody waits for that.
MOST_MS = 20.0

# LSP's language id, then the package of the grammar and the function in it that returns the language.
_GRAMMARS: dict[str, tuple[str, str]] = {
    "python": ("tree_sitter_python", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "javascriptreact": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "java": ("tree_sitter_java", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "cuda-cpp": ("tree_sitter_cpp", "language"),
}


def has_grammar(language_id: str) -> bool:
    """Tell whether a language can be parsed, without loading anything."""
    return language_id in _GRAMMARS


def parsed(source: bytes, language_id: str) -> Tree | None:
    """Return the syntax tree of UTF-8 ``source``.

    None for a language without a grammar, where the grammar's package does not fit this platform, and where it takes
    longer than `MOST_MS`.
    """
    parser = _parser(language_id)
    if parser is None:
        return None
    ends = time.thread_time() + MOST_MS / 1000  # The time of a busy machine's other work does not count.

    def read(start: int, _point: Point) -> bytes:
        return source[start:]

    try:
        # The callback returns True to give up.
        return parser.parse(read, progress_callback=lambda _offset, _has_error: time.thread_time() > ends)
    except ValueError:  # the budget was used up
        parser.reset()
        return None


@cache
def _parser(language_id: str) -> Parser | None:
    found = _GRAMMARS.get(language_id)
    if found is None:
        return None
    try:
        from tree_sitter import Language, Parser

        return Parser(Language(getattr(importlib.import_module(found[0]), found[1])()))
    except (ImportError, ValueError):  # no build for this platform, or one of another binary interface
        return None
