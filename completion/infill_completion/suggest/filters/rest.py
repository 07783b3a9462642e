"""How a suggestion fits the rest of the cursor's line."""

from __future__ import annotations

import re

from infill_completion.languages.brackets import PAIRS, cost, open_brackets, unopened
from infill_completion.suggest.filters.angles import closed_angles
from infill_completion.suggest.filters.context import FilterContext

_WORD = re.compile(r"\w")
_ONLY_CLOSERS = re.compile(r"[)\]}>\"'`;,:\s]+")
_QUOTES = re.compile("[\"'`]+")
_CLOSERS = frozenset(PAIRS)
# Minimum length of an overlap of words that is not the whole rest of the line.
_LONG_OVERLAP = 8
# Minimum length of the beginning of the rest of the line at which a suggestion is cut.
_LEAST_MATCH = 6


def cut_misfit(text: str, context: FilterContext) -> str:
    """Cut where the suggestion continues like the rest of the line; drop one that ends the line differently."""
    rest = context.window.rest
    if not context.ended_line or not _WORD.search(rest) or text.rstrip().endswith(rest.strip()):
        return text
    for size in range(min(len(rest), len(text)), _LEAST_MATCH - 1, -1):
        match = text.find(rest[:size])
        if match >= 0 and _WORD.search(rest[:size]):
            return text[:match]
    return ""


def trim_overlap(text: str, context: FilterContext) -> str:
    """Drop what the suggestion repeats of the rest of the line.

    Brackets and quotes are dropped only where the line has more of them than it needs.
    """
    rest = context.window.rest
    if not rest.strip() or "\n" in text:
        return text
    for overlap in _overlaps(text, rest):
        if _is_double(text, overlap, context):
            return text[: -len(overlap)]
    return text


def replaced(text: str, context: FilterContext) -> int:
    """Return how many characters right of the cursor the suggestion replaces.

    An editor that closes brackets leaves ``)`` after the cursor. A suggestion that closes the bracket itself and
    continues replaces it.
    """
    rest = context.window.rest.rstrip()
    if not text or not rest.strip() or not _ONLY_CLOSERS.fullmatch(rest) or "\n" in text:
        return 0
    return _replaced_closers(text, rest, context) or _replaced_angle(text, rest, context)


def cut_at_closed_angle(text: str, context: FilterContext) -> str:
    """Cut where the suggestion closes the angle bracket that the rest of the line closes already."""
    rest = context.window.rest.rstrip()
    closed = closed_angles(text, context)
    if closed is None or (text[closed[0] + 1 :].strip() and _ONLY_CLOSERS.fullmatch(rest)):
        return text  # If the line has only closing brackets left, `replaced` lets the suggestion take their place.
    return text[: closed[0]]


def _replaced_angle(text: str, rest: str, context: FilterContext) -> int:
    closed = closed_angles(text, context)
    if closed is None:
        return 0
    end = rest[closed[1] :].strip()
    return len(rest) if end in {";", ","} and text.rstrip().endswith(end) else closed[1]


def _replaced_closers(text: str, rest: str, context: FilterContext) -> int:
    stack, before = _stack(context), context.window.before
    if not set(rest) & set(text) or any(3 * quote in before + text + rest for quote in "\"'`"):
        return 0
    with_rest, without = before + text + rest, before + text
    surplus = cost(with_rest, context.traits, stack) - cost(without, context.traits, stack)
    if not surplus and _CLOSERS & set(rest):
        surplus = _unopened_below(with_rest, context) - _unopened_below(without, context)
    return len(rest) if surplus > 0 else 0


def _unopened_below(line: str, context: FilterContext) -> int:
    """Return how many closing brackets are unopened from the cursor's ``line`` to the end of the window."""
    if not context.traits.is_balanced:
        return 0
    return len(unopened(f"{line}\n{context.window.below}", context.traits, _stack(context)))


def _overlaps(text: str, rest: str) -> list[str]:
    """Return the ends of ``text`` that ``rest`` begins with, longest first."""
    longest = min(len(text), len(rest))
    sizes = range(longest, 0, -1)
    return [rest[:size] for size in sizes if rest[:size].strip() and text.endswith(rest[:size])]


def _is_double(text: str, overlap: str, context: FilterContext) -> bool:
    window, traits, stack = context.window, context.traits, _stack(context)
    if _QUOTES.fullmatch(overlap) and 3 * overlap[0] in window.before + text + window.rest:
        # Three quotes delimit a string of several lines; if their number is odd, one of them is superfluous.
        written = window.prefix + text + window.rest
        return len(overlap) == 3 and window.starts_document and written.count(overlap) % 2 == 1
    kept = cost(window.before + text + window.rest, traits, stack)
    cut = cost(window.before + text[: -len(overlap)] + window.rest, traits, stack)
    if kept == cut and set(overlap.strip()) <= _CLOSERS:
        head = window.before + text  # The call may continue below: `f(g(|), {`.
        kept = _unopened_below(head + window.rest, context)
        cut = _unopened_below(head[: -len(overlap)] + window.rest, context)
    if kept != cut:
        return cut < kept
    is_all = overlap.strip() == window.rest.strip()
    if not _WORD.search(overlap):
        return is_all and (len(set(overlap.strip())) > 2 or overlap.strip() in {";", ",", ":", "{", "=>", "->"})
    begins_word = not (overlap[0].isalnum() and text[: -len(overlap)][-1:].isalnum())
    return begins_word and ((is_all and len(overlap.strip()) >= 3) or len(overlap) >= _LONG_OVERLAP)


def _stack(context: FilterContext) -> tuple[str, ...]:
    return open_brackets(context.window.above, context.traits)
