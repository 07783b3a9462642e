"""A piece of another file for the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

# Text around a snippet that is kept to recognise secrets cut by its edges.
_LINES_AROUND = 120
_AROUND_CHARACTERS = 8000


@dataclass(frozen=True)
class Snippet:
    """Lines of a file.

    Attributes:
        uri: The file.
        kind: Why it was chosen: ``import``, ``similar``, ``workspace`` or ``recent``.
        first: Its first line, from 0.
        text: The lines, with LF line ends.
        score: How well it fits; larger is better, comparable within a kind.
        lead: Some text before it, which no model sees: it shows what is cut at the snippet's beginning.
        tail: Some text after it, likewise.
    """

    uri: str
    kind: str
    first: int
    text: str
    score: float = 0.0
    lead: str = ""
    tail: str = ""

    @classmethod
    def of(cls, uri: str, kind: str, lines: Sequence[str], first: int, count: int, score: float = 0.0) -> Snippet:
        """Cut ``count`` lines out of the ``lines`` of a file, from line ``first`` on."""
        last = first + count
        above = "".join(f"{line}\n" for line in lines[max(first - _LINES_AROUND, 0) : first])
        below = "".join(f"\n{line}" for line in lines[last : last + _LINES_AROUND])
        text = "\n".join(lines[first:last])
        return cls(uri, kind, first, text, score, above[-_AROUND_CHARACTERS:], below[:_AROUND_CHARACTERS])

    @property
    def last(self) -> int:
        """Its last line, from 0."""
        return self.first + self.text.count("\n")

    def overlaps(self, other: Snippet) -> bool:
        """Return whether both have a line of the same file."""
        return self.uri == other.uri and self.first <= other.last and other.first <= self.last


def trimmed(snippet: Snippet, budget: int) -> Snippet | None:
    """Return the first whole lines that fit ``budget`` characters; None if too little fits."""
    if len(snippet.text) <= budget:
        return snippet
    end = snippet.text.rfind("\n", 0, max(budget, 0))
    if end < 20:
        return None
    return replace(snippet, text=snippet.text[:end], tail=snippet.text[end:] + snippet.tail)
