"""Secrets in a text, masked before a model sees them."""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.privacy.secrets.assigned import assigned
from infill_completion.privacy.secrets.issued import issued
from infill_completion.privacy.secrets.pem import private_keys

MASK = "*"
# What is looked at of a line that goes on beyond an edge.
_BEYOND_EDGE = 1000


@dataclass(frozen=True)
class Masked:
    """A text without its secrets, of the same length; ``kinds`` names what was withheld, in the order of the text."""

    text: str
    kinds: tuple[str, ...] = ()


def mask_secrets(text: str, start: int = 0, end: int | None = None) -> Masked:
    """Return ``text[start:end]`` with the characters of every secret replaced by asterisks; line ends stay.

    What stands around tells about secrets that are cut there. Of it only private keys are looked for beyond the lines
    of both edges, so some thousand characters around cost next to nothing.
    """
    end = len(text) if end is None else end
    nearest, farthest = max(start - _BEYOND_EDGE, 0), min(end + _BEYOND_EDGE, len(text))
    first = max(text.rfind("\n", nearest, start) + 1, nearest)
    last = text.find("\n", end, farthest)
    lines = text[first : farthest if last < 0 else last]
    # One character has a lower case of two, and places must be the same in both.
    lowered = lines.replace("İ", "i").lower()
    found = list(private_keys(text))
    for left, right, kind in (*issued(lines, lowered), *assigned(lines, lowered)):
        found.append((left + first, right + first, kind))
    return _masked(text, start, end, found)


def _masked(text: str, start: int, end: int, found: list[tuple[int, int, str]]) -> Masked:
    """Mask the places that were found first; of what overlaps them nothing is left to say."""
    taken: list[tuple[int, int, str]] = []
    for left, right, kind in found:
        is_here = left < right and left < end and start < right
        if is_here and not any(left < other_right and other_left < right for other_left, other_right, _ in taken):
            taken.append((left, right, kind))
    taken.sort()
    pieces, at = [], start
    for left, right, _ in taken:
        hidden = text[max(left, start) : min(right, end)]
        pieces += [text[at:left], "\n".join(MASK * len(line) for line in hidden.split("\n"))]
        at = min(right, end)
    return Masked("".join([*pieces, text[at:end]]), tuple(kind for _, _, kind in taken))
