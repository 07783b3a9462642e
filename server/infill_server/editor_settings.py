"""The settings that the editor sends when it is asked; an answer counts whenever it comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from pygls.exceptions import JsonRpcMethodNotFound

log = logging.getLogger(__name__)

# How long the start of the session waits for the first answer, and a remote engine for the answer after a change.
PATIENCE_S = 2.0
# After an answer that is an error the editor is asked again, each time twice as late.
RETRY_S = 1.0
MAX_RETRY_S = 60.0
# Questions without an answer that are kept; the oldest is given up for a new one.
_MAX_OPEN = 8


class EditorSettings:
    """Asks the editor for its settings.

    Attributes:
        is_missing: Whether the editor offers settings and has not sent them, so that what they forbid is unknown.
    """

    def __init__(self, ask: Callable[[], Future[object]], arrived: Callable[[object], None]) -> None:
        """Prepare to ask.

        Args:
            ask: Asks the editor; the future gets its answer, which may be anything.
            arrived: Is called with the settings of each answer that is newer than those before.
        """
        self.is_missing = False
        self._ask = ask
        self._arrived = arrived
        self._asked = 0
        self._answered = 0
        self._open: dict[int, asyncio.Task[None]] = {}
        self._awaited: set[int] = set()

    @property
    def is_awaited(self) -> bool:
        """Whether the known settings may be out of date: `is_missing`, or the editor has just reported a change."""
        return self.is_missing or bool(self._awaited)

    async def refresh(self) -> None:
        """Ask for the settings; return when they have arrived, or after `PATIENCE_S`."""
        self._asked += 1
        number = self._asked
        if len(self._open) >= _MAX_OPEN:
            self._open.pop(next(iter(self._open))).cancel()
        task = self._open[number] = asyncio.ensure_future(self._request(number))
        task.add_done_callback(lambda _task: self._open.pop(number, None))
        self._awaited.add(number)
        try:
            await asyncio.wait({task}, timeout=PATIENCE_S)
        finally:
            self._awaited.discard(number)
        if not task.done():
            log.warning("the client has not sent its settings yet")

    def received(self, settings: object) -> None:
        """Take settings that the editor sent unasked; they count as its answer."""
        self._asked += 1
        self._take(self._asked, settings)

    def close(self) -> None:
        """Stop waiting for answers."""
        for task in tuple(self._open.values()):
            task.cancel()

    async def _request(self, number: int) -> None:
        delay_s = RETRY_S
        while number > self._answered:
            answer = self._ask()
            # The answer counts for the very next message of the editor, so it is taken while it is read.
            answer.add_done_callback(lambda answer: self._read(number, answer))
            try:
                await asyncio.wrap_future(answer)
            except JsonRpcMethodNotFound:
                return
            except Exception as error:  # the client may refuse for any reason
                log.warning("the client did not send its settings: %s", type(error).__name__)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, MAX_RETRY_S)

    def _read(self, number: int, answer: Future[object]) -> None:
        error = None if answer.cancelled() else answer.exception()
        if isinstance(error, JsonRpcMethodNotFound):
            log.info("the client announced its settings but cannot send them")
            self._take(number, None)
        elif not answer.cancelled() and error is None:
            self._take(number, _own(answer.result()))

    def _take(self, number: int, settings: object) -> None:
        if number > self._answered:
            self._answered = number
            self._awaited = {later for later in self._awaited if later > number}
            self.is_missing = False
            self._arrived(settings)


def _own(answer: object) -> object:
    """Return the settings in an answer, which should be a list with one table; other clients send the table alone."""
    if not isinstance(answer, list):
        return answer
    tables = (item for item in answer if isinstance(item, Mapping))
    return next(tables, next((item for item in answer if item is not None), None))
