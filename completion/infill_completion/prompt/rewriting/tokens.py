"""The prompt of a next-edit model as token ids, of what fits the budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from infill_completion.api import ContextItem, Rewrite
from infill_completion.prompt.formats import PromptLayout
from infill_completion.prompt.rewriting.formats import EditFormat
from infill_completion.prompt.rewriting.pieces import Control, Piece
from infill_completion.prompt.tokens import Prompt


class PieceEncoder(Protocol):
    """What a prompt of pieces needs from a tokenizer."""

    bos: int | None

    def encode_infilling(self, text: str) -> Sequence[int]:
        """Return the ids of ``text`` without an implicit space in front."""
        ...

    def control_id(self, name: str) -> int | None:
        """Return the id of the control token of this name, if there is one."""
        ...


def rewrite_prompt(
    encoder: PieceEncoder, form: EditFormat, rewrite: Rewrite, context: Sequence[ContextItem], budget_tokens: int
) -> Prompt | None:
    """Return the prompt of a request to rewrite lines, without what does not fit: other files go first, then old edits.

    Text between two control tokens is encoded in one piece, as it was for training.

    Args:
        encoder: The model's tokenizer.
        form: The model's format.
        rewrite: The lines, and what the user has changed.
        context: Texts of other files, the most important last.
        budget_tokens: The most tokens.

    Returns:
        The prompt; None if not even the lines alone fit.
    """
    for fewer, files in _shorter(rewrite, context):
        parts = _encoded(encoder, form.prompt(fewer, files))
        ids = [id_ for part in parts for id_ in part]
        if len(ids) <= budget_tokens:
            texts = [part for part in parts if len(part) > 1]
            return Prompt(
                ids=ids, layout=PromptLayout.LEFT_TO_RIGHT, before=[*texts, []],
                tokens_by_source={"rewrite": sum(map(len, texts)), "control": len(ids) - sum(map(len, texts))},
                dropped_by_source={
                    "context": len(context) - len(files), "edits": len(rewrite.edits) - len(fewer.edits),
                },
            )  # fmt: skip
    return None


def _encoded(encoder: PieceEncoder, pieces: Sequence[Piece]) -> list[Sequence[int]]:
    """Return the ids of the control tokens, and of all text between two of them, one after another."""
    parts: list[Sequence[int]] = [[encoder.bos]] if encoder.bos is not None else []
    text = ""
    for piece in pieces:
        id_ = encoder.control_id(piece.name) if isinstance(piece, Control) else None
        if id_ is None:
            text += piece.name if isinstance(piece, Control) else piece
            continue
        parts += [encoder.encode_infilling(text), [id_]] if text else [[id_]]
        text = ""
    return [*parts, encoder.encode_infilling(text)] if text else parts


def _shorter(rewrite: Rewrite, context: Sequence[ContextItem]) -> Iterator[tuple[Rewrite, Sequence[ContextItem]]]:
    """Yield the request, and what is left of it when ever more is left out."""
    for first in range(len(context) + 1):
        yield rewrite, context[first:]
    for first in range(1, len(rewrite.edits) + 1):
        yield replace(rewrite, edits=rewrite.edits[first:]), ()
    yield replace(rewrite, edits=(), above="", below=""), ()
