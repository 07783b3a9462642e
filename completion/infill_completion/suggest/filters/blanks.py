"""Line ends, trailing whitespace and blank suggestions."""

from __future__ import annotations

from infill_completion.document.lines import to_lf
from infill_completion.suggest.filters.context import FilterContext


def unify_line_ends(text: str, context: FilterContext) -> str:
    """Use LF line ends, as the rest of the package does; the output has the document's own again."""
    del context
    return to_lf(text)


def trim_end(text: str, context: FilterContext) -> str:
    """Drop trailing blanks and empty lines, but not blanks that separate it from the rest of the line."""
    if context.window.rest.strip() and "\n" not in text:
        return text
    return text.rstrip()


def drop_blank(text: str, context: FilterContext) -> str:
    """Drop a suggestion that consists of blanks."""
    del context
    return text if text.strip() else ""
