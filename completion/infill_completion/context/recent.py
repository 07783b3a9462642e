"""The places in other documents that the user visited last."""

from __future__ import annotations

from infill_completion.context.gathering import Gathering
from infill_completion.context.similar import SimilarIndex
from infill_completion.context.snippet import Snippet
from infill_completion.document.lines import to_lf

MAX_SNIPPETS = 3
SNIPPET_LINES = 16
# Places closer than this, in characters, count as one.
NEARBY_CHARACTERS = 600
_MAX_VISITS = 32


class RecentPlaces:
    """Remembers the places that the user edited or looked at, the last one first."""

    def __init__(self) -> None:
        self._visits: list[tuple[str, int]] = []

    def visited(self, uri: str, offset: int) -> None:
        """Record that the user edited or looked at a place of a document."""
        kept = [(other, at) for other, at in self._visits if other != uri or abs(at - offset) > NEARBY_CHARACTERS]
        self._visits = [(uri, offset), *kept][:_MAX_VISITS]

    def snippets(self, gathering: Gathering, index: SimilarIndex) -> list[Snippet]:
        """Return the lines around the last places in allowed documents; ``index`` holds their lines."""
        found: list[Snippet] = []
        for uri, offset in self._visits:
            if uri not in gathering.allowed or uri == gathering.view.uri or len(found) >= MAX_SNIPPETS:
                continue
            lines = index.lines(uri)
            line = to_lf(gathering.allowed[uri].text[:offset]).count("\n")
            first = max(min(line, len(lines)) - SNIPPET_LINES // 2, 0)
            snippet = Snippet.of(uri, "recent", lines, first, SNIPPET_LINES)
            if snippet.text.strip():
                found.append(snippet)
        return found
