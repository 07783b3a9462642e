"""One computation of next edits, which may be told to give way, and which withdraws a model that it asks."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infill_completion.edits.proposal import NextEditsAnswer


class PendingEdits:
    """One computation for a document.

    Attributes:
        uri: The document.
        is_stopped: Whether it has been told to give way.
    """

    def __init__(self, uri: str) -> None:
        self.uri, self.is_stopped = uri, False
        self._asking: asyncio.Task[NextEditsAnswer] | None = None

    def stop(self) -> None:
        """Give way; a model that is being asked is withdrawn."""
        self.is_stopped = True
        if self._asking is not None:
            self._asking.cancel()

    async def wait(self, asking: Coroutine[Any, Any, NextEditsAnswer], answer: NextEditsAnswer) -> NextEditsAnswer:
        """Return the answer with that of a model, or ``answer`` if it is told to give way meanwhile."""
        self._asking = asyncio.ensure_future(asking)
        try:
            return await self._asking
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self.is_stopped or (task is not None and task.cancelling()):
                raise
            return answer
