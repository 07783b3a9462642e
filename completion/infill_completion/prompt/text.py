"""Fill-in-the-middle prompts as text, for remote servers that take nothing else.

Our own engine builds prompts from token ids instead. A remote server turns the markers in this text into control
tokens, so markers that occur in the user's own text are broken up first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from infill_completion.api import ContextItem
from infill_completion.prompt.formats import FimFormat, Part, PromptLayout
from infill_completion.prompt.headings import file_heading
from infill_completion.prompt.recognition import ModelFormat, format_of_names


@dataclass(frozen=True)
class FimPrompt:
    """The text to send, and the strings that end the model's answer besides its own end token."""

    text: str
    stop: tuple[str, ...]


def fim_text(model: str, prefix: str, suffix: str | None, context: Sequence[ContextItem] = ()) -> FimPrompt:
    """Return the prompt that makes the model called ``model`` write the text between ``prefix`` and ``suffix``."""
    return fim_prompt(format_of_names([model]), prefix, suffix, context)


def fim_prompt(known: ModelFormat, prefix: str, suffix: str | None, context: Sequence[ContextItem] = ()) -> FimPrompt:
    """Return the prompt that makes a model write the text between ``prefix`` and ``suffix``.

    The prefix comes first if the family knows both orders: a remote server does not heal the unfinished word before the
    cursor, and after one the other order is worse.

    Args:
        known: The format of the model, as far as it is known.
        prefix: The text before the cursor.
        suffix: The text after it; None asks for left-to-right text.
        context: Other files, most stable first.

    Returns:
        The prompt; left to right, without the suffix, if the format of the model is unknown or the model was not
        trained to infill.
    """
    form = known.form
    controls = form.controls() if form else frozenset[str]()
    before = escaped(prefix, controls)
    files = [ContextItem(escaped(item.path, controls), escaped(item.text, controls)) for item in context]
    stop = form.text_ends if form else ()
    if form is None or suffix is None or not known.infills:
        return FimPrompt(_plain_files(files, None) + before, stop if known.infills else ())
    others = _files(files, form)
    outside = bool(form.file or form.file_end)
    marks = dict(zip((Part.PREFIX_MARK, Part.SUFFIX_MARK, Part.MIDDLE_MARK), form.text_marks, strict=True))
    texts = {
        **marks,
        Part.PREFIX: before if outside else others + before,
        Part.SUFFIX: escaped(suffix, controls),
    }
    layout = PromptLayout.PSM if PromptLayout.PSM in form.layouts else form.layout
    infilling = "".join(texts[part] for part in form.order(layout))
    parts = (*form.opening, others if outside else "", infilling, *form.closing)
    return FimPrompt("".join(parts), stop)


def _files(files: Sequence[ContextItem], form: FimFormat) -> str:
    if not (form.file or form.file_end):
        return _plain_files(files, form)
    closing = form.file if files and form.file_closes else ""
    return "".join(form.file + _plain_files([item], form) + form.file_end for item in files) + closing


def _plain_files(files: Sequence[ContextItem], form: FimFormat | None) -> str:
    return "".join(f"{file_heading(item.path, form)}{item.text.rstrip()}\n\n" for item in files)


def escaped(text: str, markers: Collection[str]) -> str:
    """Break up every marker in ``text`` with a space after its first character."""
    for marker in sorted(markers):
        text = text.replace(marker, f"{marker[0]} {marker[1:]}")
    return text
