"""Paragraphs of prose, and the marks of Markdown that are written in pairs."""

from __future__ import annotations

import re

from infill_completion.languages.traits import Blocks
from infill_completion.suggest.filters.context import FilterContext

# The beginning of a paragraph: after a blank line, a mark of a list, a heading, a quotation or a row of a table.
_START = re.compile(r"\n(?=[ \t]*(?:\n|(?:[-*+>]|#+|\d+[.)])[ \t]|\|))")
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
# Marks of emphasis; a star before a blank at the beginning of a line is a list's, and names contain underscores.
_MARK = re.compile(r"(?<![\\*])\*+(?!\*)|(?<![\\\w])_+|(?<![\\_])_+(?!\w)|~+")
_LIST_MARK = re.compile(r"^[ \t]*\*(?=[ \t])", re.MULTILINE)
# How far above the cursor a paragraph is read.
_MOST = 2000


def quoted_before(context: FilterContext) -> str:
    """Return the text before the cursor in which a string may begin: its line, in prose all lines of its paragraph."""
    window = context.window
    if context.traits.blocks is not Blocks.PROSE:
        return window.before
    near = window.prefix[-_MOST:]
    start = max((match.end() for match in _START.finditer(near)), default=0)
    return near[start:]


def doubles_emphasis(text: str, context: FilterContext) -> bool:
    """Return whether ``text`` ends the emphasis around the cursor, which the rest of the line ends too."""
    if context.traits.blocks is not Blocks.PROSE or len(text) + len(context.window.rest) > _MOST:
        return False
    mark = re.search(r"(?<![*_~\\\s])(\*{1,3}|_{1,3}|~~)\Z", text)
    if mark is None or not re.match(re.escape(mark[1]) + r"(?![*_~])", context.window.rest):
        return False
    # The parts are kept apart, for their marks are side by side.
    paragraph = _CODE.sub("", "\0".join([quoted_before(context), text, context.window.rest]))
    return _MARK.findall(_LIST_MARK.sub("", paragraph)).count(mark[1]) % 2 == 1
