"""Suggestions of nothing, and blanks nobody wants."""

from __future__ import annotations

from infill_completion.document.lines import to_lf
from infill_completion.suggest.filters.context import FilterContext


def unify_line_ends(text: str, context: FilterContext) -> str:
    """End lines as the rest of the package does; the document's own line ends come back on output."""
    del context
    return to_lf(text)


def trim_end(text: str, context: FilterContext) -> str:
    """Drop blanks and empty lines at the end, but not those that stand before the rest of the line."""
    if context.window.rest.strip() and "\n" not in text:
        return text
    return text.rstrip()


def drop_blank(text: str, context: FilterContext) -> str:
    """Drop a suggestion that shows nothing."""
    del context
    return text if text.strip() else ""
