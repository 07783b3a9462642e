"""Chooses text of other files for the prompt, within a budget of characters and of time.

The same buffers, files and history give the same choice, unless the time runs out. Then the choice is what was found so
far, the most valuable sources first. Text that was read and indexed is kept, so the next request continues from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infill_completion.api import TextHolder
from infill_completion.context.closed_files import ClosedFiles
from infill_completion.context.feed import WorkspaceFeed
from infill_completion.context.gathering import Gathering, has_vanished, while_in_time
from infill_completion.context.imported import imported
from infill_completion.context.imports import OutlineCache
from infill_completion.context.packing import Context, new_ones, packed
from infill_completion.context.recent import RecentPlaces
from infill_completion.context.similar import SimilarIndex
from infill_completion.context.snippet import Snippet
from infill_completion.context.time_budget import TimeBudget
from infill_completion.document.view import View
from infill_completion.document.workspace import OpenDocuments
from infill_completion.privacy.git.repository import repository_of
from infill_completion.privacy.rules import Privacy, path_of
from infill_completion.settings import Settings

MAX_MS = 50.0
# The share of the budget that imported definitions may take.
IMPORTED_SHARE = 0.6
MAX_SIMILAR = 4
# The choice stays while the cursor moves within so many lines, so that prompts keep their beginnings.
STICKY_LINES = 8
# Of so many documents, the last ones, the context is kept up to date while another one is edited.
MOST_ELSEWHERE = 3


@dataclass
class _Kept:
    """The last choice for a document, what it depends on, and the last cursor that it was for."""

    key: object
    context: Context
    view: View


class Gatherer:
    """Gathers context from other open documents, imports, the workspace, and the places that the user visited last.

    Must be used in a running event loop. ``clock`` counts seconds; a gathering takes `MAX_MS` plus the time of
    its last piece of work. ``holder`` gets the workspace's texts to count.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, holder: TextHolder | None = None) -> None:
        self._clock = clock
        self._index = SimilarIndex()
        self._closed_files = ClosedFiles(self._index, WorkspaceFeed(holder))
        self._recent = RecentPlaces()
        self._outlines = OutlineCache()
        self._kept: dict[str, _Kept] = {}

    def knows(self, word: str, uri: str = "") -> bool:
        """Return whether a word occurs in another open document than ``uri`` or in a file of the workspace."""
        return self._index.knows(word, uri) or self._closed_files.knows(word)

    async def aclose(self) -> None:
        """Stop the work in the background."""
        await self._closed_files.aclose()

    async def followed(self) -> None:
        """Wait until the workspace of the last request is indexed."""
        await self._closed_files.followed()

    def visited(self, uri: str, offset: int) -> None:
        """Record that the user edited or looked at a place of a document."""
        self._recent.visited(uri, offset)

    def closed(self, uri: str) -> None:
        """Forget a document."""
        self._kept.pop(uri, None)

    def gather(
        self, view: View, documents: OpenDocuments, settings: Settings, privacy: Privacy, budget: int
    ) -> Context:
        """Choose context for ``view``: at most ``budget`` characters.

        The last choice stays until another document or a relevant setting changes, the cursor moves some lines, or a
        file in it becomes private or vanishes. A choice that ran out of time is made again.
        """
        roots = documents.roots() or _own_repository(view.uri)
        workspace, document = "", ""
        if settings.context.workspace:
            workspace, document = self._closed_files.follow(view, roots, settings, privacy)
        else:
            self._closed_files.unfollow()
        context = self._chosen(view, documents, roots, settings, privacy, budget)
        return replace(context, workspace=workspace, document=document) if workspace else context

    def gather_elsewhere(
        self, uri: str, documents: OpenDocuments, settings: Settings, privacy: Privacy, budget: int
    ) -> Iterator[None]:
        """Choose context for the last cursors in the documents before ``uri``, which has changed; yields after each.

        Whoever comes back to one of them then finds its context ready.
        """
        for document in documents.others(uri)[:MOST_ELSEWHERE]:
            if (kept := self._kept.get(document.uri)) is None:
                continue
            roots = documents.roots() or _own_repository(document.uri)
            self._chosen(kept.view, documents, roots, settings, privacy, budget)
            yield

    def _chosen(
        self, view: View, documents: OpenDocuments, roots: Sequence[Path], settings: Settings, privacy: Privacy,
        budget: int,
    ) -> Context:  # fmt: skip
        """Return the last choice while it holds, or a new one."""
        others = documents.others(view.uri)
        line = view.window.above.count("\n") // STICKY_LINES
        wanted = (settings.context, settings.privacy, settings.completion.languages, tuple(roots))
        versions = [(item.uri, item.version, item.language_id) for item in others]
        key = (line, view.window.above[:200], budget, wanted, versions)
        kept = self._kept.get(view.uri)
        # Ignore rules change while an editor is open, so the files of a kept choice are checked each time.
        if (
            kept is not None
            and kept.key == key
            and not any(privacy.rule_for(uri, roots) for uri in kept.context.uris)
            and not has_vanished(kept.context.uris, others)
        ):
            kept.view = view
            return kept.context
        most_ms = MAX_MS * view.patience
        gathering = Gathering(view, others, roots, settings, privacy, TimeBudget(most_ms, self._clock))
        context = self._choose(gathering, budget)
        if not context.is_cut:
            self._kept[view.uri] = _Kept(key, context, view)
        return context

    def _choose(self, gathering: Gathering, budget: int) -> Context:
        """Go through the sources in the order of their value."""
        wants = gathering.settings.context
        gathering.check_documents()
        snippets: list[Snippet] = []
        if wants.imports:
            snippets += imported(gathering, self._outlines, int(budget * IMPORTED_SHARE))
        snippets += self._from_open_documents(gathering)
        if wants.workspace:
            snippets += self._closed_files.snippets(gathering)
        else:
            self._closed_files.near_uris = ()
        if wants.recent_edits:
            snippets += self._recent.snippets(gathering, self._index)
        missing = gathering.time.missing
        late = [f"{source}: not searched completely in time; the next request continues" for source in missing]
        masks = gathering.settings.privacy.mask_secrets
        withheld = [*gathering.withheld, *late]
        context = packed(
            new_ones(snippets, gathering.view), gathering.roots, budget, masks, gathering.allowed, withheld
        )
        return replace(context, is_cut=bool(missing))

    def _from_open_documents(self, gathering: Gathering) -> list[Snippet]:
        """Index the open documents, and return the most similar parts if they are wanted."""
        # The document itself stays too: others are completed in turn, and each of them needs it.
        opened = (item.uri for item in gathering.others if item.uri not in gathering.private)
        self._index.keep_only([gathering.view.uri, *opened, *self._closed_files.near_uris])
        is_in_time = gathering.time.for_source("open documents")
        for document in gathering.allowed.values():
            if not is_in_time():
                break
            self._index.update(document)
        if not gathering.settings.context.open_documents:
            return []
        uris = while_in_time(is_in_time, gathering.allowed)
        return self._index.best(gathering.surroundings, uris)[:MAX_SIMILAR]


def _own_repository(uri: str) -> tuple[Path, ...]:
    """Return the file's repository, which takes the place of a workspace if none is open."""
    path = path_of(uri)
    top = repository_of(path) if path is not None and path.is_absolute() else None
    return () if top is None else (top,)
