"""Earlier answers of each document, what the user saw of them, and which of them may be shown now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

from infill_completion.api import ContextItem
from infill_completion.document.snapshot import SkipReason
from infill_completion.document.view import View
from infill_completion.document.workspace import OpenDocuments
from infill_completion.suggest.choice import Choice
from infill_completion.suggest.extent import ExtentKind
from infill_completion.suggest.inflight import InflightRequest
from infill_completion.suggest.policy import shown_automatically
from infill_completion.suggest.ranking import Ranking, rank, rank_next_line
from infill_completion.suggest.request import CELLS, RequestBuilder, versions_now
from infill_completion.suggest.reuse.memory import Memory, Offer, Recalled, Remembered, Reuse, remaining_offers
from infill_completion.suggest.reuse.removals import Removals
from infill_completion.suggest.showing.judge import Begun, ShowJudge

# How many spaces a filter writes for a tab at most, and how many characters it adds besides.
_MOST_SPACES, _MOST_ADDED = 16, 16

Shown = tuple[View, tuple[Offer, ...]]


class History:
    """Remembers answers, what the user saw of them, and the request behind the newest answer of each document.

    Attributes:
        min_confidence: The minimum confidence of a suggestion that is shown automatically.
        judge: Decides whether it is worth showing.
    """

    def __init__(
        self, documents: OpenDocuments, min_confidence: float, judge: ShowJudge, knows: Callable[[str, str], bool],
        requests: RequestBuilder,
    ) -> None:  # fmt: skip
        self.min_confidence = min_confidence
        self.judge = judge
        self._documents = documents
        self._knows = knows
        self._requests = requests
        self._memory = Memory()
        self._removals = Removals()
        self._shown: dict[str, Shown] = {}
        self._newest: dict[str, tuple[Remembered, InflightRequest]] = {}

    def clear(self) -> None:
        """Forget all answers, because the engine would give other ones now."""
        self._memory.clear()
        self._newest.clear()

    def forget(self, uri: str) -> None:
        """Forget a document."""
        self._memory.forget(uri)
        self._removals.forget(uri)
        self._shown.pop(uri, None)
        self._newest.pop(uri, None)

    def show(self, view: View, offers: tuple[Offer, ...]) -> None:
        """Record what the user sees."""
        self._shown[view.uri] = view, offers

    def shown(self, uri: str) -> Shown | None:
        """Return what the user saw last in a document, and the view it was shown at."""
        return self._shown.get(uri)

    def visit(self, view: View) -> None:
        """Record that the user is at ``view``, to notice what is deleted there."""
        _, offers = self._shown.get(view.uri, (view, ()))
        self._removals.visit(view, offers, lambda: self._known(view))

    def accept(self, view: View, offer: Offer) -> None:
        """Record that the user accepted ``offer``, shown at ``view``."""
        self._removals.accept(view, offer)

    def recall(self, view: View) -> Recalled | None:
        """Return the earlier answer that may be shown at ``view``, or None if the engine must be asked."""
        recalled = self._recall(view)
        if recalled is None or view.is_invoked or not recalled.offers:
            return recalled
        offers = tuple(offer for offer in recalled.offers if not self._removals.repeats(view, offer))
        return replace(recalled, offers=offers, reason=None if offers else SkipReason.JUST_DELETED)

    def rank(self, view: View, choices: tuple[Choice, ...]) -> Ranking:
        """Filter and order the candidates of a request."""
        return rank(view, choices, self.min_confidence, lambda word: self._knows(word, view.uri), self.judge)

    def may_be_shown(self, view: View, begun: Begun) -> bool:
        """Return whether what a suggestion begins with may become worth showing unasked."""
        return self.judge.may_admit(view, begun)

    def request_behind(self, recalled: Recalled | None) -> InflightRequest | None:
        """Return the request that brought an answer, if that is the newest answer of its document."""
        if recalled is None:
            return None
        entry, request = self._newest.get(recalled.entry.view.uri, (None, None))
        return request if entry is recalled.entry else None

    def record(self, request: InflightRequest) -> None:
        """Rank and remember the answer to a request, whoever still waits for it.

        What was computed ahead is ranked when it is first needed: most of it never is.
        """
        prepared, choices, view = request.prepared, request.stream.choices, request.prepared.view
        if request.is_speculative and any(choice.text.strip() for choice in choices):
            longest = max(_most_shown(choice.text, view) for choice in choices)
            self._memory.remember_later(view, longest, lambda: self._ranked(request))
            return
        entry = self._ranked(request)
        if entry.reason is SkipReason.TOO_SLOW:
            request.is_late = True  # Not remembered, since the next attempt may be in time.
            return
        if prepared.request.explain and self.recall(view) is not None:
            return  # An explanation does not change what it explains.
        self._memory.remember(entry)
        if not request.is_lookahead:
            self._newest[view.uri] = entry, request

    def grow(self, view: View, recalled: Recalled, offer: Offer, uris: Iterable[str]) -> Recalled:
        """Replace an answer by a longer one.

        Args:
            view: Where the user pauses.
            recalled: The answer.
            offer: The longer one, which the user gets to see.
            uris: The other files that its lines come from.
        """
        foresight = recalled.entry.foresight.once_typed(recalled.typed)
        entry = replace(
            recalled.entry, view=view, offers=(offer,), reason=None, ahead=Offer(""), foresight=foresight,
            unsure=None, uris=tuple(dict.fromkeys([*recalled.entry.uris, *uris])),
        )  # fmt: skip
        self._memory.remember(entry)
        newest, request = self._newest.get(view.uri, (None, None))
        if request is not None and newest is recalled.entry:
            self._newest[view.uri] = entry, request
        return Recalled(entry.offers, None, Reuse.SAME, entry)

    def _ranked(self, request: InflightRequest) -> Remembered:
        """Return the entry for the answer to a request."""
        prepared, choices, foresight = request.prepared, request.stream.choices, request.stream.foresight
        view = prepared.view
        if prepared.extent.kind is ExtentKind.AHEAD and choices[0].text.startswith("\n"):
            next_line = rank_next_line(view, choices[0], self.min_confidence)
            return Remembered(
                view, (), SkipReason.NEXT_LINE, prepared.versions, prepared.request.context, prepared.uris, next_line,
                foresight,
            )  # fmt: skip
        ranking = self.rank(view, choices)
        return Remembered(
            view, ranking.offers, ranking.reason, prepared.versions, prepared.request.context, prepared.uris,
            foresight=foresight, unsure=ranking.unsure,
        )  # fmt: skip

    def _recall(self, view: View) -> Recalled | None:
        shown = self._shown.get(view.uri)
        seen = () if shown is None else remaining_offers(*shown, view)
        # Once for all entries: gathering that has no time to end is begun again whenever it is asked for.
        excerpts = cache(lambda: self._requests.gather(view).items)
        return self._memory.recall(
            view,
            lambda entry: self._is_valid(view, entry, excerpts),
            lambda recalled: shown_automatically(view, recalled, seen, self.min_confidence),
            seen,
        )

    def _is_valid(self, view: View, entry: Remembered, excerpts: Callable[[], tuple[ContextItem, ...]]) -> bool:
        """Return whether a prompt made now has the same excerpts and cells above as that of an entry.

        It has not if one of its files has become private, or is gone.
        """
        if not self._requests.may_use(entry.uris):
            return False
        now = versions_now(view.uri, self._documents) if entry.sources else {}
        changed = [uri for uri, version in entry.sources if now.get(uri) != version]
        if not changed:
            return True
        may_be_alike = all(uri in now and uri != CELLS for uri in changed)
        return may_be_alike and excerpts() == entry.context

    def _known(self, view: View) -> tuple[Offer, ...]:
        recalled = self._recall(view)
        return () if recalled is None else recalled.offers


def _most_shown(text: str, view: View) -> int:
    """Return a length that no filter makes ``text`` exceed: they add spaces for its tabs, and what ends the line."""
    line = len(view.window.before) + len(view.window.rest)
    return len(text) + _MOST_SPACES * text.count("\t") + line + _MOST_ADDED
