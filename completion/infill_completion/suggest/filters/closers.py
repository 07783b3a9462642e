"""Closing brackets and end keywords that are one too many."""

from __future__ import annotations

import re

from infill_completion.document.lines import indent_width
from infill_completion.languages.brackets import open_brackets, unmatched, unopened
from infill_completion.languages.syntax import brackets_of
from infill_completion.languages.syntax.near import near_before
from infill_completion.languages.traits import Blocks
from infill_completion.suggest.filters.place import Place

_END_LINE = re.compile(r"(?:end|fi|done|esac|endif|endfunction|endfor|endwhile|END)\b[;,)]*")
_FENCE_LINE = re.compile(r"\"{3}|'{3}|`{3}|\*/")
_BRACKET_LINE = re.compile(r"[)\]}]+[;,]?")


def drop_double_closer(text: str, place: Place) -> str:
    """Drop a last line that closes what the next line of the document closes already."""
    head, newline, last = text.rpartition("\n")
    line = last if newline else place.window.before + last
    following = place.window.below if not place.window.rest.strip() else ""
    below = next((other for other in following.split("\n") if other.strip()), "")
    is_same = line.strip() == below.strip() and indent_width(line) == indent_width(below)
    if not is_same or not _closes(line.strip(), place):
        return text
    if _BRACKET_LINE.fullmatch(line.strip()) and place.traits.is_balanced:
        stack = open_brackets(place.window.prefix, place.traits)
        kept = unopened(text + "\n" + following, place.traits, stack)
        if len(kept) <= len(unopened(head + "\n" + following, place.traits, stack)):
            return text
    if _FENCE_LINE.fullmatch(line.strip()) and not _is_even(head, line.strip(), place):
        return text
    return head if newline else ""


def cut_at_unopened_bracket(text: str, place: Place) -> str:
    """Cut at a closing bracket that nothing opens.

    A window that begins in the middle of the document may lack the opening one, a file whose brackets do not come out
    even above the cursor tells nothing, and in comments brackets are free.
    """
    if not place.traits.is_balanced or not text or in_comment(place):
        return text
    above = place.window.prefix
    if not place.window.starts_document or unopened(above, place.traits):
        return text
    stack = open_brackets(above, place.traits)
    excess = unopened(text, place.traits, stack)
    if excess:  # A parser knows which brackets stand in a string of several lines.
        known = brackets_of(near_before(above, is_whole=True), text, place.language_id)
        excess = excess if known is None else unmatched(known, stack)
    return text[: excess[0][0]] if excess else text


def _closes(line: str, place: Place) -> bool:
    if place.traits.blocks is Blocks.END and _END_LINE.fullmatch(line):
        return True
    return _BRACKET_LINE.fullmatch(line) is not None or _FENCE_LINE.fullmatch(line) is not None


def _is_even(text: str, fence: str, place: Place) -> bool:
    """Tell whether every string or comment between two fences has both around and in ``text``."""
    around = f"{place.window.prefix}{text}\n{place.window.suffix}"
    return around.count("/*") == around.count(fence) if fence == "*/" else around.count(fence) % 2 == 0


def in_comment(place: Place) -> bool:
    """Tell whether the cursor stands in a comment, or in a string of several lines."""
    before, mark = place.window.before, place.traits.line_comment
    if mark and mark in before:
        return True
    if mark == "#" and any(place.window.prefix.count(fence) % 2 for fence in ('"""', "'''")):
        return True
    return mark == "//" and place.window.prefix.rfind("/*") > place.window.prefix.rfind("*/")
