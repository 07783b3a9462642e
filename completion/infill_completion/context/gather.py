"""Chooses the text of other files within a budget of characters and of time.

The same buffers, files and history give the same choice, unless the time runs out. Then what has been found counts, the
most valuable sources come first, and the next request goes on from there, since what was read and indexed is kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infill_completion.context.imports import Files, ImportSite, OutlineCache, definitions
from infill_completion.context.nearby import MOST_FILES, NearbyFiles
from infill_completion.context.packing import Context, new_ones, packed
from infill_completion.context.similar import WORD, SimilarIndex
from infill_completion.context.snippet import Snippet
from infill_completion.context.time_budget import TimeBudget
from infill_completion.context.workspace_index import WorkspaceIndex
from infill_completion.document.lines import to_lf
from infill_completion.document.view import View
from infill_completion.document.workspace import OpenDocument, OpenDocuments
from infill_completion.privacy.rules import Privacy, path_of, relative_path, repository_of
from infill_completion.settings import Settings

MOST_MS = 50.0
# How much longer somebody waits who asked, as on the command line, where there is no next request.
INVOKED_PATIENCE = 3
# The share of the budget that definitions behind imports may take, and how much of a file's beginning, where imports
# stand, is read when the window does not reach it.
IMPORTED_SHARE = 0.6
BEGINNING_CHARACTERS = 6000
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


@dataclass(frozen=True)
class _Request:
    """What one gathering is about."""

    view: View
    others: Sequence[OpenDocument]
    roots: Sequence[Path]
    settings: Settings
    privacy: Privacy
    allowance: TimeBudget

    def is_private(self, file: Path) -> bool:
        return self.privacy.rule_for(file.as_uri(), self.roots) is not None


class Gatherer:
    """Keeps an index of the open documents, one of the workspace, and a list of the places the user was at.

    Must be used in a running event loop. ``clock`` counts seconds; a gathering takes `MOST_MS` of them and what the
    last piece of work takes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._index = SimilarIndex()
        self._nearby = NearbyFiles()
        self._visits: list[tuple[str, int]] = []
        self._near_uris: tuple[str, ...] = ()
        self._library = OutlineCache()
        self._kept: dict[str, tuple[object, Context]] = {}
        self._workspaces: dict[tuple[str, tuple[Path, ...]], WorkspaceIndex] = {}
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

    def gather(
        self, view: View, documents: OpenDocuments, settings: Settings, privacy: Privacy, budget: int
    ) -> Context:
        """Choose context for ``view``: at most ``budget`` characters.

        It is chosen again only when another document changes, when the cursor has moved some lines, when a setting says
        something else about it, when a file in it has become private, or when the time ran out the last time.
        """
        others = documents.others(view.uri)
        line = view.window.above.count("\n") // STICKY_LINES
        roots = documents.roots() or _own_repository(view.uri)
        wanted = (settings.context, settings.privacy, settings.completion.languages, tuple(roots))
        versions = [(item.uri, item.version, item.language_id) for item in others]
        key = (line, view.window.above[:200], budget, wanted, versions)
        kept = self._kept.get(view.uri)
        # Rules are written while an editor is open, so the files in what was kept are asked about each time.
        if kept is not None and kept[0] == key and not any(privacy.rule_for(uri, roots) for uri in kept[1].uris):
            return kept[1]
        allowance = TimeBudget(MOST_MS * (INVOKED_PATIENCE if view.is_invoked else 1), self._clock)
        context = self._choose(_Request(view, others, roots, settings, privacy, allowance), budget)
        if not context.is_cut:
            self._kept[view.uri] = (key, context)
        return context

    def _choose(self, request: _Request, budget: int) -> Context:
        """Go through the sources in the order of their value."""
        view, wants, allowance = request.view, request.settings.context, request.allowance
        withheld: list[str] = []
        allowed = _allowed(request, withheld)
        snippets: list[Snippet] = []
        if wants.imports:
            snippets += self._imported(request, allowed, int(budget * IMPORTED_SHARE))
        self._index.keep_only([*(item.uri for item in request.others), *self._near_uris])
        is_in_time = allowance.for_source("open documents")
        for document in allowed.values():
            if not is_in_time():
                break
            self._index.update(document)
        if wants.open_documents:
            snippets += self._index.best(_surroundings(view), _while(is_in_time, allowed))[:MOST_SIMILAR]
        if wants.workspace:
            snippets += self._from_workspace(request, allowed)
        else:
            self._near_uris = ()
        if wants.recent_edits:
            snippets += self._recent(view.uri, allowed)
        withheld += [
            f"{source}: no time to look through all of it, the next request goes on" for source in allowance.missing
        ]
        masks = request.settings.privacy.mask_secrets
        context = packed(new_ones(snippets, view), request.roots, budget, masks, allowed, withheld)
        return replace(context, is_cut=bool(allowance.missing))

    def _from_workspace(self, request: _Request, allowed: dict[str, OpenDocument]) -> list[Snippet]:
        """Return similar parts of files that are not open: by the index of the workspace, until then of those near."""
        view, is_in_time = request.view, request.allowance.for_source("workspace")
        workspace = self._workspace(view, request.roots, request.privacy)
        if workspace is None:
            self._near_uris = ()
            return []
        if workspace.is_complete:
            self._near_uris = ()
            opened = (path_of(uri) for uri in (view.uri, *(item.uri for item in request.others)))
            besides = frozenset(path for path in opened if path is not None)
            if not is_in_time():
                return []
            return workspace.best(frozenset(WORD.findall(_surroundings(view))), besides, MOST_NEARBY, is_in_time)
        path = path_of(view.uri)
        if path is None or not path.is_absolute() or not is_in_time():
            return []
        nearby = self._nearby.documents(path, view.language_id, request.roots, request.is_private, is_in_time)
        closed = {document.uri: document for document in nearby if document.uri not in allowed}
        # Those that there was no time for stay indexed for the next request.
        known = self._near_uris if request.allowance.missing else ()
        self._near_uris = tuple(dict.fromkeys([*closed, *known]))[:MOST_FILES]
        for document in closed.values():
            if not is_in_time():
                break
            self._index.update(document)
        return self._index.best(_surroundings(view), _while(is_in_time, closed))[:MOST_NEARBY]

    def _workspace(self, view: View, roots: Sequence[Path], privacy: Privacy) -> WorkspaceIndex | None:
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
            workspace = WorkspaceIndex(
                view.language_id, kept, lambda file: privacy.rule_for(file.as_uri(), kept) is not None
            )
        self._workspaces[view.language_id, kept] = workspace
        while len(self._workspaces) > MOST_WORKSPACES:
            del self._workspaces[next(iter(self._workspaces))]
        if self._indexing is None or self._indexing.done():
            self._indexing = asyncio.create_task(workspace.refresh())
        return workspace

    def _imported(self, request: _Request, allowed: dict[str, OpenDocument], budget: int) -> list[Snippet]:
        view = request.view
        path = path_of(view.uri)
        if path is None or not path.is_absolute():
            return []
        # Without a workspace the file's own folder stands for it.
        roots = request.roots or (path.parent,)
        opened = {found: document for document in allowed.values() if (found := path_of(document.uri)) is not None}
        is_in_time = request.allowance.for_source("imports")
        files = Files(roots, self._library, request.is_private, is_in_time, opened)
        window = view.window
        text = near = window.prefix + window.suffix
        if not window.starts_document:  # As it was saved last; imports change seldom.
            text = files.text(path)[:BEGINNING_CHARACTERS] + "\n" + near
        return definitions(ImportSite(text, near, view.language_id, path, roots), files, budget)

    def _recent(self, uri: str, allowed: dict[str, OpenDocument]) -> list[Snippet]:
        found: list[Snippet] = []
        for other, offset in self._visits:
            if other not in allowed or other == uri or len(found) >= MOST_RECENT:
                continue
            lines = self._index.lines(other)
            line = to_lf(allowed[other].text[:offset]).count("\n")
            first = max(min(line, len(lines)) - RECENT_LINES // 2, 0)
            snippet = Snippet.of(other, "recent", lines, first, RECENT_LINES)
            if snippet.text.strip():
                found.append(snippet)
        return found


def _own_repository(uri: str) -> tuple[Path, ...]:
    """Return what stands for the workspace where the editor, or the command line, has opened none."""
    path = path_of(uri)
    top = repository_of(path) if path is not None and path.is_absolute() else None
    return () if top is None else (top,)


def _allowed(request: _Request, withheld: list[str]) -> dict[str, OpenDocument]:
    """Return the open documents that may be shown, the last focused first; says in ``withheld`` which may not."""
    allowed: dict[str, OpenDocument] = {}
    for document in request.others:
        if not request.allowance.allows("open documents"):
            break
        rule = request.privacy.rule_for(document.uri, request.roots)
        if rule is not None:
            withheld.append(f"{relative_path(document.uri, request.roots)}: matches {rule}")
        elif request.settings.completion.speaks(document.language_id) and "\0" not in document.text[:1000]:
            allowed[document.uri] = document
    return allowed


def _while(holds: Callable[[], bool], uris: Iterable[str]) -> Iterator[str]:
    """Yield URIs as long as there is time for another."""
    for uri in uris:
        if not holds():
            return
        yield uri


def _surroundings(view: View) -> str:
    """Return the lines around the cursor's line without it, since it changes with every key."""
    above = view.window.above.split("\n")[-QUERY_LINES:]
    return "\n".join(above + view.window.below.split("\n")[: QUERY_LINES // 2])
