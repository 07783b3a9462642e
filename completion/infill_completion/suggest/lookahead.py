"""Computes what would follow a suggestion while the user reads it."""

from __future__ import annotations

from infill_completion.document.view import View
from infill_completion.suggest.history import History
from infill_completion.suggest.inflight import InflightRequests
from infill_completion.suggest.request import RequestBuilder
from infill_completion.suggest.reuse.memory import Offer


class LookAhead:
    """Starts speculative requests; any request that a user waits for comes first."""

    def __init__(self, history: History, requests: RequestBuilder, inflight: InflightRequests) -> None:
        self._history = history
        self._requests = requests
        self._inflight = inflight

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
