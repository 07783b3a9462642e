"""Suggestions of nothing, and blanks nobody wants."""

from __future__ import annotations

from infill_completion.document.lines import to_lf
from infill_completion.suggest.filters.place import Place


def unify_line_ends(text: str, place: Place) -> str:
    """End lines as the rest of the package does; the document's own line ends come back on output."""
    del place
    return to_lf(text)


def trim_end(text: str, place: Place) -> str:
    """Drop blanks and empty lines at the end, but not those that stand before the rest of the line."""
    if place.window.rest.strip() and "\n" not in text:
        return text
    return text.rstrip()


def drop_blank(text: str, place: Place) -> str:
    """Drop a suggestion that shows nothing."""
    del place
    return text if text.strip() else ""
