"""Requests that wait for their answers, by document."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from infill_completion.document.view import View


@dataclass(eq=False)
class Turn:
    """A request that waits for its answer; a newer one elsewhere in the same document supersedes it."""

    view: View
    version: int
    superseded: asyncio.Event = field(default_factory=asyncio.Event)

    def is_twin(self, view: View, version: int) -> bool:
        """Tell whether both ask for one place: editors do, for the popup and for the ghost text."""
        mine = (self.version, self.view.offset, self.view.selected)
        return mine == (version, view.offset, view.selected)

    async def pause(self, milliseconds: float) -> bool:
        """Wait so long and tell whether a newer request came meanwhile, which ends the wait."""
        if milliseconds > 0 and not self.superseded.is_set():
            try:
                await asyncio.wait_for(self.superseded.wait(), milliseconds / 1000)
            except TimeoutError:
                return False
        return self.superseded.is_set()


class Turns:
    """All requests that wait."""

    def __init__(self) -> None:
        self._turns: dict[str, list[Turn]] = {}

    @contextmanager
    def take(self, view: View, version: int) -> Iterator[Turn]:
        """Supersede older requests of the document for other places; the turn ends with the context."""
        for older in self._turns.get(view.uri, ()):
            if not older.is_twin(view, version):
                older.superseded.set()
        turn = Turn(view, version)
        self._turns.setdefault(view.uri, []).append(turn)
        try:
            yield turn
        finally:
            left = [other for other in self._turns.get(view.uri, ()) if other is not turn]
            if left:
                self._turns[view.uri] = left
            else:
                self._turns.pop(view.uri, None)

    def close(self, uri: str) -> None:
        """Supersede all requests of a document."""
        for turn in self._turns.pop(uri, []):
            turn.superseded.set()

    @property
    def uris(self) -> list[str]:
        """The documents with requests that wait."""
        return list(self._turns)
