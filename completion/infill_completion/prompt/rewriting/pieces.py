"""The pieces of a prompt that shows a model past edits and lines to rewrite."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Control:
    """A control token, by its name; where a tokenizer has none of that name, the name is text."""

    name: str


Piece = str | Control


def with_cursor(text: str, cursor: int, mark: str) -> str:
    """Return ``text`` with ``mark`` at the cursor."""
    return text[:cursor] + mark + text[cursor:]


def ended(text: str) -> str:
    """Return ``text`` with a line end after it, unless it has one or is empty."""
    return text if text.endswith("\n") or not text else text + "\n"


def as_text(pieces: Iterable[Piece]) -> str:
    """Return pieces as the text that a remote server gets."""
    return "".join(piece.name if isinstance(piece, Control) else piece for piece in pieces)
