"""The syntax trees of the documents in use: which are kept, and when they are parsed.

A tree serves to cut an excerpt around the cursor, from which all questions about syntax are answered. It may be
somewhat older than the text, since the edits in between only move it. So a key never waits for a large document to be
parsed, except for the first time and after large edits.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from infill_completion.document.lines import line_ending_of, to_lf
from infill_completion.document.snapshot import Snapshot, TextEdit
from infill_completion.document.view import View
from infill_completion.document.window import Excerpt, clean_offset
from infill_completion.languages.syntax.document_tree import MAX_PARSE_MS, DocumentTree
from infill_completion.languages.syntax.excerpt import MAX_AFTER, MAX_BEFORE
from infill_completion.languages.syntax.parser import has_grammar

# Documents and their characters; a tree takes about twenty bytes for each. What was used longest ago is dropped.
MAX_DOCUMENTS = 16
MAX_CHARACTERS = 4_000_000
# Larger documents are not parsed.
LARGEST = 2_000_000
# How long other work waits for the parser.
SLICE_MS = 3.0
# The longest time for which a request waits for the tree of its document.
PATIENCE_S = 1.0
# A tree is brought up to date once its text has not changed for so long, and at most in this part of the time.
IDLE_S = 0.2
_SHARE = 0.1


@dataclass
class _Entry:
    """A tree, the task that parses it, and the newest text with the time of its change.

    Attributes:
        parsed: Set while the tree is usable, or none is to come.
        urgent: Set otherwise, since a request may wait for the tree.
    """

    tree: DocumentTree
    language_id: str
    text: str = ""
    changed_s: float = 0.0
    task: asyncio.Task[None] | None = None
    parsed: asyncio.Event = field(default_factory=asyncio.Event)
    urgent: asyncio.Event = field(default_factory=asyncio.Event)

    def mark(self, *, is_usable: bool) -> None:
        """Wake the requests that wait for the tree, or the task that pauses."""
        holds, other = (self.parsed, self.urgent) if is_usable else (self.urgent, self.parsed)
        holds.set()
        other.clear()


class DocumentTrees:
    """Keeps the trees of a window's documents; must be used in a running event loop.

    Args:
        is_steady: Whether every text is parsed at once, so that answers do not depend on the speed of the machine.
    """

    def __init__(self, *, is_steady: bool = False) -> None:
        self._is_steady = is_steady
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def update(self, uri: str, language_id: str, text: str, edit: TextEdit | None = None) -> None:
        """Take over the newest text of a document; a new document begins to be parsed.

        Args:
            uri: The document.
            language_id: LSP's language id.
            text: The text.
            edit: How the text came about from an earlier one, if that is known.
        """
        if not has_grammar(language_id) or not MAX_BEFORE + MAX_AFTER < len(text) <= LARGEST:
            self.forget(uri)
            return
        entry = self._entries.get(uri)
        if entry is None or entry.language_id != language_id:
            self.forget(uri)
            entry = self._entries[uri] = _Entry(DocumentTree(language_id), language_id)
        self._entries.move_to_end(uri)
        tree = entry.tree
        parsed = to_lf(text) if line_ending_of(text) == "\r" else text
        # An edit counts in the document's own line ends.
        if text is not entry.text and tree.update(parsed, edit if parsed is text else None):
            entry.changed_s = time.monotonic()
        entry.text = text
        self._drop_oldest()
        if self._is_steady:
            tree.work(MAX_PARSE_MS)
        elif tree.cost_ms <= SLICE_MS:
            tree.work(SLICE_MS)
        entry.mark(is_usable=tree.is_parsed or tree.is_current)
        if not tree.is_current and entry.task is None:
            entry.task = asyncio.create_task(_keep_current(entry))

    async def parsed(self, view: View, snapshot: Snapshot) -> View:
        """Return ``view``, which is of ``snapshot``, with an excerpt; without one if the document has no tree.

        Waits only for the first tree of a document, or after a large edit, and no longer than `PATIENCE_S`.
        """
        self.update(snapshot.uri, snapshot.language_id, snapshot.text, snapshot.edit)
        entry = self._entries.get(snapshot.uri)
        if entry is not None and not entry.parsed.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(entry.parsed.wait(), PATIENCE_S)
        excerpt = self._excerpt(snapshot)
        return view if excerpt is None else replace(view, window=replace(view.window, excerpt=excerpt))

    def forget(self, uri: str) -> None:
        """Drop the tree of a document."""
        entry = self._entries.pop(uri, None)
        if entry is not None and entry.task is not None:
            entry.task.cancel()

    def close(self) -> None:
        """Drop all trees."""
        for uri in list(self._entries):
            self.forget(uri)

    def _excerpt(self, snapshot: Snapshot) -> Excerpt | None:
        text, offset = snapshot.text, clean_offset(snapshot.text, snapshot.offset)
        chosen, replaced = "", 0
        if snapshot.selected is not None:
            offset, end, chosen = snapshot.selected
            replaced = end - offset
        entry = self._entries.get(snapshot.uri)
        if entry is not None:
            # The text may have changed while the request waited.
            found = entry.tree.excerpt(offset) if entry.text is text else None
        elif has_grammar(snapshot.language_id) and len(text) <= MAX_BEFORE + MAX_AFTER:
            found = Excerpt(to_lf(text[:offset]), to_lf(text[offset:]))
        else:
            found = None
        return None if found is None else found.with_text(chosen, replaced)

    def _drop_oldest(self) -> None:
        while len(self._entries) > MAX_DOCUMENTS or self._characters() > MAX_CHARACTERS:
            self.forget(next(iter(self._entries)))

    def _characters(self) -> int:
        return sum(len(entry.tree.text) for entry in self._entries.values()) if len(self._entries) > 1 else 0


async def _keep_current(entry: _Entry) -> None:
    """Parse until the tree is current, in slices between which other work may run."""
    tree = entry.tree
    try:
        while not tree.is_current:
            left_s = _wait_s(entry)
            if left_s > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(entry.urgent.wait(), left_s)
                continue
            tree.work(SLICE_MS)
            entry.mark(is_usable=tree.is_parsed or tree.is_current)
            await asyncio.sleep(0)
    finally:
        entry.mark(is_usable=True)
        entry.task = None


def _wait_s(entry: _Entry) -> float:
    """Return how long to wait before the next slice: not at all within a parse, nor if there is no usable tree."""
    tree = entry.tree
    if tree.is_parsing or not tree.is_parsed:
        return 0.0
    return entry.changed_s + max(IDLE_S, tree.cost_ms / 1000 / _SHARE) - time.monotonic()
