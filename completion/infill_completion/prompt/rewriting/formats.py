"""The formats of next-edit models, one row for each family, and the choice of a model's format by its names.

To support another family, add a row to `EDIT_FORMATS`: how its prompt is written, what its answer means, and which
lines it was trained to rewrite.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from infill_completion.api import ContextItem, Rewrite
from infill_completion.prompt.formats import FORMATS, spelled_name
from infill_completion.prompt.recognition import parts_of_name
from infill_completion.prompt.rewriting import sweep, zeta
from infill_completion.prompt.rewriting.pieces import Piece

_AUTO, _NONE = "auto", "none"


@dataclass(frozen=True)
class EditFormat:
    """The format of a family of next-edit models.

    Attributes:
        family: The family's name.
        models: A regular expression that occurs in the lower-case names of its models.
        infilling: The fill-in-the-middle format of the models that they were made from, whose control tokens they have.
        lines_above: Most lines above the cursor's that are rewritten.
        lines_below: Most lines below it.
        most_characters: Most characters that are rewritten; an answer has about as many.
        around_characters: Characters above these lines, and below, that the model is shown.
        prompt: Writes the prompt.
        unchanged: Writes the answer that changes nothing; drafts come from it.
        answer: Reads the lines from an answer; None if it makes no sense.
        stops: Strings that end an answer, besides control tokens.
        reserved: Marks that the lines must not contain, because an answer with them would be misread.
        more_controls: Control tokens that the fill-in-the-middle format does not have.
    """

    family: str
    models: str
    infilling: str
    lines_above: int
    lines_below: int
    most_characters: int
    around_characters: int
    prompt: Callable[[Rewrite, Sequence[ContextItem]], list[Piece]]
    unchanged: Callable[[Rewrite], str]
    answer: Callable[[str, Rewrite], str | None]
    stops: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    more_controls: tuple[str, ...] = ()

    @property
    def controls(self) -> frozenset[str]:
        """The names of control tokens."""
        base = next(form for form in FORMATS if form.family == self.infilling)
        return base.controls() | frozenset(self.more_controls)

    def can_rewrite(self, text: str, *, as_text: bool) -> bool:
        """Return whether lines have no mark in them that would be mistaken for one of the format's own.

        Args:
            text: The lines.
            as_text: Whether a server reads the prompt from text, so that they must not spell a control token either.
        """
        return not any(mark in text for mark in (*self.reserved, *(self.controls if as_text else ())))

    def rewritten(self, raw: str, rewrite: Rewrite) -> str | None:
        """Return the lines in an answer, without the last line end; None if it makes no sense."""
        text = self.answer(raw, rewrite)
        if text is None:
            return None
        blank = rewrite.text[len(rewrite.text.rstrip("\n")) :]
        return text.rstrip("\n") + blank


EDIT_FORMATS = (
    EditFormat(
        "Sweep-2", r"sweep-?next-?edit-?v2", "Qwen2.5-Coder", 2, 5, 1200, 6000,
        sweep.second_version, sweep.second_unchanged, sweep.second_answer, reserved=(sweep.CURSOR,),
    ),
    # Twenty-one lines; what else is in the file, the model sees only in the edits.
    EditFormat(
        "Sweep", r"sweep-?next-?edit", "Qwen2.5-Coder", 10, 10, 1200, 0,
        sweep.first_version, sweep.first_unchanged, sweep.first_answer, reserved=(sweep.CURSOR,),
    ),
    # 350 tokens are rewritten and 150 are shown around them, of three characters each as Zed counts them.
    EditFormat(
        "Zeta-2.1", r"zeta-?2[.p-]?1(?!\d)", "Seed-Coder", 30, 30, 1050, 450,
        zeta.version_2_1, zeta.unchanged_2_1, zeta.answer_2_1, reserved=(zeta.CURSOR, zeta.MARKER),
        more_controls=(zeta.FILE.name,),
    ),
    EditFormat(
        "Zeta-2", r"zeta-?2(?!\d)", "Seed-Coder", 30, 30, 1050, 450,
        zeta.version_2, zeta.unchanged_2, zeta.answer_2, (zeta.UPDATED,), (zeta.CURSOR, zeta.CURRENT, zeta.UPDATED),
        (zeta.FILE.name,),
    ),
)  # fmt: skip


def edit_format_choices() -> tuple[str, ...]:
    """Return the values of the setting ``edits.format``."""
    return (_AUTO, *(form.family.lower() for form in EDIT_FORMATS), _NONE)


def edit_format_called(family: str) -> EditFormat | None:
    """Return the format of a family, however it is written; None if there is no such family."""
    return next((form for form in EDIT_FORMATS if form.family.lower() == family.lower()), None)


def edit_format_of_names(names: Iterable[str]) -> EditFormat | None:
    """Return the next-edit format that the first known one of a model's names has; None if none is known."""
    parts = (spelled_name(part) for name in names for part in parts_of_name(name))
    return next((form for part in parts for form in EDIT_FORMATS if re.search(form.models, part)), None)


def format_for(setting: str, family: str) -> EditFormat | None:
    """Return the format to use, or None for none.

    Args:
        setting: The setting ``edits.format``.
        family: The family of the model's own format; empty if it has none.
    """
    return edit_format_called(family if setting == _AUTO else setting)
