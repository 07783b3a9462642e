"""An infilling format in one tokenizer, and the parts of a prompt put in its order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePath

from infill_completion.prompt.formats import CODE_LLAMA, FimFormat, Part, PromptLayout

_MARKS = {
    "//": ".c .cc .cpp .cs .css .dart .go .h .hpp .java .js .jsx .kt .proto .rs .scala .scss .swift .ts .tsx .zig",
    "--": ".ada .elm .hs .lua .sql .vhd .vhdl",
}


@dataclass(frozen=True)
class InfillingTokens:
    """The ids of a format's control tokens in one tokenizer.

    Attributes:
        pre: Before the prefix.
        suf: Before the suffix.
        mid: Asks for the middle; None where nothing does.
        eot: Ends the middle.
        stops: All that end an answer; a control token in the middle of code ends it too.
        file: Begins another file.
        file_end: Stands behind another file.
        opening: Stands before everything but the start token.
        closing: Stands behind everything.
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
    def files_stand_outside(self) -> bool:
        """Whether other files stand before the marks and not in the prefix."""
        return self.file is not None or self.file_end is not None


def file_heading(path: str, form: FimFormat | None) -> str:
    """Return the line that names a file of the context in a format."""
    return form.heading.format(path=path) if form is not None and form.heading else path_comment(path)


def path_comment(path: str) -> str:
    """Return the line that names a file of the context, as a comment of its language."""
    kind = PurePath(path).suffix.lower()
    mark = next((mark for mark, kinds in _MARKS.items() if kind in kinds.split()), "#")
    return f"{mark} {path}\n"


def control_tokens(tokens: InfillingTokens | None) -> int:
    """Return how many control tokens a prompt has, at most."""
    return 0 if tokens is None else 3 + len(tokens.opening) + len(tokens.closing)


def flat(parts: Iterable[Iterable[int]]) -> list[int]:
    """Return the ids of all parts, one after the other."""
    return list(chain.from_iterable(parts))


def laid_out(
    layout: PromptLayout,
    tokens: InfillingTokens | None,
    others: list[int],
    before: list[int],
    after: list[int],
    line_tokens: int,
) -> list[int]:
    """Return the ids of a prompt but for its start token.

    Args:
        layout: The order.
        tokens: The format's ids; None for left to right.
        others: Other files.
        before: The prefix.
        after: The suffix.
        line_tokens: How many of ``before`` are the line of the cursor.
    """
    if tokens is None:
        return others + before
    outside = others if tokens.files_stand_outside else []
    text = before if tokens.files_stand_outside else others + before
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
