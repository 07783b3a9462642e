"""Answers requests for suggestions: from a snapshot of a document to an answer.

`Completer` holds what outlives a request. The path of a single request is in `keystroke`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from infill_completion.api import Engine, TextHolder
from infill_completion.context import Gatherer
from infill_completion.document.snapshot import Answer, Snapshot
from infill_completion.document.workspace import NoDocuments, OpenDocuments
from infill_completion.languages.syntax import DocumentTrees
from infill_completion.settings import EditSettings, EngineSettings, Settings
from infill_completion.suggest.ahead.lookahead import LookAhead, LookAheadMode
from infill_completion.suggest.ahead.spare_time import SpareTime
from infill_completion.suggest.debounce import Debounce
from infill_completion.suggest.explain import explain_answer, explain_skip
from infill_completion.suggest.explanation import Explanation
from infill_completion.suggest.growing.growth import Growth
from infill_completion.suggest.history import History
from infill_completion.suggest.inflight import InflightRequest, InflightRequests
from infill_completion.suggest.keystroke import Keystroke, Stages
from infill_completion.suggest.pending import PendingRequests
from infill_completion.suggest.policy import privacy_message, skip_reason
from infill_completion.suggest.request import RequestBuilder
from infill_completion.suggest.showing.judge import ShowJudge
from infill_completion.suggest.showing.show_model import ShowModel
from infill_completion.suggest.stream import explain_prompt
from infill_completion.suggest.trace import Trace


class Completer:
    """Turns snapshots into answers with the help of an engine.

    All methods are called on one event loop. Requests of different documents do not affect each other.

    Args:
        engine: The engine to ask.
        settings: The initial settings.
        documents: The editor's open documents.
        is_steady: Whether answers must not depend on the speed of the machine, at the cost of some that come later:
            there is no limit to the time for gathering context, every key waits for the parser, and the engine counts
            no texts of the workspace.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        documents: OpenDocuments | None = None,
        *,
        is_steady: bool = False,
    ) -> None:
        documents = documents or NoDocuments()
        self._engine = engine
        self._is_steady = is_steady
        self._settings = settings
        # What an engine has counted so far depends on the speed of the machine.
        holder = engine if isinstance(engine, TextHolder) and not is_steady else None
        self._gatherer = Gatherer((lambda: 0.0) if is_steady else time.monotonic, holder)
        self._trees = DocumentTrees(is_steady=is_steady)
        self._pending = PendingRequests()
        judge = _judge(ShowModel.shipped(), settings)
        self._requests = RequestBuilder(settings, documents, self._gatherer, is_engine_local=holder is not None)
        self._history = History(
            documents, settings.completion.least_confidence, judge, self._gatherer.knows, self._requests
        )
        self._inflight = InflightRequests(engine, self._record, is_steady=is_steady)
        # What a remote server computes may cost somebody money.
        self._debounce = Debounce(fixed_ms=settings.completion.debounce_ms, may_try=holder is not None)
        spare_time = None if holder is None else SpareTime()
        self._lookahead = LookAhead(self._history, self._requests, self._inflight, spare_time, is_steady=is_steady)
        self._lookahead.mode = LookAheadMode(settings.completion.ahead)
        self._growth = Growth(self._history, self._lookahead)
        self._stages = Stages(
            self._history, self._inflight, self._debounce, self._requests, self._lookahead, self._growth
        )

    def configure(self, settings: Settings) -> None:
        """Use other settings from now on; another engine needs another completer.

        Answers that they would change are forgotten, and requests that wait for such an answer are made again.
        """
        if _fingerprint(settings) != _fingerprint(self._settings):
            self.forget()
            self._pending.outdate()
        self._settings = settings
        self._history.min_confidence = settings.completion.least_confidence
        self.calibrate(self._history.judge.model)
        self._lookahead.mode = LookAheadMode(settings.completion.ahead)
        self._debounce.fixed_ms = settings.completion.debounce_ms
        self._requests.configure(settings)

    def calibrate(self, model: ShowModel) -> None:
        """Decide by ``model`` from now on whether a suggestion is worth showing."""
        self._history.judge = _judge(model, self._settings)

    def forget(self) -> None:
        """Forget all earlier answers, because the engine has another model now; running requests are made again."""
        self._history.clear()
        self._growth.stop()
        self._lookahead.clear()
        self._inflight.outdate()

    def accepted(self, uri: str, text: str) -> None:
        """Record that the user accepted a suggestion; what follows it is computed now, unless it is known already.

        The next request of the document skips the debounce, since a user who has just accepted a suggestion reads
        instead of typing.

        Args:
            uri: The document.
            text: The suggestion's text as it was shown.
        """
        self._debounce.skip_next(uri)
        self._lookahead.accepted(uri, text)

    def closed(self, uri: str) -> None:
        """Forget a document; its pending requests are answered as superseded."""
        self._pending.close(uri)
        self._growth.stop(uri)
        self._lookahead.forget(uri)
        self._inflight.stop(uri)
        self._history.forget(uri)
        self._gatherer.closed(uri)
        self._debounce.closed(uri)
        self._trees.forget(uri)

    async def followed(self) -> None:
        """Wait until the workspace of the last request is indexed; the answers before it found only files nearby."""
        await self._gatherer.followed()

    async def aclose(self) -> None:
        """Stop all work and wait until the engine's streams are closed."""
        for uri in self._pending.uris:
            self.closed(uri)
        self._growth.stop()
        await self._lookahead.aclose()
        self._trees.close()
        await self._inflight.aclose()
        await self._gatherer.aclose()

    async def complete(self, snapshot: Snapshot) -> Answer:
        """Answer one request.

        A failure of the engine is part of the answer, never an exception; ``details["message"]`` is then a sentence
        with the next step. ``details["steps"]`` lists the steps with their times, ``details["reuse"]`` names how
        an earlier answer was reused.

        Raises:
            asyncio.CancelledError: The caller's task was cancelled; the engine stops soon after, unless a request for
                the same place follows.
        """
        self._growth.visit(snapshot)
        while True:
            trace = Trace()
            rule = self._requests.ignore_rule(snapshot.uri)
            skip = skip_reason(snapshot, self._settings, rule)
            if skip is not None:
                return Answer(reason=skip, details={"message": privacy_message(rule)} if rule else {})
            view = self._requests.view(snapshot)
            self._gatherer.visited(view.uri, view.offset)
            self._history.visit(view)
            with self._pending.register(view, snapshot, trace) as pending:
                pending.view = await self._trees.parsed(view, snapshot)
                answer = await Keystroke(pending, self._stages).answer()
            if not pending.is_outdated:
                break
        for latency_ms in () if view.is_invoked else self._inflight.ended_since():
            trace.note("engine meanwhile", latency_ms=latency_ms)
        answer.details["steps"] = trace.steps
        return answer

    async def anticipate(self, snapshot: Snapshot) -> None:
        """Begin to compute the answer to a request that the editor is going to make.

        Editors wait for a pause in the typing before they ask; the engine need not.
        """
        rule = self._requests.ignore_rule(snapshot.uri)
        if self._is_steady or skip_reason(snapshot, self._settings, rule) is not None:
            return
        self._growth.visit(snapshot)
        view = self._requests.view(snapshot)
        with self._pending.register(view, snapshot, Trace()) as pending:
            pending.view = await self._trees.parsed(view, snapshot)
            await Keystroke(pending, self._stages).anticipate()

    async def grow(self, snapshot: Snapshot, on_longer: Callable[[], None]) -> None:
        """Let the suggestion at a place grow by whole lines, because the user pauses there.

        Args:
            snapshot: The document and its cursor.
            on_longer: Called whenever a request for that place would be answered with more than before.
        """
        rule = self._requests.ignore_rule(snapshot.uri)
        is_off = self._is_steady or self._settings.completion.multiline == "never"
        if is_off or skip_reason(snapshot, self._settings, rule) is not None:
            return
        view = await self._trees.parsed(self._requests.view(snapshot), snapshot)
        await self._growth.grow(snapshot, view, on_longer)

    async def explain(self, snapshot: Snapshot) -> Explanation:
        """Explain the answer that ``snapshot`` gets.

        If that answer and its request are remembered, the engine explains only the prompt. Otherwise it is asked again,
        but a remembered answer remains what the user gets.
        """
        trace = Trace()
        rule = self._requests.ignore_rule(snapshot.uri)
        skip = skip_reason(snapshot, self._settings, rule)
        view = self._requests.view(snapshot)
        if skip is None:
            view = await self._trees.parsed(view, snapshot)
        extent = self._requests.extent(view)
        recalled = self._history.recall(view) if skip is None else None
        skip = skip or self._requests.refusal(view, None if recalled is None else recalled.how)
        if skip is not None:
            return explain_skip(snapshot, extent, trace, skip, rule)
        trace.note("memory", how=None if recalled is None else recalled.how.value)
        request = self._history.request_behind(recalled)
        if request is not None and not self._requests.is_private(request.prepared):
            trace.note("asked", **request.prepared.summary())
            stream = request.stream
            stream.explained = await explain_prompt(self._engine, stream.request, request.prepared.extent)
        else:
            with self._pending.register(view, snapshot, trace) as pending:
                request = await Keystroke(pending, self._stages).explain(extent)
        trace.note("engine", latency_ms=request.latency_ms)
        return explain_answer(snapshot, view, extent, trace, request, recalled, self._history)

    def _record(self, request: InflightRequest) -> None:
        """Record the latency and the content of an answer from the engine.

        An answer is dropped if anything it was made from has become private; requests that wait for it ask again.
        """
        if request.latency_ms is not None:
            self._debounce.answered(request.latency_ms, request.prepared.view)
        if not self._requests.is_private(request.prepared):
            self._history.record(request)


def _judge(model: ShowModel, settings: Settings) -> ShowJudge:
    completion = settings.completion
    return ShowJudge(model, completion.wrong_cost_characters, completion.least_likelihood)


def _fingerprint(settings: Settings) -> Settings:
    """Return the settings without those of the engine and those that decide when or where an answer is shown."""
    completion = replace(
        settings.completion, debounce_ms=0, enabled=True, ahead="auto", in_comments=True, in_strings=True
    )
    privacy = replace(settings.privacy, statistics=True)
    return replace(settings, completion=completion, privacy=privacy, edits=EditSettings(), engine=EngineSettings())
