"""The path of a keystroke: from a snapshot of a document to an answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from infill_completion.api import CompletionRequest, Engine, EngineState, EngineUnavailableError
from infill_completion.documents import Documents, NoDocuments
from infill_completion.filters import Place, apply
from infill_completion.generation import Choice, Generation, unavailable
from infill_completion.length import Plan, Shape, plan
from infill_completion.settings import Settings
from infill_completion.snapshot import Answer, SkipReason, Snapshot, Suggestion
from infill_completion.trace import Trace
from infill_completion.view import View
from infill_completion.window import budgets

# How much longer a user waits who asked.
INVOKED_PATIENCE = 3


@dataclass
class _Turn:
    """A request that waits for its answer; a newer one of the same document supersedes it."""

    view: View
    superseded: asyncio.Event = field(default_factory=asyncio.Event)


class Completer:
    """Turns snapshots into answers with an engine's help.

    All methods are called on one event loop. Requests of different documents do not disturb each other.
    """

    def __init__(self, engine: Engine, settings: Settings, documents: Documents | None = None) -> None:
        self._engine = engine
        self._settings = settings
        self._documents: Documents = documents or NoDocuments()
        self._turns: dict[str, _Turn] = {}

    def configure(self, settings: Settings) -> None:
        """Use other settings from the next request on."""
        self._settings = settings

    def accepted(self, uri: str, text: str) -> None:
        """Take note that the user took a suggestion.

        Args:
            uri: The document.
            text: The suggestion's text.
        """
        del uri, text

    def closed(self, uri: str) -> None:
        """Forget a document; a request that still waits for it is answered as superseded."""
        turn = self._turns.pop(uri, None)
        if turn is not None:
            turn.superseded.set()

    async def aclose(self) -> None:
        """Stop all work."""
        for uri in list(self._turns):
            self.closed(uri)

    async def complete(self, snapshot: Snapshot) -> Answer:
        """Answer one request.

        Trouble of the engine is part of the answer, never an exception; ``details["message"]`` then holds a sentence
        with the next step.

        Raises:
            asyncio.CancelledError: The caller's task was cancelled; the engine stops too.
        """
        trace = Trace()
        skip = self._skip(snapshot)
        if skip is not None:
            return Answer(reason=skip)
        view = self._view(snapshot)
        turn = self._take_turn(view)
        try:
            return await self._answer(view, turn, trace)
        finally:
            if self._turns.get(view.uri) is turn:
                del self._turns[view.uri]

    def _skip(self, snapshot: Snapshot) -> SkipReason | None:
        completion = self._settings.completion
        is_invoked = snapshot.trigger.value == "invoked"
        if not completion.enabled and not is_invoked:
            return SkipReason.SWITCHED_OFF
        if not completion.speaks(snapshot.language_id):
            return SkipReason.LANGUAGE_OFF
        if "\0" in snapshot.text[:8192]:
            return SkipReason.BINARY_FILE
        return None

    def _view(self, snapshot: Snapshot) -> View:
        settings = self._settings
        prefix, suffix, _ = budgets(
            settings.engine.context_tokens, settings.completion.max_tokens, settings.context.share
        )
        return View.of(snapshot, prefix, suffix)

    def _take_turn(self, view: View) -> _Turn:
        older = self._turns.get(view.uri)
        if older is not None:
            older.superseded.set()
        turn = self._turns[view.uri] = _Turn(view)
        return turn

    async def _answer(self, view: View, turn: _Turn, trace: Trace) -> Answer:
        extent = plan(
            view.window,
            view.language_id,
            multiline=self._settings.completion.multiline,
            is_invoked=view.is_invoked,
        )
        if extent.shape is Shape.MIDDLE and not view.is_invoked and _inside_word(view):
            return Answer(reason=SkipReason.MID_LINE)
        if not view.is_invoked and await _within(turn.superseded, self._settings.completion.debounce_ms or 0):
            return Answer(reason=SkipReason.SUPERSEDED, is_final=False)
        generation = Generation(self._engine, self._request(view, extent), extent)
        generation.start()
        gone = asyncio.ensure_future(turn.superseded.wait())
        try:
            await asyncio.wait({generation.task, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if generation.is_running:
                generation.cancel()
        if turn.superseded.is_set():
            return Answer(reason=SkipReason.SUPERSEDED, is_final=False)
        error = generation.task.exception()
        if error is not None:
            return _unavailable(unavailable(error))
        return self._judged(view, generation.choices)

    def _request(self, view: View, extent: Plan) -> CompletionRequest:
        completion = self._settings.completion
        return CompletionRequest(
            prefix=view.window.prefix,
            suffix=view.window.suffix,
            max_tokens=completion.max_tokens,
            temperature=completion.temperature,
            top_p=completion.top_p,
            n=completion.candidates if view.is_invoked else 1,
            seed=completion.seed,
            stop=extent.stop,
            deadline_ms=completion.deadline_ms * (INVOKED_PATIENCE if view.is_invoked else 1),
        )

    def _judged(self, view: View, choices: tuple[Choice, ...]) -> Answer:
        suggestions: dict[str, Suggestion] = {}
        reason = SkipReason.EMPTY
        for choice in choices:
            filtered = apply(choice.text, Place(view.window, view.language_id, choice.finish_reason))
            if filtered.text and filtered.text not in suggestions:
                suggestions[filtered.text] = view.suggestion(filtered.text, choice.confidence)
            elif choice.text.strip() and not filtered.text:
                reason = SkipReason.FILTERED
        if not suggestions:
            return Answer(reason=reason)
        return Answer(tuple(suggestions.values()))


def _inside_word(view: View) -> bool:
    before, rest = view.window.before[-1:], view.window.rest[:1]
    return (before.isalnum() or before == "_") and (rest.isalnum() or rest == "_")


def _unavailable(error: EngineUnavailableError) -> Answer:
    is_coming = error.state in {EngineState.LOADING, EngineState.STARTING}
    reason = SkipReason.ENGINE_LOADING if is_coming else SkipReason.ENGINE_FAILED
    return Answer(reason=reason, is_final=False, details={"message": str(error)})


async def _within(event: asyncio.Event, milliseconds: float) -> bool:
    """Wait for ``event`` at most so long and tell whether it came."""
    if milliseconds > 0:
        try:
            await asyncio.wait_for(event.wait(), milliseconds / 1000)
        except TimeoutError:
            return False
    return event.is_set()
