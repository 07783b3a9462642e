"""Similar parts of files that are not open: from the workspace's index, and until it is complete from files nearby."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from infill_completion.context.drafts import is_draft
from infill_completion.context.feed import WorkspaceFeed
from infill_completion.context.gathering import Gathering, while_in_time
from infill_completion.context.nearby import MAX_FILES, NearbyFiles
from infill_completion.context.sent_texts import Workspace
from infill_completion.context.similar import WORD, SimilarIndex
from infill_completion.context.snippet import Snippet
from infill_completion.context.source_walk import IsPrivate
from infill_completion.context.workspace_index import WorkspaceIndex
from infill_completion.document.view import View
from infill_completion.privacy.rules import Privacy, path_of
from infill_completion.settings import Settings

MAX_SNIPPETS = 2
# Indexes kept, one for each language and set of folders; the one unused the longest goes first.
MAX_WORKSPACES = 3


class ClosedFiles:
    """Indexes the workspace in the background, and reads files near the document until that is done.

    Args:
        index: The index of open documents, which also holds files nearby; see ``near_uris``.
        feed: Sends the workspace's files to the engine.
    """

    def __init__(self, index: SimilarIndex, feed: WorkspaceFeed) -> None:
        self.near_uris: tuple[str, ...] = ()
        self._index = index
        self._feed = feed
        self._nearby = NearbyFiles()
        self._workspaces: dict[tuple[str, tuple[Path, ...]], WorkspaceIndex] = {}
        self._working: asyncio.Task[None] | None = None
        self._privacy: Privacy | None = None

    def knows(self, word: str) -> bool:
        """Return whether a word occurs in a file of an indexed workspace."""
        return any(workspace.knows(word) for workspace in self._workspaces.values())

    async def aclose(self) -> None:
        """Stop the work in the background."""
        if self._working is not None:
            self._working.cancel()
            await asyncio.wait({self._working})

    async def followed(self) -> None:
        """Wait until the folders of the last request are indexed."""
        if self._working is not None:
            await asyncio.wait({self._working})

    def follow(self, view: View, roots: Sequence[Path], settings: Settings, privacy: Privacy) -> tuple[str, str]:
        """Keep the index and the engine's texts up to date in the background.

        Returns:
            The engine's names for the workspace and the document; empty until it has all texts, and after a pause
            until they were checked again.
        """
        path = path_of(view.uri)
        if path is None or is_draft(view.uri, view.language_id):
            return "", ""
        if self._workspace(view, roots, settings, privacy) is None:
            return "", ""
        self._feed.asked()
        return self._feed.names(_fed(view, roots, settings), path)

    def unfollow(self) -> None:
        """Let the engine forget the workspace in the background."""
        if self._feed.has_sent and (self._working is None or self._working.done()):
            self._working = asyncio.create_task(self._feed.forget())

    def snippets(self, gathering: Gathering) -> list[Snippet]:
        """Return the most similar parts of files that are not open, the best first; none for a draft of a commit."""
        if is_draft(gathering.view.uri, gathering.view.language_id):
            self.near_uris = ()
            return []
        workspace = self._workspace(gathering.view, gathering.roots, gathering.settings, gathering.privacy)
        if workspace is not None and not workspace.is_complete:
            return self._from_nearby(gathering)
        self.near_uris = ()
        if workspace is None or not gathering.time.allows("workspace"):
            return []
        opened = (path_of(uri) for uri in (gathering.view.uri, *(item.uri for item in gathering.others)))
        besides = frozenset(path for path in opened if path is not None)
        words = frozenset(WORD.findall(gathering.surroundings))
        return workspace.best(words, besides, MAX_SNIPPETS, gathering.time.for_source("workspace"))

    def _from_nearby(self, gathering: Gathering) -> list[Snippet]:
        view, is_in_time = gathering.view, gathering.time.for_source("workspace")
        path = path_of(view.uri)
        if path is None or not path.is_absolute() or not is_in_time():
            return []
        nearby = self._nearby.documents(path, view.language_id, gathering.roots, gathering.is_private, is_in_time)
        closed = {document.uri: document for document in nearby if document.uri not in gathering.allowed}
        # Files that there was no time for stay indexed for the next request.
        known = self.near_uris if gathering.time.missing else ()
        self.near_uris = tuple(dict.fromkeys([*closed, *known]))[:MAX_FILES]
        for document in closed.values():
            if not is_in_time():
                break
            self._index.update(document)
        return self._index.best(gathering.surroundings, while_in_time(is_in_time, closed))[:MAX_SNIPPETS]

    def _workspace(
        self, view: View, roots: Sequence[Path], settings: Settings, privacy: Privacy
    ) -> WorkspaceIndex | None:
        """Return the index for the document's language, and keep it up to date in the background."""
        path, language_id = path_of(view.uri), view.language_id
        if path is None or not any(path.is_relative_to(root) for root in roots):
            return None
        if privacy is not self._privacy:
            self._privacy = privacy
            self._workspaces.clear()
        key = (language_id, tuple(roots))
        workspace = self._workspaces.pop(key, None) or WorkspaceIndex(*key, _is_private(privacy, roots))
        self._workspaces[key] = workspace
        while len(self._workspaces) > MAX_WORKSPACES:
            del self._workspaces[next(iter(self._workspaces))]
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(
                self._work(workspace, _fed(view, roots, settings), _is_private(privacy, roots))
            )
        return workspace

    async def _work(self, index: WorkspaceIndex, workspace: Workspace, is_private: IsPrivate) -> None:
        async def refresh() -> tuple[Path, ...]:
            await index.refresh()
            return index.files

        await self._feed.follow(workspace, refresh, is_private)


def _is_private(privacy: Privacy, roots: Sequence[Path]) -> IsPrivate:
    return lambda file: privacy.rule_for(file.as_uri(), roots) is not None


def _fed(view: View, roots: Sequence[Path], settings: Settings) -> Workspace:
    return Workspace(view.language_id, tuple(roots), settings.privacy.ignore, settings.privacy.mask_secrets)
