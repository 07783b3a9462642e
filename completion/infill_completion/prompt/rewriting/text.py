"""The prompt of a next-edit model as text, for remote servers.

A server turns the names of control tokens in it into these tokens. In what only surrounds the lines they are broken up;
lines that have some in them are not sent, since the answer would have to repeat them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from infill_completion.api import CompletionRequest, ContextItem, Rewrite
from infill_completion.prompt.formats import FORMATS
from infill_completion.prompt.recognition import ModelFormat
from infill_completion.prompt.rewriting.formats import EditFormat, edit_format_called
from infill_completion.prompt.rewriting.pieces import as_text
from infill_completion.prompt.text import FimPrompt, escaped, fim_prompt


def prompt_text(known: ModelFormat, request: CompletionRequest) -> FimPrompt:
    """Return the prompt of a request: to rewrite its lines, or to infill in the format ``known``."""
    form = edit_format_called(request.rewrite.form) if request.rewrite is not None else None
    if request.rewrite is not None and form is not None:
        return rewrite_text(form, request.rewrite, request.context)
    return fim_prompt(known, request.prefix, request.suffix, request.context)


def rewrite_text(form: EditFormat, rewrite: Rewrite, context: Sequence[ContextItem] = ()) -> FimPrompt:
    """Return the prompt of a request to rewrite lines, and the strings that end the answer."""
    controls = form.controls

    def safe(text: str) -> str:
        return escaped(text, controls)

    edits = tuple(
        replace(edit, path=safe(edit.path), before=safe(edit.before), after=safe(edit.after)) for edit in rewrite.edits
    )
    around = replace(
        rewrite, path=safe(rewrite.path), above=safe(rewrite.above), below=safe(rewrite.below),
        earlier=safe(rewrite.earlier), edits=edits,
    )  # fmt: skip
    files = [ContextItem(safe(item.path), safe(item.text)) for item in context]
    ends = next(known.text_ends for known in FORMATS if known.family == form.infilling)
    return FimPrompt(as_text(form.prompt(around, files)), (*form.stops, *ends))
