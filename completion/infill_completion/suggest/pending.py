"""Requests that wait for their answers, by document."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from infill_completion.document.snapshot import Snapshot
from infill_completion.document.view import View
from infill_completion.suggest.trace import Trace


@dataclass(eq=False)
class PendingRequest:
    """A request that waits for its answer; a newer one elsewhere in the same document supersedes it.

    Attributes:
        view: The cursor in the document.
        version: The editor's version number of the document.
        trace: The steps on the way to the answer.
        typed_s: When the key was pressed that it is for, in seconds of the monotonic clock.
        superseded: Set when a newer request replaces this one.
        is_outdated: Whether it must be made again, because the settings have changed.
    """

    view: View
    version: int
    trace: Trace
    typed_s: float
    superseded: asyncio.Event = field(default_factory=asyncio.Event)
    is_outdated: bool = False

    def is_for(self, view: View, version: int) -> bool:
        """Return whether it is for this place; editors ask twice, for the popup and for the ghost text."""
        mine = (self.version, self.view.offset, self.view.selected)
        return mine == (version, view.offset, view.selected)

    def supersede(self, *, is_outdated: bool = False) -> None:
        """End the request; one that is only outdated is made again."""
        self.is_outdated = is_outdated
        self.superseded.set()

    async def pause(self, milliseconds: float) -> bool:
        """Wait, and return whether a newer request ended the wait early."""
        if milliseconds > 0 and not self.superseded.is_set():
            try:
                await asyncio.wait_for(self.superseded.wait(), milliseconds / 1000)
            except TimeoutError:
                return False
        return self.superseded.is_set()


class PendingRequests:
    """All requests that wait for their answers."""

    def __init__(self) -> None:
        self._requests: dict[str, list[PendingRequest]] = {}

    @contextmanager
    def register(self, view: View, snapshot: Snapshot, trace: Trace) -> Iterator[PendingRequest]:
        """Supersede the document's requests for other places; the request is pending until the context ends.

        Args:
            view: The cursor.
            snapshot: What ``view`` is of.
            trace: Gets the steps on the way to the answer.
        """
        version = snapshot.version
        typed_s = trace.started if snapshot.typed_s is None else snapshot.typed_s
        for older in self._requests.get(view.uri, ()):
            if not older.is_for(view, version):
                older.supersede()
        request = PendingRequest(view, version, trace, typed_s)
        self._requests.setdefault(view.uri, []).append(request)
        try:
            yield request
        finally:
            others = [other for other in self._requests.get(view.uri, ()) if other is not request]
            if others:
                self._requests[view.uri] = others
            else:
                self._requests.pop(view.uri, None)

    def close(self, uri: str) -> None:
        """Supersede all requests of a document."""
        for request in self._requests.pop(uri, []):
            request.supersede()

    def outdate(self) -> None:
        """Let all requests be made again with the current settings."""
        for requests in self._requests.values():
            for request in requests:
                request.supersede(is_outdated=True)

    @property
    def uris(self) -> list[str]:
        """The documents with pending requests."""
        return list(self._requests)
