"""The text of a prompt as token ids, line by line: no token crosses a newline, so a keystroke encodes one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from infill_completion.api import ContextItem
from infill_completion.prompt.headings import file_heading
from infill_completion.prompt.layout import InfillingTokens, flat

# A longer line is encoded in pieces, so that a keystroke in it does not encode all of it.
MAX_PIECE_CHARS = 2048
# The last word with the space before it, the last run of blanks, or the last run of signs.
_UNFINISHED = re.compile(r" ?\w{1,64}$|[ \t]{1,64}$| ?[^\w\s]{1,8}$")


class Encoder(Protocol):
    """What a prompt needs from a tokenizer."""

    bos: int | None
    eos: int | None
    infilling: InfillingTokens | None
    newline_separates: bool

    def encode(self, text: str) -> Sequence[int]:
        """Return the ids of ``text`` as the start of a text."""
        ...

    def encode_infilling(self, text: str) -> Sequence[int]:
        """Return the ids of ``text`` without an implicit space in front."""
        ...

    def encode_line(self, line: str) -> Sequence[int]:
        """Return the ids of ``line`` after a newline."""
        ...


@dataclass(frozen=True)
class EncodedText:
    """The whole text of a prompt.

    Attributes:
        lines: The lines of the prefix.
        before: The ids of each of them.
        after: The ids of each line of the suffix.
        context: The ids of each other file.
        spell: The unfinished end of the prefix; neither ``lines`` nor ``before`` contain it.
    """

    lines: list[str]
    before: list[Sequence[int]]
    after: list[Sequence[int]]
    context: list[list[int]]
    spell: str


def encode_text(
    encoder: Encoder,
    tokens: InfillingTokens | None,
    prefix: str,
    suffix: str,
    context: Sequence[ContextItem],
    *,
    heal: bool,
) -> EncodedText:
    """Encode everything that a prompt may contain; ``heal`` leaves out the unfinished end of the prefix."""
    lines = _lines(prefix)
    spell = unfinished(lines[-1]) if heal and lines else ""
    if spell:
        lines[-1] = lines[-1][: -len(spell)]
    first, *later = _lines(suffix) or [""]
    after = [encoder.encode_infilling(first), *(encoder.encode_line(line) for line in later)]
    items = [_context_ids(encoder, tokens, item) for item in context]
    return EncodedText(lines, [encoder.encode_line(line) for line in lines], after, items, spell)


def unfinished(line: str) -> str:
    """Return the end of ``line`` whose tokens may change with the next character, at most 64 characters."""
    match = _UNFINISHED.search(line)
    return match.group() if match else ""


def prefix_ids(encoder: Encoder, lines: list[str], ids: list[Sequence[int]], *, first: bool) -> list[int]:
    """Return ``enc(prefix)``; only the first text of a prompt gets SentencePiece's space in front."""
    if not lines:
        return []
    if not encoder.newline_separates:
        text = "".join(lines)
        return list(encoder.encode(text) if first else encoder.encode_infilling(text))
    start = encoder.encode(lines[0]) if first and lines[0] else ids[0]
    return [*start, *flat(ids[1:])]


def _lines(text: str) -> list[str]:
    """Split after each LF and nowhere else; the last line has none and may be empty.

    A line of more than `MAX_PIECE_CHARS` comes in pieces.
    """
    if not text:
        return []
    lines = text.split("\n")
    whole = [*(line + "\n" for line in lines[:-1]), lines[-1]]
    if max(map(len, whole)) <= MAX_PIECE_CHARS:
        return whole
    return [
        line[start : start + MAX_PIECE_CHARS]
        for line in whole
        for start in range(0, max(1, len(line)), MAX_PIECE_CHARS)
    ]


def _context_ids(encoder: Encoder, tokens: InfillingTokens | None, item: ContextItem) -> list[int]:
    text = file_heading(item.path, tokens.form if tokens else None) + item.text.rstrip("\n") + "\n\n"
    if encoder.newline_separates:
        ids = flat(map(encoder.encode_line, _lines(text)))
    else:
        ids = list(encoder.encode_infilling(text))
    if tokens is None:
        return ids
    start = [] if tokens.file is None else [tokens.file]
    return [*start, *ids, *([] if tokens.file_end is None else [tokens.file_end])]
