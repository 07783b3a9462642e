"""A piece of another file that may help."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Snippet:
    """Lines of a file.

    Attributes:
        uri: The file.
        kind: Why it was chosen: ``import``, ``similar``, ``workspace`` or ``recent``.
        first: Its first line, from 0.
        text: The lines, LF line ends.
        score: How well it fits; larger is better, comparable within a kind.
    """

    uri: str
    kind: str
    first: int
    text: str
    score: float = 0.0

    @property
    def last(self) -> int:
        """Its last line, from 0."""
        return self.first + self.text.count("\n")

    def overlaps(self, other: Snippet) -> bool:
        """Tell whether both have a line of the same file."""
        return self.uri == other.uri and self.first <= other.last and other.first <= self.last


def trimmed(snippet: Snippet, budget: int) -> Snippet | None:
    """Return the first whole lines that fit ``budget`` characters, None if that is hardly anything."""
    if len(snippet.text) <= budget:
        return snippet
    end = snippet.text.rfind("\n", 0, max(budget, 0))
    if end < 20:
        return None
    return Snippet(snippet.uri, snippet.kind, snippet.first, snippet.text[:end], snippet.score)
