"""The control tokens of a format in one tokenizer, and the order of a prompt's parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from infill_completion.prompt.formats import CODE_LLAMA, FimFormat, Part, PromptLayout


@dataclass(frozen=True)
class InfillingTokens:
    """The ids of a format's control tokens in one tokenizer.

    Attributes:
        pre: Precedes the prefix.
        suf: Precedes the suffix.
        mid: Asks for the middle; None if nothing does.
        eot: Ends the middle.
        stops: All tokens that end an answer; any control token in the middle of code ends it, too.
        file: Begins another file.
        file_end: Ends another file.
        opening: Precedes everything but the start token.
        closing: Follows everything.
        form: The format.
    """

    pre: int
    suf: int
    mid: int | None
    eot: int
    stops: frozenset[int] = frozenset()
    file: int | None = None
    file_end: int | None = None
    opening: tuple[int, ...] = ()
    closing: tuple[int, ...] = ()
    form: FimFormat = CODE_LLAMA

    @property
    def highest(self) -> int:
        """The highest id that a prompt needs."""
        ids = (self.pre, self.suf, self.mid, self.eot, self.file, self.file_end, *self.opening, *self.closing)
        return max(id_ for id_ in ids if id_ is not None)

    @property
    def files_precede_marks(self) -> bool:
        """Whether other files come before the marks rather than inside the prefix."""
        return self.file is not None or self.file_end is not None


def most_control_tokens(tokens: InfillingTokens | None) -> int:
    """Return the largest number of control tokens that a prompt can have."""
    return 0 if tokens is None else 3 + tokens.form.file_closes + len(tokens.opening) + len(tokens.closing)


def flat(parts: Iterable[Iterable[int]]) -> list[int]:
    """Return the ids of all parts, one after the other."""
    return list(chain.from_iterable(parts))


def lay_out(
    layout: PromptLayout,
    tokens: InfillingTokens,
    others: list[int],
    before: list[int],
    after: list[int],
    line_tokens: int,
) -> list[int]:
    """Return the ids of a prompt without its start token.

    Args:
        layout: The order.
        tokens: The format's ids.
        others: Other files.
        before: The prefix.
        after: The suffix.
        line_tokens: How many of ``before`` belong to the cursor's line.
    """
    outside = others if tokens.files_precede_marks else []
    if outside and tokens.form.file_closes and tokens.file is not None:
        outside = [*outside, tokens.file]
    text = before if tokens.files_precede_marks else others + before
    moved = min(line_tokens, len(text)) if layout is PromptLayout.LINE_LAST else 0
    parts = {
        Part.PREFIX_MARK: [tokens.pre],
        Part.SUFFIX_MARK: [tokens.suf],
        Part.MIDDLE_MARK: [] if tokens.mid is None else [tokens.mid],
        Part.PREFIX: text[: len(text) - moved],
        Part.SUFFIX: after,
        Part.LINE: text[len(text) - moved :],
    }
    infilling = flat(parts[part] for part in tokens.form.order(layout))
    return [*tokens.opening, *outside, *infilling, *tokens.closing]
