"""Superfluous closing brackets and end keywords."""

from __future__ import annotations

import re

from infill_completion.document.lines import indent_width
from infill_completion.languages.brackets import open_brackets, unmatched, unopened
from infill_completion.languages.syntax import brackets_of
from infill_completion.languages.traits import Blocks
from infill_completion.suggest.filters.comments import is_in_comment
from infill_completion.suggest.filters.context import FilterContext
from infill_completion.suggest.filters.fit import closers_of, fit_of

END_LINE = re.compile(r"(?:end|fi|done|esac|endif|endfunction|endfor|endwhile|END)\b[;,)]*")
_FENCE_LINE = re.compile(r"\"{3}|'{3}|`{3}|\*/")
_BRACKET_LINE = re.compile(r"[)\]}]+[;,]?")
_TAG_LINE = re.compile(r"</[\w.:-]*>[;,)\]}]*")
# What may follow a closer without changing what it closes.
_AFTER_CLOSER = ";,)"
# How many closing brackets of a suggestion are tried.
_MAX_CLOSERS = 12


def drop_double_closer(text: str, context: FilterContext) -> str:
    """Drop a last line that closes what the next line of the document closes already."""
    head, newline, last = text.rpartition("\n")
    line = last if newline else context.window.before + last
    following = context.window.below if not context.window.rest.strip() else ""
    below = next((other for other in following.split("\n") if other.strip()), "")
    if not _closes(line.strip(), context) or not _is_same_closer(line, below):
        return text
    if _BRACKET_LINE.fullmatch(line.strip()) and context.traits.is_balanced:
        stack = open_brackets(context.window.prefix, context.traits)
        kept = unopened(text + "\n" + following, context.traits, stack)
        if len(kept) <= len(unopened(head + "\n" + following, context.traits, stack)):
            return text
    if _FENCE_LINE.fullmatch(line.strip()) and not _is_even(head, line.strip(), context):
        return text
    return head if newline else ""


def cut_at_closed_bracket(text: str, context: FilterContext) -> str:
    """Cut at a closing bracket if the lines below close what it closes, whatever follows theirs."""
    if context.window.rest.strip() or not context.traits.is_balanced or is_in_comment(context):
        return text
    places = closers_of(text, context)[:_MAX_CLOSERS]
    if not places:
        return text
    best, kept = fit_of(text, 0, context), text
    for place in reversed(places):
        head = text[:place]
        shorter = head.rstrip() if not head.rpartition("\n")[2].strip() else head
        fit = fit_of(shorter, 0, context)
        # In a window that is cut nobody knows whether a bracket that stays open is closed below.
        is_closed = context.window.ends_document or (fit.flaws, fit.shift) != (best.flaws, best.shift)
        if fit < best and is_closed:
            best, kept = fit, shorter
    return kept


def cut_at_unopened_bracket(text: str, context: FilterContext) -> str:
    """Cut at a closing bracket that nothing opens.

    Not where the text above the cursor may lack the opening bracket, not where its brackets are unbalanced already, and
    not in comments.
    """
    # A bracket that nothing opens has no opening one in the text itself.
    if not context.traits.is_balanced or not unopened(text, context.traits) or is_in_comment(context):
        return text
    above = _above(context)
    if above is None:
        return text
    line = above.rpartition("\n")[2]
    excess = unopened(text, context.traits, open_brackets(above, context.traits))
    if excess:  # The text may begin inside a string of the cursor's line, or inside code that is put into one.
        stack = open_brackets(above[: len(above) - len(line)], context.traits)
        on_line = {offset - len(line) for offset, _ in unopened(line + text, context.traits, stack)}
        excess = [(offset, bracket) for offset, bracket in excess if offset in on_line]
    if excess:  # A parser knows which brackets are inside a string of several lines.
        known = brackets_of("", above + text, context.language_id)
        if known is not None:
            excess = [(offset - len(above), bracket) for offset, bracket in unmatched(known, ())]
        elif unopened(above, context.traits):
            return text
    return text[: excess[0][0]] if excess and excess[0][0] >= 0 else text


def _above(context: FilterContext) -> str | None:
    """Return the text before the cursor with all brackets that are open there; None if it is not known."""
    window = context.window
    if window.excerpt is not None:
        return None if window.excerpt.hides_errors else window.excerpt.before
    return window.prefix if window.starts_document else None


def _closes(line: str, context: FilterContext) -> bool:
    if context.traits.blocks is Blocks.END and END_LINE.fullmatch(line):
        return True
    return any(pattern.fullmatch(line) is not None for pattern in (_BRACKET_LINE, _FENCE_LINE, _TAG_LINE))


def _is_same_closer(line: str, below: str) -> bool:
    """Return whether two lines differ only in what follows a closer: ``]`` and ``];``, ``end`` and ``end)``."""
    closer, other = line.strip().rstrip(_AFTER_CLOSER) or line.strip(), below.strip()
    is_same = other.startswith(closer) and not other[len(closer) : len(closer) + 1].isalnum()
    return is_same and indent_width(line) == indent_width(below)


def _is_even(text: str, fence: str, context: FilterContext) -> bool:
    """Return whether the document with ``text`` has as many opening fences as closing ones."""
    around = f"{context.window.prefix}{text}\n{context.window.suffix}"
    return around.count("/*") == around.count(fence) if fence == "*/" else around.count(fence) % 2 == 0
