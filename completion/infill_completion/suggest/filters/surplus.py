"""Closing tags and keywords of elements and blocks that the document closes already."""

from __future__ import annotations

import re

from infill_completion.document.lines import indent_width
from infill_completion.languages.block_styles import MARKUP
from infill_completion.languages.pairs import tag_balance, unopened_tags
from infill_completion.languages.traits import Blocks, opens_block
from infill_completion.suggest.filters.closers import END_LINE
from infill_completion.suggest.filters.comments import is_comment, is_in_comment
from infill_completion.suggest.filters.context import FilterContext

# In shells brackets cannot be counted, because a pattern of `case` has a closing one only.
_END_OR_BRACE = re.compile(END_LINE.pattern + r"|\}")
# Tags at which a cut is tried; each try reads the window.
_MAX_TRIED = 8


def cut_at_surplus_closer(text: str, context: FilterContext) -> str:
    """Cut where the suggestion ends an element or a block that the document ends already."""
    if context.window.rest.strip() or is_in_comment(context) or context.literal is not None:
        return text
    if "</" in text and (context.traits is MARKUP or context.language_id.endswith("react")):
        text = _without_tag(text, context)
    return _without_keyword(text, context) if context.traits.blocks is Blocks.END else text


def _without_tag(text: str, context: FilterContext) -> str:
    """Cut at a closing tag if the document has as many closing as opening tags of that name."""
    window = context.window
    if not (window.starts_document and window.ends_document):
        return text
    for offset, name in unopened_tags(text)[:_MAX_TRIED]:
        if tag_balance(window.prefix + "\n" + window.suffix, name) == 0:
            return text[:offset]
    return text


def _without_keyword(text: str, context: FilterContext) -> str:
    """Drop a last line that ends a block by a keyword, if the document ends that block already."""
    head, newline, last = text.rstrip().rpartition("\n")
    line = last if newline else context.window.before + last
    if not _is_end(line, context):
        return text
    above = context.window.above + (context.window.before + head if newline else "")
    lines = [other for other in above.split("\n") if other.strip() and not is_comment(other, context.traits)]
    opener = _open_block(lines, indent_width(line), context)
    if opener is not None:
        return head if _ends_below(opener, context) else text
    is_ended = lines and _is_end(lines[-1], context) and indent_width(lines[-1]) == indent_width(line)
    return head if is_ended and context.window.starts_document else text


def _open_block(above: list[str], width: int, context: FilterContext) -> int | None:
    """Return the columns of the innermost block around the end of ``above`` that a line at ``width`` may end."""
    ended = 0
    for line in reversed(above):
        if indent_width(line) > width:
            continue
        if indent_width(line) < width:
            ended, width = 0, indent_width(line)
        if _is_end(line, context):
            ended += 1
        elif opens_block(line, context.traits) and not context.traits.closer.match(line.strip()):
            if ended == 0:
                return width
            ended -= 1
    return None


def _ends_below(width: int, context: FilterContext) -> bool:
    """Return whether the next line below that is no deeper than ``width`` ends a block at ``width``."""
    for line in context.window.below.split("\n"):
        if line.strip() and indent_width(line) <= width:
            return indent_width(line) == width and _is_end(line, context)
    return False


def _is_end(line: str, context: FilterContext) -> bool:
    pattern = END_LINE if context.traits.is_balanced else _END_OR_BRACE
    return pattern.fullmatch(line.strip()) is not None
