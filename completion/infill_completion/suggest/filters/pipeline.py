"""The filters in order, and a record of what each of them changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infill_completion.suggest.filters.blanks import drop_blank, drop_double_blank, trim_end, unify_line_ends
from infill_completion.suggest.filters.chat import (
    drop_chatter,
    drop_line_numbers,
    drop_repeated_start,
    unwrap_fence,
)
from infill_completion.suggest.filters.closers import (
    cut_at_closed_bracket,
    cut_at_second_call,
    cut_at_unopened_bracket,
    drop_double_closer,
)
from infill_completion.suggest.filters.columns.depth import cut_at_stray_depth, trim_stray_indent
from infill_completion.suggest.filters.columns.indentation import match_indentation, trim_stray_blank
from infill_completion.suggest.filters.columns.parts import cut_at_stray_part, place_first_part
from infill_completion.suggest.filters.context import FilterContext
from infill_completion.suggest.filters.delimiters import cut_at_closed_delimiter
from infill_completion.suggest.filters.enclosed import close_pair_below, replaced_below, without_replaced
from infill_completion.suggest.filters.invisible import drop_invisible, use_plain_blanks
from infill_completion.suggest.filters.markers import cut_at_marker, cut_at_undecodable, drop_mask
from infill_completion.suggest.filters.openers import drop_empty_opener
from infill_completion.suggest.filters.repetition import (
    cut_copied_line,
    cut_loop,
    cut_next_lines,
    drop_known_definition,
    drop_second_brace,
    drop_third_copy,
)
from infill_completion.suggest.filters.rest import cut_at_closed_angle, cut_misfit, replaced, trim_overlap
from infill_completion.suggest.filters.surplus import cut_at_surplus_closer

Filter = Callable[[str, FilterContext], str]

FILTERS: tuple[Filter, ...] = (
    unify_line_ends,
    drop_invisible,
    cut_at_undecodable,
    cut_at_marker,
    drop_chatter,
    unwrap_fence,
    drop_line_numbers,
    drop_repeated_start,
    use_plain_blanks,
    drop_mask,
    match_indentation,
    place_first_part,
    trim_stray_indent,
    trim_stray_blank,
    drop_double_blank,
    cut_loop,
    close_pair_below,
    cut_at_closed_delimiter,
    cut_misfit,
    trim_overlap,
    cut_at_second_call,
    cut_at_closed_angle,
    cut_next_lines,
    drop_second_brace,
    drop_double_closer,
    cut_at_unopened_bracket,
    cut_at_closed_bracket,
    cut_at_surplus_closer,
    drop_third_copy,
    cut_copied_line,
    drop_known_definition,
    cut_at_stray_part,
    cut_at_stray_depth,
    drop_empty_opener,
    trim_end,
    drop_blank,
)


@dataclass(frozen=True)
class FilterStep:
    """A filter that changed a suggestion.

    Attributes:
        name: The filter.
        reason: The first line of its documentation.
        before: The suggestion before it.
        after: The suggestion after it.
    """

    name: str
    reason: str
    before: str
    after: str


@dataclass(frozen=True)
class Filtered:
    """A suggestion after the filters.

    Attributes:
        text: What is left of it; empty where a filter dropped it.
        replaced: How many characters right of the cursor it replaces.
        steps: The filters that changed it.
    """

    text: str
    replaced: int
    steps: tuple[FilterStep, ...]


def apply(text: str, context: FilterContext) -> Filtered:
    """Apply the filters to ``text`` in order, until nothing is left of it."""
    steps: list[FilterStep] = []
    around = context
    for rule in FILTERS:
        changed = rule(text, around)
        if changed != text:
            steps.append(FilterStep(rule.__name__, _reason(rule), text, changed))
            text = changed
        if not text:
            break
        if rule is close_pair_below and (size := replaced_below(text, context)):
            around = without_replaced(context, size)
    return Filtered(text, replaced_below(text, context) or replaced(text, context), tuple(steps))


def _reason(rule: Filter) -> str:
    return (rule.__doc__ or "").strip().partition("\n")[0]
