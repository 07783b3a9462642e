"""Which lines a suggestion may grow by, and where it may end.

It grows within the block of the cursor's line, to its end at most: not past a blank line, and not into the next
block. It ends where the code could end: all brackets that it opens are closed, and its last line announces no other.
"""

from __future__ import annotations

import re
from enum import Enum

from infill_completion.document.lines import indent_width
from infill_completion.document.view import View
from infill_completion.languages.brackets import open_brackets
from infill_completion.languages.registry import traits_of
from infill_completion.languages.syntax import added_errors, literal_kind
from infill_completion.languages.traits import Blocks, opens_block
from infill_completion.suggest.extent import literal_at, width_below

# More than a screen's third is not read any more.
MAX_LINES = 10
# A last line that another one must follow: it ends with an operator, or is a decorator, an annotation or an attribute.
_GOES_ON = re.compile(r"(?:[-+*/%&|^=.(\[{\\]|\b(?:and|or|not|in|is|else|extends|implements|where))$")
_PRELUDE = re.compile(r"\s*(?:@[\w.]+(?:\(.*\))?|#!?\[.*\])$")


class LinePlace(Enum):
    """Where a line is in relation to the block of the cursor's line."""

    INSIDE = "in the block"
    CLOSES = "closes the block"
    OUTSIDE = "after the block"


def may_grow(view: View, text: str, replaced: int = 0) -> bool:
    """Return whether whole lines may follow ``text`` at ``view``: at the end of a line, in code."""
    if view.is_invoked or view.selected is not None or view.window.rest[replaced:].strip():
        return False
    if traits_of(view.language_id).blocks is Blocks.PROSE or text.count("\n") >= MAX_LINES:
        return False
    after = view.window.with_text(text, replaced)
    if (width_below(after) or 0) > indent_width(after.before):  # the lines below belong to this one
        return False
    return bool(after.before.strip()) and literal_kind(after, view.language_id) is None


def place_of(view: View, text: str, lines: str) -> LinePlace:
    """Return where ``lines`` are, which follow ``text`` at ``view`` and begin with a line end."""
    written = lines.lstrip()
    head = lines[: len(lines) - len(written)]
    if head.count("\n") != 1 or not written:
        return LinePlace.OUTSIDE
    line, traits = written.partition("\n")[0], traits_of(view.language_id)
    if indent_width(head[1:]) >= _base_width(view, text):
        return LinePlace.INSIDE
    closes = traits.closer.match(line.strip()) is not None and not opens_block(line, traits)
    return LinePlace.CLOSES if closes else LinePlace.OUTSIDE


def may_end(view: View, text: str, replaced: int = 0) -> bool:
    """Return whether a suggestion of several lines may end after ``text``."""
    traits, after = traits_of(view.language_id), view.window.with_text(text, replaced)
    last = after.before.rstrip()
    if opens_block(last, traits) or _GOES_ON.search(last) or _PRELUDE.match(last):
        return False
    if open_brackets(view.window.before + text, traits) or literal_at(after, view.language_id) is not None:
        return False
    errors = added_errors(view.window, text, replaced, view.language_id)
    return not last.endswith(",") if errors is None else errors <= 0


def _base_width(view: View, text: str) -> int:
    """Return the indentation of the first line with text, from the cursor's own line on."""
    return next((indent_width(line) for line in (view.window.before + text).split("\n") if line.strip()), 0)
