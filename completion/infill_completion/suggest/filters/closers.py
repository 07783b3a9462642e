"""Superfluous closing brackets and end keywords."""

from __future__ import annotations

import re

from infill_completion.document.lines import indent_width
from infill_completion.languages.brackets import PAIRS, brackets, open_brackets, unmatched, unopened
from infill_completion.languages.syntax import brackets_of, code_before
from infill_completion.languages.traits import Blocks
from infill_completion.suggest.filters.comments import is_in_comment
from infill_completion.suggest.filters.context import FilterContext
from infill_completion.suggest.filters.fit import closers_of, fit_of

END_LINE = re.compile(r"(?:end|fi|done|esac|endif|endfunction|endfor|endwhile|END)\b[;,)]*")
_FENCE_LINE = re.compile(r"\"{3}|'{3}|`{3}|\*/")
_BRACKET_LINE = re.compile(r"[)\]}]+[;,:]*")
# A line without words that closes one part and opens the next: `}{`.
_REOPENING = re.compile(r"[)\]}]+[^\w\n]*[({\[]")
_TAG_LINE = re.compile(r"</[\w.:-]*>[;,)\]}]*")
# What may follow a closer without changing what it closes.
_AFTER_CLOSER = ";,:)"
# The end of a statement in brackets, and what begins its next part after a comma unless that declares something.
_STATEMENT_END = re.compile(r"[)\]]+\s*;?")
_NEXT_PART = re.compile(r"\s*,(?!\s*[\w$]+\s*(?::[^=()]+)?=(?!=))")
# A declaration in the family of C, and what else its next part may be.
_DECLARES = re.compile(r"\s*(?:[\w:<>]+[\s*&]+)+\w+\s*(?:\[[^\]=]*\]\s*)*=")
_DECLARATOR = re.compile(r"\s*,[\s*&]*[A-Za-z_]\w*\s*(?:[\[=,;{]|$)")
# Statements that are a call, and those that use a value, in languages in which a value is never a list.
_CALL = re.compile(r"\s*(?:await\s+)?[\w.$:@!?&*>-]+\s*[(\[]")
_VALUE = re.compile(r"\s*(?:return\b|[^=]*[^=!<>]=(?![=>]))")
_SCRIPTS = {"javascript", "javascriptreact", "typescript", "typescriptreact"}
_FAMILY_OF_C = {"c", "cpp", "objective-c", "objective-cpp", "csharp", "java", "dart", "php", "rust"}
_NO_LISTS = _SCRIPTS | _FAMILY_OF_C | {"kotlin", "swift", "scala", "groovy"}
_LIST_START = re.compile(r"(?:[=(\[,:]|\])\s*[\w.]*\s*\{$")
# How many closing brackets of a suggestion are tried.
_MAX_CLOSERS = 12


def drop_double_closer(text: str, context: FilterContext) -> str:
    """Drop a last line that closes what the next line of the document closes already."""
    head, newline, last = text.rpartition("\n")
    line = last if newline else context.window.before + last
    following = context.window.below if not context.window.rest.strip() else ""
    below = next((other for other in following.split("\n") if other.strip()), "")
    if _REOPENING.fullmatch(line.strip()) and (line.strip(), indent_width(line)) == (
        below.strip(),
        indent_width(below),
    ):
        return head if newline else ""
    if not _closes(line.strip(), context) or not _is_same_closer(line, below):
        return text
    if _BRACKET_LINE.fullmatch(line.strip()) and context.traits.is_balanced:
        stack = open_brackets(code_before(context.window), context.traits)
        kept = unopened(text + "\n" + following, context.traits, stack)
        if len(kept) <= len(unopened(head + "\n" + following, context.traits, stack)):
            return text
    if _FENCE_LINE.fullmatch(line.strip()) and not _is_even(head, line.strip(), context):
        return text
    return head if newline else ""


def cut_at_closed_bracket(text: str, context: FilterContext) -> str:
    """Cut at a closing bracket if the lines below close what it closes, whatever follows theirs."""
    is_unknown = context.is_line_cut or not context.traits.is_balanced
    if context.window.rest.strip() or is_unknown or is_in_comment(context):
        return text
    literal = context.literal
    end = (0, 0) if literal is None else literal.end_in(text)
    places = [] if end is None else [place for place in closers_of(text, context)[:_MAX_CLOSERS] if place >= end[1]]
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


def cut_at_second_call(text: str, context: FilterContext) -> str:
    """Cut where the suggestion ends the call of a statement and begins another after a comma.

    The rest of the line closes the other one, so no bracket tells. Not where the comma separates what is listed.
    """
    window, traits = context.window, context.traits
    is_end = _STATEMENT_END.fullmatch(window.rest.strip()) is not None
    if not is_end or "," not in text or "\n" in text or not traits.is_balanced or is_in_comment(context):
        return text
    if not open_brackets(window.before, traits) or not _is_single(context):
        return text
    depth, start = 0, len(window.before)
    declares = context.language_id in _FAMILY_OF_C and _DECLARES.match(window.before) is not None
    for offset, bracket in brackets(window.before + text, traits):
        depth += -1 if bracket in PAIRS else 1
        after = offset - start + 1
        is_next = depth == 0 and after > 0 and _NEXT_PART.match(text, after) is not None
        if is_next and not (declares and _DECLARATOR.match(text, after)):
            return text[: after - 1]
    return text


def _is_single(context: FilterContext) -> bool:
    """Return whether the cursor's line is a statement in which a comma separates nothing."""
    window, language_id = context.window, context.language_id
    if not _CALL.match(window.before) and not (language_id in _NO_LISTS and _VALUE.match(window.before)):
        return False
    around = open_brackets(window.above, context.traits)[-1:]
    above = next((line.rstrip() for line in reversed(window.above.split("\n")) if line.strip()), "")
    # In braces that hold a list, its last entry has no comma after it.
    is_block = around == ("{",) and not above.endswith(",") and not _LIST_START.search(above)
    return not around or (is_block and context.traits.blocks is Blocks.BRACES)


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
        whole = line + text + context.window.rest  # The rest of the line may end the string.
        on_line = {offset - len(line) for offset, _ in unopened(whole, context.traits, stack)}
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
    closer, other = line.strip()[0] + line.strip()[1:].rstrip(_AFTER_CLOSER), below.strip()
    is_same = other.startswith(closer) and not other[len(closer) : len(closer) + 1].isalnum()
    return is_same and indent_width(line) == indent_width(below)


def _is_even(text: str, fence: str, context: FilterContext) -> bool:
    """Return whether the document with ``text`` has as many opening fences as closing ones."""
    around = f"{context.window.prefix}{text}\n{context.window.suffix}"
    return around.count("/*") == around.count(fence) if fence == "*/" else around.count(fence) % 2 == 0
