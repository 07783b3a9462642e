"""The text that a model without infilling tokens is shown: the lines below the cursor stand above it.

They are plain text between what is far above the cursor and what is near::

    far + BORDER + below + BORDER + near

A move of the cursor changes what is below and near, a few hundred tokens; all before them stays in the KV cache
(decision 0070).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from infill_completion.prompt.cuts import first_fitting, first_lines, fitting_prefix
from infill_completion.prompt.encoding import MAX_PIECE_CHARS, EncodedText, Encoder, prefix_ids

BORDER = "\n\n"
# The near text has at least so many tokens; its start moves in steps, so that most keystrokes leave it in place.
MIN_NEAR_TOKENS = 256
NEAR_STEP = 256
MAX_BELOW_TOKENS = 256


class PlainText(NamedTuple):
    """Tokens of a prompt without marks.

    Attributes:
        ids: All of them.
        prefix_tokens: How many are of the prefix.
        below_tokens: How many are of the lines below the cursor's.
    """

    ids: list[int]
    prefix_tokens: int
    below_tokens: int


def plain_text(
    encoder: Encoder, text: EncodedText, suffix: str, room: int, step: int, share: float, *, first: bool
) -> PlainText:
    """Return the text around the cursor that fits ``room`` tokens.

    Args:
        encoder: The model's tokenizer.
        text: The whole text.
        suffix: The text after the cursor.
        room: The most tokens.
        step: Its start moves by so many tokens.
        share: The largest share of the room that the lines below get.
        first: Whether nothing precedes it.
    """
    border = list(encoder.encode_line(BORDER))
    below = first_lines(_below(text, suffix), min(MAX_BELOW_TOKENS, int(room * share)))
    left = room - len(below) - 2 * len(border)
    if not below or left < len(below):
        prefix = fitting_prefix(encoder, text, room, step, first=first)
        return PlainText(prefix, len(prefix), 0)
    start = first_fitting(text, left, step)
    split = max(start, _near_start(text))
    far = _ids(encoder, text, start, split, first=first)
    near = _ids(encoder, text, split, len(text.lines), first=False)[-left:]
    return PlainText(far + (border if far else []) + below + border + near, len(far) + len(near), len(below))


def _below(text: EncodedText, suffix: str) -> list[Sequence[int]]:
    """Return the ids of the lines below the cursor's; none if they are blank."""
    rest, _, below = suffix.partition("\n")
    pieces = -(-(len(rest) + 1) // MAX_PIECE_CHARS)  # of the cursor's line
    return text.after[pieces:] if below.strip() else []


def _ids(encoder: Encoder, text: EncodedText, start: int, end: int, *, first: bool) -> list[int]:
    return prefix_ids(encoder, text.lines[start:end], text.before[start:end], first=first)


def _near_start(text: EncodedText) -> int:
    """Return the first line of the near text; keys in the cursor's line do not move it, and no line is parted."""
    sums = accumulate(map(len, text.before))
    ends = [(number, tokens) for number, tokens in enumerate(sums, 1) if text.lines[number - 1].endswith("\n")]
    most = (ends[-1][1] - MIN_NEAR_TOKENS) // NEAR_STEP * NEAR_STEP if ends else 0
    return max((number for number, tokens in ends if tokens <= most), default=0)
