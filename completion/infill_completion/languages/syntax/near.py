"""The part of a document that is parsed: some text around the cursor.

A document that was parsed as a whole has an excerpt. For any other, text near the cursor is used: it begins at a
definition, or at the start of the document.
"""

from __future__ import annotations

import re

from infill_completion.document.window import Excerpt, Window
from infill_completion.languages.registry import LANGUAGES
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


def excerpt_of(window: Window) -> Excerpt | None:
    """Return the text around the cursor that a parser reads; None if there is none that it would understand."""
    if window.excerpt is not None:
        return window.excerpt
    before = near_before(window.prefix, is_whole=window.starts_document)
    return None if before is None else Excerpt(before, near_after(window.suffix))


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


def near_after(suffix: str) -> str:
    """Return the beginning of ``suffix``, up to the end of a line."""
    end = suffix.rfind("\n", 0, MAX_AFTER) if len(suffix) > MAX_AFTER else len(suffix)
    return suffix[:end] if end > 0 else suffix[:MAX_AFTER]
