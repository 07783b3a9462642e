"""Index of the workspace's source files, which finds parts similar to the text around the cursor.

It is built in the background, in pieces of a millisecond or two between the editor's requests. It returns nothing until
the first pass over the workspace is complete, so its results depend on the files alone and not on its progress.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infill_completion.context.inverted_index import InvertedIndex
from infill_completion.context.similar import LEAST_SIMILARITY, STEP_LINES, WINDOW_LINES, WORD, jaccard
from infill_completion.context.snippet import Snippet
from infill_completion.context.source_walk import FRESH_S, PAUSE_S, PIECE_MS, IsPrivate, walk_sources
from infill_completion.document.files import identities_of, read_source
from infill_completion.document.lines import to_lf
from infill_completion.languages.registry import language_id_of

MAX_FILES = 3000
MAX_BYTES = 200_000
MAX_WINDOWS = 20_000
# Windows compared word by word.
_COMPARED = 8
_TEXTS = 16
_LINES_A_STEP = 100


@dataclass
class _File:
    changed: int
    windows: list[int] = field(default_factory=list)


class WorkspaceIndex:
    """An index of one language's files below some folders."""

    def __init__(self, language_id: str, roots: Sequence[Path], is_private: IsPrivate) -> None:
        self.language_id = language_id
        self.roots = tuple(roots)
        self._is_private = is_private
        self._index: InvertedIndex[Path] = InvertedIndex()
        self._files: dict[Path, _File] = {}
        self._texts: OrderedDict[Path, tuple[int, list[str]]] = OrderedDict()
        self._finished_s: float | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all files have been read once."""
        return self._finished_s is not None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the last complete pass, in the order of their names."""
        return tuple(self._files) if self.is_complete else ()

    def knows(self, word: str) -> bool:
        """Return whether a word occurs in a file."""
        return self.is_complete and word in self._index

    async def refresh(self) -> None:
        """Read the workspace again unless that was done recently; the event loop is free in between."""
        if self._finished_s is not None and time.monotonic() - self._finished_s < FRESH_S:
            return
        began = time.perf_counter()
        for _ in self.steps():
            if (time.perf_counter() - began) * 1000 >= PIECE_MS:
                await asyncio.sleep(PAUSE_S)
                began = time.perf_counter()

    def steps(self) -> Iterator[None]:
        """Index new files and forget deleted ones; each step takes a fraction of a millisecond."""
        if self._index.is_stale:
            self._index, self._files, self._finished_s = InvertedIndex(), {}, None
        seen: set[Path] = set()
        windows = 0  # of the files seen; those of an earlier pass stay until the end of this one
        for path, changed in self._walk():
            yield
            if path is None or path in seen:  # one folder of the workspace may be in another
                continue
            if len(seen) >= MAX_FILES or windows >= MAX_WINDOWS:
                break
            seen.add(path)
            known = self._files.get(path)
            if known is None or known.changed != changed:
                self._forget(path)
                yield from self._add(path, changed)
            windows += len(self._files[path].windows)
        for gone in self._files.keys() - seen:
            self._forget(gone)
        self._finished_s = time.monotonic()

    def best(
        self,
        words: frozenset[str],
        besides: frozenset[Path],
        most: int,
        allows: Callable[[], bool] = lambda: True,
    ) -> list[Snippet]:
        """Return the windows most similar to ``words`` (Jaccard), the best first.

        Args:
            words: The words around the cursor.
            besides: Files to leave out, under all their names.
            most: The largest number of windows.
            allows: Called before each file is read; once it returns False, the best so far are returned.
        """
        if not self.is_complete or not words:
            return []
        found: list[Snippet] = []
        own = identities_of(besides)
        for path, start in self._index.best(words, _COMPARED + len(besides)):
            if len(found) >= _COMPARED or not allows():
                break
            if path in besides or not own.isdisjoint(identities_of([path])) or self._is_private(path):
                continue
            lines = self._lines(path)
            text = "\n".join(lines[start : start + WINDOW_LINES])
            score = jaccard(words, frozenset(WORD.findall(text)))
            if score >= LEAST_SIMILARITY:
                found.append(Snippet.of(path.as_uri(), "workspace", lines, start, WINDOW_LINES, score))
        return sorted(found, key=lambda snippet: (-snippet.score, snippet.uri))[:most]

    def _walk(self) -> Iterator[tuple[Path | None, int]]:
        """Yield each file of the language and its modification time, in the order of names; None before each entry."""
        return walk_sources(
            self.roots, lambda name: language_id_of(name) == self.language_id, self._is_private, MAX_BYTES
        )

    def _add(self, path: Path, changed: int) -> Iterator[None]:
        file = self._files[path] = _File(changed)
        lines = _read(path)
        words: list[frozenset[str]] = []
        for number, line in enumerate(lines):
            words.append(frozenset(WORD.findall(line)))
            if number % _LINES_A_STEP == 0:
                yield
        for start in range(0, max(len(lines) - STEP_LINES, 1), STEP_LINES):
            window = frozenset().union(*words[start : start + WINDOW_LINES])
            if window:
                file.windows.append(self._index.add(path, start, window))
            yield

    def _forget(self, path: Path) -> None:
        file = self._files.pop(path, None)
        for number in file.windows if file else ():
            self._index.remove(number)

    def _lines(self, path: Path) -> list[str]:
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            return []
        known = self._texts.get(path)
        if known is None or known[0] != changed:
            known = self._texts[path] = (changed, _read(path))
            while len(self._texts) > _TEXTS:
                self._texts.popitem(last=False)
        self._texts.move_to_end(path)
        return known[1]


def _read(path: Path) -> list[str]:
    text = read_source(path, MAX_BYTES)
    return [] if text is None else to_lf(text).split("\n")
