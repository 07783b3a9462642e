"""Computes what would follow a suggestion while the user reads it."""

from __future__ import annotations

import asyncio
import logging

from infill_completion.document.view import View
from infill_completion.errors import frames_of
from infill_completion.suggest.history import History
from infill_completion.suggest.inflight import InflightRequests
from infill_completion.suggest.request import RequestBuilder
from infill_completion.suggest.reuse.memory import Offer

log = logging.getLogger(__name__)

# An answer is written by a thread, which would wait for the interpreter if the event loop went on working.
_SENDING_S = 0.003


class LookAhead:
    """Starts speculative requests; any request that a user waits for comes first.

    Args:
        history: What is known already.
        requests: Builds a request.
        inflight: Runs it.
        is_steady: Whether it begins before any later message is processed, however long the answer takes to be sent.
    """

    def __init__(
        self, history: History, requests: RequestBuilder, inflight: InflightRequests, *, is_steady: bool
    ) -> None:
        self._history = history
        self._requests = requests
        self._inflight = inflight
        self._delay_s = 0.0 if is_steady else _SENDING_S
        self._waiting: dict[str, tuple[View, Offer, asyncio.TimerHandle]] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether anything is to be started soon."""
        return bool(self._waiting)

    def start_soon(self, view: View, offer: Offer) -> None:
        """Compute what follows ``offer`` once the answer with it has been sent, so that the user does not wait."""
        uri = view.uri
        self.forget(uri)
        self._waiting[uri] = view, offer, asyncio.get_running_loop().call_later(self._delay_s, self._start_now, uri)

    def forget(self, uri: str) -> None:
        """Start nothing that waits for a document."""
        if (waiting := self._waiting.pop(uri, None)) is not None:
            waiting[2].cancel()

    def clear(self) -> None:
        """Start nothing that waits."""
        for uri in list(self._waiting):
            self.forget(uri)

    def start(self, view: View, offer: Offer) -> None:
        """Compute what follows once ``offer``, shown at ``view``, has been accepted; unless that is known already."""
        if view.selected is not None or self._inflight.is_awaited or self._requests.ignore_rule(view.uri) is not None:
            return
        after = view.after(offer.text, offer.replaced)
        extent = self._requests.extent_ahead(after)
        if extent is None or self._history.recall(after) is not None or self._inflight.joinable(after) is not None:
            return
        prepared = self._requests.build(after, extent, self._requests.gather(view))
        self._inflight.start(prepared, is_lookahead=True)

    def accepted(self, uri: str, text: str) -> None:
        """Compute what follows the accepted suggestion ``text``; a text that was not shown is ignored."""
        shown = self._history.shown(uri)
        if shown is None:
            return
        view, offers = shown
        for offer in offers:
            if view.suggestion(offer.text, offer.confidence, offer.replaced).text == text:
                self._history.accept(view, offer)
                self.start(view, offer)
                break

    def _start_now(self, uri: str) -> None:
        view, offer, _ = self._waiting.pop(uri)
        try:
            self.start(view, offer)
        except Exception as error:
            # The message may quote the document.
            log.error("%s at\n%s", type(error).__name__, frames_of(error))  # noqa: TRY400
