"""Secrets in a text, masked before a model sees them."""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.privacy.secrets.search import secrets

MASK = "*"
# Characters searched of a line that continues beyond an edge.
_BEYOND_EDGE = 1000


@dataclass(frozen=True)
class Masked:
    """A text of the same length with its secrets masked, and the kinds of the secrets in the order of the text."""

    text: str
    kinds: tuple[str, ...] = ()


def mask_secrets(text: str, start: int = 0, end: int | None = None) -> Masked:
    """Return ``text[start:end]`` with the characters of every secret replaced by asterisks; line ends stay.

    The surrounding text reveals secrets that are cut by the edges. Beyond the lines of both edges only private keys are
    looked for, so a few thousand characters of surrounding text cost next to nothing.
    """
    end = len(text) if end is None else end
    nearest, farthest = max(start - _BEYOND_EDGE, 0), min(end + _BEYOND_EDGE, len(text))
    first = max(text.rfind("\n", nearest, start) + 1, nearest)
    last = text.find("\n", end, farthest)
    return _masked(text, start, end, secrets(text, first, farthest if last < 0 else last))


def _masked(text: str, start: int, end: int, found: list[tuple[int, int, str]]) -> Masked:
    """Mask ``found``, which are start, end and kind; secrets that overlap count as the one that begins first."""
    here = (secret for secret in found if secret[0] < secret[1] and secret[0] < end and start < secret[1])
    taken: list[tuple[int, int, str]] = []
    for left, right, kind in sorted(here, key=lambda secret: secret[:2]):
        if taken and left < taken[-1][1]:
            former, reached, named = taken[-1]
            taken[-1] = (former, max(reached, right), named)
        else:
            taken.append((left, right, kind))
    pieces, at = [], start
    for left, right, _ in taken:
        hidden = text[max(left, start) : min(right, end)]
        pieces += [text[at:left], "\n".join(MASK * len(line) for line in hidden.split("\n"))]
        at = min(right, end)
    return Masked("".join([*pieces, text[at:end]]), tuple(kind for _, _, kind in taken))
