"""Parts of other documents that are similar to the text around the cursor.

Similarity is the Jaccard index of the words in two windows of lines. A document's windows are computed once for each of
its versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infill_completion.context.snippet import Snippet
from infill_completion.document.lines import to_lf
from infill_completion.document.workspace import OpenDocument

WINDOW_LINES = 24
STEP_LINES = 12
MAX_LINES = 6000
# Windows with a lower similarity share only the language's keywords.
LEAST_SIMILARITY = 0.12
WORD = re.compile(r"[^\W\d]\w{2,}")


@dataclass(frozen=True)
class _Indexed:
    version: int
    lines: tuple[str, ...]
    windows: tuple[tuple[int, frozenset[str]], ...]


class SimilarIndex:
    """Windows of open documents, and of files nearby."""

    def __init__(self) -> None:
        self._documents: dict[str, _Indexed] = {}
        self._query: frozenset[str] = frozenset()
        # Results for the query, so that a search that ran out of time continues where it ended.
        self._best: dict[tuple[str, int], Snippet | None] = {}

    def update(self, document: OpenDocument) -> None:
        """Index ``document`` unless this version is already indexed."""
        known = self._documents.get(document.uri)
        if known is not None and known.version == document.version:
            return
        lines = to_lf(document.text).split("\n")[:MAX_LINES]
        words = [frozenset(WORD.findall(line)) for line in lines]
        starts = range(0, max(len(lines) - STEP_LINES, 1), STEP_LINES)
        windows = tuple((start, frozenset().union(*words[start : start + WINDOW_LINES])) for start in starts)
        self._documents[document.uri] = _Indexed(document.version, tuple(lines), windows)

    def keep_only(self, uris: Sequence[str]) -> None:
        """Forget documents that are closed."""
        gone = self._documents.keys() - set(uris)
        for uri in gone:
            del self._documents[uri]
        if gone:  # One of them may be opened again with another text and the same version.
            self._best.clear()

    def lines(self, uri: str) -> Sequence[str]:
        """Return the lines of an indexed document; none if it is unknown."""
        indexed = self._documents.get(uri)
        return indexed.lines if indexed else ()

    def knows(self, word: str, besides: str = "") -> bool:
        """Return whether a word occurs in a document other than ``besides``."""
        others = (document for uri, document in self._documents.items() if uri != besides)
        return any(word in words for document in others for _, words in document.windows)

    def best(self, text: str, uris: Iterable[str]) -> list[Snippet]:
        """Return the most similar window of each document, the best first; equals are in the order of their URIs.

        ``uris`` is read one by one, after the search in the previous document.
        """
        query = frozenset(WORD.findall(text))
        if query != self._query:
            self._query = query
            self._best.clear()
        found = [snippet for uri in uris if (snippet := self._best_of(uri)) is not None]
        return sorted(found, key=lambda snippet: (-snippet.score, snippet.uri))

    def _best_of(self, uri: str) -> Snippet | None:
        indexed = self._documents.get(uri)
        if indexed is None or not self._query:
            return None
        key = (uri, indexed.version)
        if key not in self._best:
            self._best[key] = _most_similar(uri, indexed, self._query)
        return self._best[key]


def _most_similar(uri: str, indexed: _Indexed, query: frozenset[str]) -> Snippet | None:
    scored = ((jaccard(query, words), -start) for start, words in indexed.windows)
    score, negative = max(scored, default=(0.0, 0))
    if score < LEAST_SIMILARITY:
        return None
    return Snippet.of(uri, "similar", indexed.lines, -negative, WINDOW_LINES, score)


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share of the words in either set that both have, 0 to 1."""
    common = len(one & other)
    return common / (len(one) + len(other) - common) if common else 0.0
