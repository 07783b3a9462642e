"""Requests to rewrite lines, for models that were trained to: their prompts, drafts and stops."""

from __future__ import annotations

from infill_completion.api import CompletionRequest, Rewrite
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.decoding.old_text import OldText
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model.native.step import MAX_ROWS
from infill_completion.engine.ngram.mixture import MixtureParameters, ngram_index
from infill_completion.engine.ngram.nested_counts import NestedCounts
from infill_completion.prompt.rewriting.formats import EditFormat, edit_format_called
from infill_completion.prompt.rewriting.tokens import rewrite_prompt
from infill_completion.prompt.tokens import Prompt

# Drafts of a completion are short since few are right; most of a rewrite is. A step computes so many tokens at once.
MOST_DRAFTED = MAX_ROWS - 1


def most_drafted(request: CompletionRequest, usual: int) -> int:
    """Return how many tokens to draft for a request where others get ``usual``."""
    return MOST_DRAFTED if usual and request.rewrite is not None else usual


def prompt_of(tokenizer: Tokenizer, request: CompletionRequest, budget_tokens: int) -> Prompt:
    """Return the prompt of a request to rewrite lines.

    Raises:
        ModelError: Its format is unknown, or it does not fit.
    """
    assert request.rewrite is not None
    form = _form(tokenizer, request.rewrite)
    prompt = rewrite_prompt(tokenizer, form, request.rewrite, request.context, budget_tokens)
    if prompt is None:
        raise ModelError(f"The lines to rewrite do not fit {budget_tokens} tokens; set engine.context_tokens higher.")
    return prompt


def old_text(tokenizer: Tokenizer, rewrite: Rewrite) -> OldText:
    """Return what drafts the rewrite of lines from the lines."""
    unchanged = _form(tokenizer, rewrite).unchanged(rewrite)
    return OldText(tokenizer.encode_infilling(unchanged), lambda id_: tokenizer.pieces[id_].endswith(b"\n"))


def counts_of(prompt: Prompt) -> NestedCounts:
    """Return the counts of a prompt, from which is drafted what is not in the old lines, such as earlier edits."""
    return NestedCounts(ngram_index(prompt, MixtureParameters(), None), None)


def stops_of(tokenizer: Tokenizer, rewrite: Rewrite) -> tuple[str, ...]:
    """Return the strings that end an answer."""
    return _form(tokenizer, rewrite).stops


def _form(tokenizer: Tokenizer, rewrite: Rewrite) -> EditFormat:
    form = edit_format_called(rewrite.form) if rewrite.form else tokenizer.edit_format
    if form is None:
        raise ModelError("This model rewrites no lines; choose a next-edit model, or its format with edits.format.")
    return form
