"""The part of a document that is parsed: some text around the cursor.

A document that was parsed as a whole has an excerpt. For any other, text near the cursor is used: it begins at a
definition, or at the start of the document, and ends before one, or at the document's end.
"""

from __future__ import annotations

import re
from itertools import pairwise

from infill_completion.document.window import Excerpt, Window
from infill_completion.languages.brackets import PAIRS, brackets
from infill_completion.languages.long_literals import open_literal
from infill_completion.languages.registry import LANGUAGES, traits_of
from infill_completion.languages.syntax.excerpt import MAX_AFTER, MAX_BEFORE


def _definition_lines() -> re.Pattern[str]:
    """Return a pattern for lines that are hardly part of a comment or of a string of several lines."""
    grammars = [language.grammar for language in LANGUAGES if language.grammar is not None]

    def any_of(words: list[str]) -> str:
        return "|".join(dict.fromkeys(word for listed in words if listed for word in listed.split("|")))

    modifiers = any_of([grammar.modifiers for grammar in grammars])
    functions = any_of([grammar.functions for grammar in grammars])
    types = any_of([grammar.types for grammar in grammars])
    return re.compile(
        rf"^[ \t]*(?:(?:{modifiers}) +)*"
        rf"(?:(?:{functions}) +\(?\w[^\n]*\(|(?:{types})\b[^\n]*[:{{]$"
        r"|@\w+[^.\s]*$|#include )",
        re.MULTILINE,
    )


# The keywords of all languages together, since a document may hold several.
_DEFINITION = _definition_lines()
# How many definitions are tried as the end, the last one first: one may be an example in a string.
_MAX_ENDS = 4


def excerpt_of(window: Window, language_id: str) -> Excerpt | None:
    """Return the text around the cursor that a parser reads; None if there is none that it would understand."""
    before = parsed_before(window)
    if window.excerpt is not None or before is None:
        return window.excerpt
    is_whole = window.ends_document and len(window.suffix) <= MAX_AFTER
    return Excerpt(before, window.suffix if is_whole else near_after(before, window.suffix, language_id))


def parsed_before(window: Window) -> str | None:
    """Return the part of that text before the cursor; None without one."""
    if window.excerpt is not None:
        return window.excerpt.before
    return near_before(window.prefix, is_whole=window.starts_document)


def code_before(window: Window) -> str:
    """Return the text before the cursor, from where brackets can be counted: a window may begin inside a string."""
    before = window.prefix if window.starts_document else parsed_before(window)
    return window.prefix if before is None else before


def near_before(prefix: str, *, is_whole: bool) -> str | None:
    """Return the end of ``prefix``, from a line at which a parser can begin.

    Args:
        prefix: The text before the cursor.
        is_whole: Whether it begins at the start of the document. Otherwise it may begin inside a string.

    Returns:
        The text from a definition or from the document's start; None if there is no definition nearby.
    """
    if is_whole and len(prefix) <= MAX_BEFORE:
        return prefix
    match = _DEFINITION.search(prefix, max(prefix.find("\n", max(len(prefix) - MAX_BEFORE, 0)), 0))
    return prefix[match.start() :] if match else None


def near_after(before: str, suffix: str, language_id: str) -> str:
    """Return the beginning of ``suffix``, up to a definition, or else up to a line outside strings and arguments.

    What is cut in its middle may look like any number of errors, more or fewer of them with a suggestion than without.

    Args:
        before: The text before the cursor, from a line at which a parser can begin.
        suffix: The text after the cursor.
        language_id: LSP's language id.
    """
    end = suffix.rfind("\n", 0, MAX_AFTER)
    near = suffix[:end] if end > 0 else suffix[:MAX_AFTER]
    for start in _definitions(near)[: -_MAX_ENDS - 1 : -1]:
        if open_literal(before + near[:start], language_id) is None:
            return near[:start]
    literal = open_literal(before + near, language_id)
    if literal is not None:
        near = _lines_before(near, len(near) - len(literal.written) - len(literal.opening))
    opened: list[int] = []
    for offset, bracket in brackets(before + near, traits_of(language_id)):
        if bracket not in PAIRS:
            opened.append(offset - len(before))
        elif opened:
            opened.pop()
    first = next((offset for offset in opened if offset >= 0 and near[offset] != "{"), -1)
    return _lines_before(near, first)


def _lines_before(text: str, offset: int) -> str:
    """Return the lines of ``text`` before the one that holds ``offset``; all if that is the first one or before it."""
    end = text.rfind("\n", 0, max(offset, 0))
    return text[: end + 1] if end >= 0 else text


def _definitions(text: str) -> list[int]:
    """Return where definitions below the first line of ``text`` begin, with their decorators."""
    lines = [match.span() for match in _DEFINITION.finditer(text, text.find("\n") + 1)]
    follows = {start for (_, end), (start, _) in pairwise(lines) if text[end:start] == "\n"}
    return [start for start, _ in lines if start not in follows]
