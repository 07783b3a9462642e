"""Computes what follows a suggestion, or the likely next keys, while the user reads or thinks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from enum import Enum

from infill_completion.document.view import View
from infill_completion.errors import frames_of
from infill_completion.suggest.ahead.futures import Future, after_accepting, likely_futures
from infill_completion.suggest.ahead.spare_time import SpareTime
from infill_completion.suggest.extent import Extent
from infill_completion.suggest.history import History
from infill_completion.suggest.inflight import InflightRequest, InflightRequests
from infill_completion.suggest.request import RequestBuilder
from infill_completion.suggest.reuse.memory import Recalled

log = logging.getLogger(__name__)

# An answer is written by a thread, which would wait for the interpreter if the event loop went on working.
_SENDING_S = 0.003


class LookAheadMode(Enum):
    """When answers are computed ahead: the setting ``completion.ahead``."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class LookAhead:
    """Starts speculative requests, one after another; any request that a user waits for ends and replaces them.

    Args:
        history: What is known already.
        requests: Builds a request.
        inflight: Runs it.
        spare_time: Whether answers to keys not yet pressed may be computed; None if they never are.
        is_steady: Whether it begins before any later message is processed, however long the answer takes to be sent.

    Attributes:
        mode: When it does so.
    """

    def __init__(
        self, history: History, requests: RequestBuilder, inflight: InflightRequests, spare_time: SpareTime | None,
        *, is_steady: bool,
    ) -> None:  # fmt: skip
        self.mode = LookAheadMode.AUTO
        self._history = history
        self._requests = requests
        self._inflight = inflight
        self._spare_time = spare_time
        self._delay_s = 0.0 if is_steady else _SENDING_S
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._last_line: tuple[str, int] | None = None  # after which context was gathered for other documents

    @property
    def is_waiting(self) -> bool:
        """Whether anything is to be started, or may be."""
        return bool(self._tasks)

    def start_soon(self, view: View, recalled: Recalled) -> None:
        """Compute what may follow the answer at ``view`` once that has been sent, so that the user does not wait."""
        self._begin(view.uri, self._run(view, recalled))

    def start_after(self, request: InflightRequest, view: View) -> None:
        """Compute what may follow once the answer to ``request``, for which nobody waits at ``view``, is there."""
        self._begin(view.uri, self._run_after(request, view))

    async def answered(self, view: View) -> None:
        """Wait for the answer to a request for ``view`` that nobody waits for any longer, if there is one."""
        request = self._inflight.joinable(view)
        if request is not None and request.is_speculative:
            await request.finished.wait()

    def forget(self, uri: str) -> None:
        """Start nothing more for the last answer of a document; what runs may still be wanted."""
        if (task := self._tasks.pop(uri, None)) is not None:
            task.cancel()

    def clear(self) -> None:
        """Start nothing more."""
        for uri in list(self._tasks):
            self.forget(uri)

    async def aclose(self) -> None:
        """Start nothing more, and wait until that is so."""
        tasks = list(self._tasks.values())
        self.clear()
        if tasks:
            await asyncio.wait(tasks)

    def accepted(self, uri: str, text: str) -> None:
        """Compute what follows the accepted suggestion ``text``; a text that was not shown is ignored."""
        shown = self._history.shown(uri)
        if shown is None:
            return
        view, offers = shown
        for offer in offers:
            if view.suggestion(offer.text, offer.confidence, offer.replaced).text == text:
                self._history.accept(view, offer)
                self.start(view, after_accepting(view, offer))
                break

    def start(self, view: View, future: Future, *, is_known: bool = False) -> InflightRequest | None:
        """Ask for the answer at a future after ``view``, unless a user waits for another one, or it is known.

        With ``is_known``, it is known and does not say what follows.
        """
        after = future.view
        if self.mode is LookAheadMode.NEVER or view.selected is not None or self._inflight.is_awaited:
            return None
        if self._requests.ignore_rule(view.uri) is not None:
            return None
        if not is_known and self._history.recall(after) is not None:
            return None
        extent = self._extent(future)
        if extent is None:
            return None
        if (running := self._inflight.joinable(after)) is not None:
            return running
        prepared = self._requests.build(after, extent, self._requests.gather(view), is_ahead=True)
        return self._inflight.start(prepared, is_lookahead=True)

    def _begin(self, uri: str, work: Coroutine[None, None, None]) -> None:
        self.forget(uri)
        task = self._tasks[uri] = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda ended: self._ended(uri, ended))

    async def _run_after(self, request: InflightRequest, view: View) -> None:
        await request.finished.wait()
        if (recalled := self._history.recall(view)) is not None:
            await self._run(view, recalled)

    async def _run(self, view: View, recalled: Recalled) -> None:
        """Compute one future after another until a user waits for something else."""
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        for future in likely_futures(view, recalled):
            if future.is_key and not self._may_compute(view):
                continue
            request = self.start(view, future)
            if request is None:
                continue
            await request.finished.wait()
            if request.latency_ms is None or request.error is not None:
                return
            if self._spare_time is not None:
                self._spare_time.spend(request.latency_ms / 1000)
        await self._gather_elsewhere(view)

    async def _gather_elsewhere(self, view: View) -> None:
        """Gather context for the documents that the user may come back to, once after each line."""
        line = view.uri, view.offset - len(view.window.before)
        if view.window.before.strip() or line == self._last_line or not self._may_compute(view):
            return
        self._last_line = line
        for _ in self._requests.gather_elsewhere(view.uri):
            await asyncio.sleep(0)

    def _may_compute(self, view: View) -> bool:
        """Return whether an answer to a key not yet pressed may be computed now."""
        if self.mode is LookAheadMode.NEVER:
            return False
        is_always = self.mode is LookAheadMode.ALWAYS
        return self._spare_time is not None and not view.is_invoked and self._spare_time.has_any(is_always=is_always)

    def _extent(self, future: Future) -> Extent | None:
        """Return how far to compute; None where the engine would not be asked."""
        if not future.is_key:
            return self._requests.extent_ahead(future.view)
        if self._requests.refusal(future.view, None) is not None:
            return None
        return self._requests.extent(future.view)

    def _ended(self, uri: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(uri) is task:
            del self._tasks[uri]
        if not task.cancelled() and (error := task.exception()) is not None:
            # The message may quote the document.
            log.error("%s at\n%s", type(error).__name__, frames_of(error))
