"""Chooses the text of other files within a budget of characters and of time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_completion.api import ContextItem
from infill_completion.context.imports import definitions, read_file
from infill_completion.context.nearby import Nearby
from infill_completion.context.similar import WORD, SimilarIndex
from infill_completion.context.snippet import Snippet, trimmed
from infill_completion.context.workspace import Workspace
from infill_completion.documents import Documents, OpenDocument
from infill_completion.lines import to_lf
from infill_completion.masking import mask_secrets
from infill_completion.privacy import Privacy, path_of, relative_path, repository_of
from infill_completion.settings import Settings
from infill_completion.view import View

MOST_MS = 50.0
MOST_SIMILAR = 4
MOST_NEARBY = 2
# Indexes kept, one for each language and set of folders; the longest unused goes first.
MOST_WORKSPACES = 3
MOST_RECENT = 3
RECENT_LINES = 16
# Places so close in characters count as one.
NEARBY = 600
# The choice stays while the cursor stays within so many lines, so that prompts keep their beginnings.
STICKY_LINES = 8
# Lines above and below the cursor that others are compared with.
QUERY_LINES = 24
# A snippet most of whose lines the model sees already says nothing new.
_KNOWN_SHARE = 0.6
_LEAST_CHARACTERS = 20


@dataclass(frozen=True)
class Source:
    """Where a part of the prompt comes from."""

    path: str
    kind: str
    characters: int


@dataclass(frozen=True)
class Context:
    """Text of other files.

    Attributes:
        items: The parts for the request, most stable first.
        sources: What they are, for explanations.
        versions: The versions of the open documents among them, by URI.
        withheld: What was kept back, and why.
    """

    items: tuple[ContextItem, ...] = ()
    sources: tuple[Source, ...] = ()
    versions: tuple[tuple[str, int], ...] = ()
    withheld: tuple[str, ...] = ()


class Gatherer:
    """Keeps an index of the open documents, one of the workspace, and a list of the places the user was at.

    Must be used in a running event loop.
    """

    def __init__(self) -> None:
        self._index = SimilarIndex()
        self._nearby = Nearby()
        self._visits: list[tuple[str, int]] = []
        self._files: dict[Path, tuple[int, str | None]] = {}
        self._kept: dict[str, tuple[object, Context]] = {}
        self._workspaces: dict[tuple[str, tuple[Path, ...]], Workspace] = {}
        self._indexing: asyncio.Task[None] | None = None
        self._privacy: Privacy | None = None

    def knows(self, word: str) -> bool:
        """Tell whether a word stands in another open document or in a file of the workspace."""
        return self._index.knows(word) or any(workspace.knows(word) for workspace in self._workspaces.values())

    async def aclose(self) -> None:
        """Stop the work in the background."""
        if self._indexing is not None:
            self._indexing.cancel()
            await asyncio.wait({self._indexing})

    def visited(self, uri: str, offset: int) -> None:
        """Take note that the user edited or looked at a place of a document."""
        self._visits = [(other, at) for other, at in self._visits if other != uri or abs(at - offset) > NEARBY]
        self._visits.insert(0, (uri, offset))
        del self._visits[32:]

    def closed(self, uri: str) -> None:
        """Forget a document."""
        self._kept.pop(uri, None)

    def gather(self, view: View, documents: Documents, settings: Settings, privacy: Privacy, budget: int) -> Context:
        """Choose context for ``view``: at most ``budget`` characters.

        It is chosen again only when another document changes or the cursor has moved some lines.
        """
        others = documents.others(view.uri)
        line = view.window.above.count("\n") // STICKY_LINES
        key = (line, view.window.above[:200], budget, settings.context, [(item.uri, item.version) for item in others])
        kept = self._kept.get(view.uri)
        if kept is not None and kept[0] == key:
            return kept[1]
        roots = documents.roots() or _own_repository(view.uri)
        context = self._choose(view, others, roots, settings, privacy, budget)
        self._kept[view.uri] = (key, context)
        return context

    def _choose(
        self,
        view: View,
        others: Sequence[OpenDocument],
        roots: Sequence[Path],
        settings: Settings,
        privacy: Privacy,
        budget: int,
    ) -> Context:
        ends = time.monotonic() + MOST_MS / 1000
        withheld = []
        allowed: dict[str, OpenDocument] = {}
        for document in others:
            rule = privacy.rule_for(document.uri, roots)
            if rule is not None:
                withheld.append(f"{relative_path(document.uri, roots)}: matches {rule}")
            elif settings.completion.speaks(document.language_id) and "\0" not in document.text[:1000]:
                allowed[document.uri] = document
        workspace = self._workspace(view, roots, privacy) if settings.context.workspace else None
        is_indexed = workspace is not None and workspace.is_complete
        nearby = [] if workspace is None or is_indexed else self._nearby_files(view, roots, privacy)
        closed = {document.uri: document for document in nearby if document.uri not in allowed}
        self._index.keep_only([*(item.uri for item in others), *closed])
        for document in [*allowed.values(), *closed.values()]:
            if time.monotonic() > ends:
                break
            self._index.update(document)
        snippets: list[Snippet] = []
        if settings.context.imports:
            snippets += self._imported(view, roots, privacy)
        if settings.context.open_documents:
            snippets += self._index.best(_surroundings(view), list(allowed))[:MOST_SIMILAR]
        if workspace is not None and is_indexed:
            known = (path_of(uri) for uri in (view.uri, *(item.uri for item in others)))
            besides = frozenset(path for path in known if path is not None)
            snippets += workspace.best(frozenset(WORD.findall(_surroundings(view))), besides, MOST_NEARBY)
        if closed:
            snippets += self._index.best(_surroundings(view), list(closed))[:MOST_NEARBY]
        if settings.context.recent_edits:
            snippets += self._recent(view.uri, allowed)
        return _packed(_new_ones(snippets, view), roots, budget, settings.privacy.mask_secrets, allowed, withheld)

    def _workspace(self, view: View, roots: Sequence[Path], privacy: Privacy) -> Workspace | None:
        """Return the index for the language of ``view``, and keep it up to date in the background."""
        path = path_of(view.uri)
        if path is None or not any(path.is_relative_to(root) for root in roots):
            return None
        if privacy is not self._privacy:
            self._privacy = privacy
            self._workspaces.clear()
        kept = tuple(roots)
        workspace = self._workspaces.pop((view.language_id, kept), None)
        if workspace is None:
            workspace = Workspace(
                view.language_id, kept, lambda file: privacy.rule_for(file.as_uri(), kept) is not None
            )
        self._workspaces[view.language_id, kept] = workspace
        while len(self._workspaces) > MOST_WORKSPACES:
            del self._workspaces[next(iter(self._workspaces))]
        if self._indexing is None or self._indexing.done():
            self._indexing = asyncio.create_task(workspace.refresh())
        return workspace

    def _nearby_files(self, view: View, roots: Sequence[Path], privacy: Privacy) -> list[OpenDocument]:
        path = path_of(view.uri)
        if path is None or not path.is_absolute():
            return []
        return self._nearby.documents(
            path, view.language_id, roots, lambda file: privacy.rule_for(file.as_uri(), roots) is not None
        )

    def _imported(self, view: View, roots: Sequence[Path], privacy: Privacy) -> list[Snippet]:
        path = path_of(view.uri)
        if path is None or not path.is_absolute():
            return []

        def read(file: Path) -> str | None:
            if file == path or privacy.rule_for(str(file), roots) is not None:
                return None
            return self._read(file)

        return definitions(view.window.prefix, view.language_id, path, roots, read)

    def _read(self, file: Path) -> str | None:
        try:
            changed = file.stat().st_mtime_ns
        except OSError:
            return None
        known = self._files.get(file)
        if known is None or known[0] != changed:
            if len(self._files) > 200:
                self._files.clear()
            known = self._files[file] = (changed, read_file(file))
        return known[1]

    def _recent(self, uri: str, allowed: dict[str, OpenDocument]) -> list[Snippet]:
        found: list[Snippet] = []
        for other, offset in self._visits:
            if other not in allowed or other == uri or len(found) >= MOST_RECENT:
                continue
            lines = self._index.lines(other)
            line = to_lf(allowed[other].text[:offset]).count("\n")
            first = max(min(line, len(lines)) - RECENT_LINES // 2, 0)
            text = "\n".join(lines[first : first + RECENT_LINES])
            if text.strip():
                found.append(Snippet(other, "recent", first, text))
        return found


def _own_repository(uri: str) -> tuple[Path, ...]:
    """Return what stands for the workspace where the editor, or the command line, has opened none."""
    path = path_of(uri)
    top = repository_of(path) if path is not None and path.is_absolute() else None
    return () if top is None else (top,)


def _surroundings(view: View) -> str:
    """Return the lines around the cursor's line without it, since it changes with every key."""
    above = view.window.above.split("\n")[-QUERY_LINES:]
    return "\n".join(above + view.window.below.split("\n")[: QUERY_LINES // 2])


def _new_ones(snippets: Sequence[Snippet], view: View) -> list[Snippet]:
    """Leave out what overlaps an earlier one, and what the window shows already."""
    shown = {line.strip() for line in (view.window.prefix + view.window.suffix).split("\n")}
    kept: list[Snippet] = []
    for snippet in snippets:
        lines = [line.strip() for line in snippet.text.split("\n") if line.strip()]
        is_known = lines and sum(line in shown for line in lines) > _KNOWN_SHARE * len(lines)
        if not is_known and not any(snippet.overlaps(other) for other in kept):
            kept.append(snippet)
    return kept


def _packed(
    snippets: Sequence[Snippet],
    roots: Sequence[Path],
    budget: int,
    masks: bool,
    allowed: dict[str, OpenDocument],
    withheld: list[str],
) -> Context:
    """Fill the budget in the order of ``snippets``; none takes more than half of it."""
    items, sources, versions, left = [], [], {}, budget
    for snippet in snippets:
        fitting = trimmed(snippet, min(left, budget // 2))
        if fitting is None or len(fitting.text) < _LEAST_CHARACTERS:
            continue
        path, text = relative_path(fitting.uri, roots), fitting.text
        if masks:
            masked = mask_secrets(text)
            withheld += [f"{path}: {kind}" for kind in masked.kinds]
            text = masked.text
        items.append(ContextItem(path, text))
        sources.append(Source(path, fitting.kind, len(text)))
        if fitting.uri in allowed:
            versions[fitting.uri] = allowed[fitting.uri].version
        left -= len(text) + len(path)
    return Context(tuple(items), tuple(sources), tuple(versions.items()), tuple(withheld))
