"""Next edits of one editor window: when they are computed, and what becomes of them.

They never come before a suggestion: while one is awaited, nothing of them runs, and what runs gives way. They are
computed on a thread of their own, which alone touches the history of edits.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from lsprotocol import types

from infill_server.edits.import_reading import ImportReading
from infill_server.edits.pending_edits import PendingEdits
from infill_server.lsp.documents import Document, DocumentStore
from infill_server.lsp.import_turns import import_in_turn

if TYPE_CHECKING:
    from infill_completion.api import Engine
    from infill_completion.edits.explained import EditExplanation
    from infill_completion.edits.proposal import EditRequest, NextEditsAnswer
    from infill_completion.edits.window import EditWindow
    from infill_completion.settings import Settings

T = TypeVar("T")
_MAX_OFFERS = 500


@dataclass(frozen=True)
class EditOffer:
    """A next edit as the client gets it.

    Attributes:
        number: Names it in the reports of the client.
        uri: The document.
        version: The version of the document that it is for.
        range: What it replaces.
        text: What takes its place.
        key: Stands for the whole lines that it changes, before and after, which may be long.
    """

    number: str
    uri: str
    version: int
    range: types.Range
    text: str
    key: int


class NextEdits:
    """The next edits of a window.

    Attributes:
        counts: How many were offered, shown, accepted and rejected.
        are_settings_known: Set once the settings of all sources are known; requests wait for it, since they say which
            files are private.
    """

    def __init__(
        self,
        documents: DocumentStore,
        settings: Callable[[], Settings],
        is_snoozed: Callable[[], bool] = lambda: False,
        engine: Callable[[], tuple[Engine | None, str]] = lambda: (None, ""),
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.are_settings_known = asyncio.Event()
        self._documents, self._settings, self._is_snoozed = documents, settings, is_snoozed
        self._engine = engine
        self._is_wanted = False
        documents.clock.is_on = lambda: self._is_wanted and self._settings().edits.enabled
        self._offers: OrderedDict[str, EditOffer] = OrderedDict()
        self._shown = ""
        self._number = 0
        self._newest: dict[str, int] = {}  # the number of the newest request, by document
        self._completions = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._running: set[PendingEdits] = set()
        self._inbox: deque[Callable[[EditWindow], None]] = deque()  # for the thread
        self._window: EditWindow | None = None
        self._reading = ImportReading(self._run, self._idle, lambda: (settings(), documents.roots()))
        self._thread: ThreadPoolExecutor | None = None

    def expect(self) -> None:
        """Keep what is changed from now on, for a client that asks for next edits or shows that it will.

        Most clients never do, and nothing of what their users changed is to stay in memory.
        """
        self._is_wanted = True

    @contextmanager
    def completing(self) -> Iterator[None]:
        """Stand aside while a suggestion is awaited."""
        self._stop()
        self._completions += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._completions -= 1
            if self._completions == 0:
                self._idle.set()

    async def propose(self, document: Document, position: types.Position, version: int | None) -> list[EditOffer]:
        """Return the next edits of a document, the first one first.

        There are none if the client asks for another version than the one that is here, if the document changes
        meanwhile, or if a newer request of the document supersedes this one.

        Args:
            document: The document.
            position: The cursor.
            version: The version that the client asks for; any if None.
        """
        self.expect()
        if version is not None and version != document.version:
            return []
        if self._window is None and not self._inbox and not self._documents.changed():
            return []  # Nothing was changed since the window was opened.
        request = _request(document, position)
        number = self._number = self._number + 1
        self._newest[request.uri] = number
        self._stop()  # Whatever is being computed is out of date.
        await self.are_settings_known.wait()
        while True:
            await self._idle.wait()
            if self._newest.get(request.uri) != number or not self._is_current(document, request):
                return []
            pending = PendingEdits(request.uri)
            answer = await self._compute(request, pending)
            if not pending.is_stopped:
                break
        if self._newest.get(request.uri) != number or not self._is_current(document, request):
            return []
        return self._offer(document, request, answer)

    async def explain(self, document: Document, position: types.Position) -> EditExplanation:
        """Return why there are or are not next edits of a document; waits until no suggestion is awaited."""
        from infill_completion.edits.explained import EditExplanation

        self.expect()
        await self.are_settings_known.wait()
        while True:
            await self._idle.wait()
            request = _request(document, position)
            pending = PendingEdits(request.uri)
            explanation = EditExplanation(request.uri)
            explanation.silence = (await self._compute(request, pending, explanation)).silence
            if not pending.is_stopped:
                return explanation

    def shown(self, number: str) -> None:
        """Count an edit that the client shows; one that it reports again at once counts once."""
        if number in self._offers and number != self._shown:
            self._shown = number
            self.counts["shown"] += 1

    def accepted(self, number: str) -> bool:
        """Count an edit that the user took, and return whether it is one of ours that was not reported before."""
        offer = self._offers.pop(number, None)
        self.counts["accepted"] += offer is not None
        return offer is not None

    def rejected(self, number: str) -> bool:
        """Do not propose an edit again, and return whether it is one of ours."""
        offer = self._offers.pop(number, None)
        if offer is not None:
            self.counts["rejected"] += 1
            self._inbox.append(lambda window: window.reject(offer.key))
        return offer is not None

    def edited(self, uri: str) -> None:
        """Withdraw what is being computed for a document that has changed."""
        for pending in self._running:
            if pending.uri == uri:
                pending.stop()

    def closed(self, uri: str) -> None:
        """Forget a document that was closed."""
        self._newest.pop(uri, None)
        self.edited(uri)
        self._inbox.append(lambda window: window.forget(uri))

    def close(self) -> None:
        """End the thread."""
        self._stop()
        self._reading.close()
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _stop(self) -> None:
        """Tell whatever is being computed to give way."""
        for pending in self._running:
            pending.stop()

    def _is_current(self, document: Document, request: EditRequest) -> bool:
        """Return whether a request is for the text that the editor has now."""
        if request.uri not in self._documents or self._documents.get(request.uri) is not document:
            return False
        return document.version == request.version and str(document.text) == request.text

    async def _compute(
        self, request: EditRequest, pending: PendingEdits, explanation: EditExplanation | None = None
    ) -> NextEditsAnswer:
        if self._is_snoozed():
            from infill_completion.edits.proposal import NextEditsAnswer, Silence

            return NextEditsAnswer(silence=Silence.SNOOZED)
        settings, roots = self._settings(), self._documents.roots()
        # Making their texts takes time here, and nothing else reads them.
        from infill_completion.edits.imports.families import languages_read_with

        languages = languages_read_with(request.language_id)
        others = self._documents.others(request.uri, languages) if languages else []
        if languages:
            self._reading.start(request.language_id)
        for changed in self._documents.changed():
            broken, changes, uri = changed.changes.is_broken, changed.changes.take(), changed.uri
            self._inbox.append(
                lambda window, uri=uri, changes=changes, broken=broken: window.follow(  # type: ignore[misc]
                    uri, changes, is_broken=broken, settings=settings, roots=roots
                )
            )

        def is_stopped() -> bool:
            return pending.is_stopped

        self._running.add(pending)
        try:
            answer = await self._run(
                lambda window: window.propose(request, others, settings, roots, is_stopped, explanation)
            )
            if answer.proposals or pending.is_stopped:
                return answer
            from infill_completion.edits.model_turn import ModelTurn

            turn = ModelTurn(*self._engine(), settings, roots, self._run, is_stopped, lambda: self._others(request.uri))
            return await pending.wait(turn.take(request, answer, explanation), answer)
        except asyncio.CancelledError:
            pending.stop()
            raise
        finally:
            self._running.discard(pending)

    def _others(self, uri: str) -> dict[str, str]:
        return {other.uri: other.text for other in self._documents.others(uri)}

    async def _run(self, work: Callable[[EditWindow], T]) -> T:
        """Run work on the thread, with the history up to date."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="edits")
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._follow()))

    def _follow(self) -> EditWindow:
        """Bring the history up to date; on the thread."""
        if self._window is None:
            # With what is needed on the event loop later; other threads may be importing, too.
            import_in_turn("infill_completion.edits.model_turn")
            from infill_completion.edits.window import EditWindow

            self._window = EditWindow()
        while self._inbox:
            self._inbox.popleft()(self._window)
        return self._window

    def _offer(self, document: Document, request: EditRequest, answer: NextEditsAnswer) -> list[EditOffer]:
        from infill_completion.edits.proposal import lines_of
        from infill_completion.edits.rejections import key_of

        offers = []
        for proposal in answer.shown:
            self._number += 1
            place = types.Range(document.text.position(proposal.start), document.text.position(proposal.end))
            key = key_of(request.uri, *lines_of(request.text, proposal))
            offer = EditOffer(f"edit-{self._number}", document.uri, request.version, place, proposal.text, key)
            self._offers[offer.number] = offer
            offers.append(offer)
        self.counts["offered"] += len(offers)
        while len(self._offers) > _MAX_OFFERS:
            self._offers.popitem(last=False)
        return offers


def _request(document: Document, position: types.Position) -> EditRequest:
    from infill_completion.edits.proposal import EditRequest

    text, offset = str(document.text), document.text.offset(position)
    return EditRequest(document.uri, document.version, document.language_id, text, offset)
