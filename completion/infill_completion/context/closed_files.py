"""Similar parts of files that are not open: from the workspace's index, and until it is complete from files nearby."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from infill_completion.context.drafts import is_draft
from infill_completion.context.gathering import Gathering, while_in_time
from infill_completion.context.nearby import MAX_FILES, NearbyFiles
from infill_completion.context.similar import WORD, SimilarIndex
from infill_completion.context.snippet import Snippet
from infill_completion.context.workspace_index import WorkspaceIndex
from infill_completion.privacy.rules import Privacy, path_of

MAX_SNIPPETS = 2
# Indexes kept, one for each language and set of folders; the one unused the longest goes first.
MAX_WORKSPACES = 3


class ClosedFiles:
    """Indexes the workspace in the background, and reads files near the document until that is done.

    Args:
        index: The index of open documents, which also holds files nearby; see ``near_uris``.
    """

    def __init__(self, index: SimilarIndex) -> None:
        self.near_uris: tuple[str, ...] = ()
        self._index = index
        self._nearby = NearbyFiles()
        self._workspaces: dict[tuple[str, tuple[Path, ...]], WorkspaceIndex] = {}
        self._indexing: asyncio.Task[None] | None = None
        self._privacy: Privacy | None = None

    def knows(self, word: str) -> bool:
        """Return whether a word occurs in a file of an indexed workspace."""
        return any(workspace.knows(word) for workspace in self._workspaces.values())

    async def aclose(self) -> None:
        """Stop the work in the background."""
        if self._indexing is not None:
            self._indexing.cancel()
            await asyncio.wait({self._indexing})

    def snippets(self, gathering: Gathering) -> list[Snippet]:
        """Return the most similar parts of files that are not open, the best first; none for a draft of a commit."""
        if is_draft(gathering.view.uri, gathering.view.language_id):
            self.near_uris = ()
            return []
        workspace = self._workspace(gathering)
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

    def _workspace(self, gathering: Gathering) -> WorkspaceIndex | None:
        """Return the index for the document's language, and keep it up to date in the background."""
        path, language_id = path_of(gathering.view.uri), gathering.view.language_id
        if path is None or not any(path.is_relative_to(root) for root in gathering.roots):
            return None
        if gathering.privacy is not self._privacy:
            self._privacy = gathering.privacy
            self._workspaces.clear()
        roots = tuple(gathering.roots)
        workspace = self._workspaces.pop((language_id, roots), None)
        if workspace is None:
            workspace = _new_index(language_id, roots, gathering.privacy)
        self._workspaces[language_id, roots] = workspace
        while len(self._workspaces) > MAX_WORKSPACES:
            del self._workspaces[next(iter(self._workspaces))]
        if self._indexing is None or self._indexing.done():
            self._indexing = asyncio.create_task(workspace.refresh())
        return workspace


def _new_index(language_id: str, roots: Sequence[Path], privacy: Privacy) -> WorkspaceIndex:
    return WorkspaceIndex(language_id, roots, lambda file: privacy.rule_for(file.as_uri(), roots) is not None)
