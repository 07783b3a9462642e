"""Recognises comments by their marks, in languages with and without a grammar."""

from __future__ import annotations

from infill_completion.languages.literal_styles import STYLES
from infill_completion.languages.long_literals import open_literal
from infill_completion.languages.syntax import code_before
from infill_completion.languages.traits import LanguageTraits
from infill_completion.suggest.filters.context import FilterContext

_LONG_STRINGS, _LONG_COMMENTS = ('"""', "'''"), ("*/",)


def is_comment(line: str, traits: LanguageTraits) -> bool:
    """Return whether ``line`` holds nothing but a comment."""
    return bool(traits.line_comment) and line.lstrip().startswith(traits.line_comment)


def is_in_comment(context: FilterContext) -> bool:
    """Return whether the cursor is in a comment, or in a string of several lines."""
    window, mark = context.window, context.traits.line_comment
    if mark and mark in window.before:
        return True
    above = code_before(window)
    if context.language_id in STYLES:  # An unknown beginning is taken for code.
        literal = open_literal(above, context.language_id)
        return literal is not None and literal.closing in (_LONG_STRINGS if mark == "#" else _LONG_COMMENTS)
    if mark == "#" and any(above.count(fence) % 2 for fence in ('"""', "'''")):
        return True
    return mark == "//" and above.rfind("/*") > above.rfind("*/")
