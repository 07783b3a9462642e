"""The texts of workspaces that the engine counts, within a bound of memory; an index of each workspace.

Clients send texts, since the engine never reads a file of the user's.  The texts are kept as token ids, and only as
long as the model is loaded.
"""

from __future__ import annotations

import secrets
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from infill_completion.api import HeldTexts, TextUpdate
from infill_completion.engine.ngram.text_index import Ids, TextIndex

MAX_TOKENS = 3_000_000  # of all workspaces; with the index 20 bytes each
# Of these, the most for one workspace: two languages of a project never take each other's room.
MAX_SHARE = 0.5

Encode = Callable[[str], Sequence[int]]


@dataclass
class _Workspace:
    """The texts of one workspace by name, and their index as of the last complete update."""

    texts: dict[str, Ids] = field(default_factory=dict)
    token_count: int = 0
    index: TextIndex | None = None
    is_stale: bool = False
    indexes: weakref.WeakSet[TextIndex] = field(default_factory=weakref.WeakSet)  # requests may run with earlier ones


class TextStore:
    """Holds the texts of workspaces; every method may be called on any thread.

    The workspace that was used least recently makes room for others. A text with which its workspace would take more
    than its share is not held, and takes no room from others.

    Args:
        encode: Returns the token ids of a text.
        vocab_size: Number of the tokenizer's ids.
        max_tokens: Most tokens to hold.

    Attributes:
        id: Tells this store from a later one, after the weights were unloaded or the engine was started again.
    """

    def __init__(self, encode: Encode, vocab_size: int, max_tokens: int = MAX_TOKENS) -> None:
        self.id = secrets.token_hex(8)
        self._encode, self._vocab_size, self._max_tokens = encode, vocab_size, max_tokens
        self._workspaces: OrderedDict[str, _Workspace] = OrderedDict()
        self._lock = threading.Lock()  # of the workspaces, held for short
        self._updating = threading.Lock()  # one update after another

    def update(self, update: TextUpdate) -> HeldTexts:
        """Add, replace and remove texts; what is removed takes no part in the next token of a running request.

        The index follows once an update without ``more`` comes.
        """
        with self._updating:
            removed = {name for name, text in update.texts if text is None}
            self._remove(update.workspace, None if update.replace else removed)
            for name, text in update.texts:
                if text is not None:
                    self._add(update.workspace, name, np.array(self._encode(text), np.uint32))
            workspace = self._workspaces.get(update.workspace, _Workspace())
            if workspace.is_stale and not update.more:
                workspace.is_stale, workspace.index = False, TextIndex(workspace.texts, self._vocab_size)
                workspace.indexes.add(workspace.index)
            return HeldTexts(self.id, len(workspace.texts), workspace.token_count)

    def index(self, workspace: str) -> TextIndex | None:
        """Return the index of a workspace, or None if it has none."""
        with self._lock:
            if workspace not in self._workspaces:
                return None
            self._workspaces.move_to_end(workspace)
            return self._workspaces[workspace].index

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._workspaces.clear()

    def _remove(self, name: str, texts: set[str] | None) -> None:
        """Remove some texts of a workspace, or all of them."""
        with self._lock:
            workspace = self._workspaces.get(name)
            if workspace is None:
                return
            for text in set(workspace.texts) if texts is None else texts & workspace.texts.keys():
                workspace.token_count -= len(workspace.texts.pop(text))
                workspace.is_stale = True
                for index in workspace.indexes:
                    index.erase(text)
            if not workspace.texts:
                del self._workspaces[name]

    def _add(self, name: str, text: str, ids: Ids) -> None:
        self._remove(name, {text})
        with self._lock:
            workspace = self._workspaces.setdefault(name, _Workspace())
            self._workspaces.move_to_end(name)
            if workspace.token_count + len(ids) > self._max_tokens * MAX_SHARE:
                return
            while self._token_count + len(ids) > self._max_tokens:
                self._workspaces.popitem(last=False)
            workspace.texts[text], workspace.is_stale = ids, True
            workspace.token_count += len(ids)

    @property
    def _token_count(self) -> int:
        return sum(workspace.token_count for workspace in self._workspaces.values())
