"""The turn of a next-edit model, which comes after that of the rules: it is asked, and its answer becomes proposals."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from infill_completion.api import (
    Chunk,
    CompletionRequest,
    Engine,
    EngineUnavailableError,
    FinishReason,
    Rewriter,
)
from infill_completion.edits.by_model.question import ModelQuestion
from infill_completion.edits.explained import EditExplanation, ExplainedModel
from infill_completion.edits.proposal import EditRequest, NextEditsAnswer
from infill_completion.edits.window import EditWindow
from infill_completion.prompt.rewriting.formats import EditFormat, format_for
from infill_completion.prompt.rewriting.text import rewrite_text
from infill_completion.settings import Settings

T = TypeVar("T")
_NO_MODEL = "not asked: {model} is no next-edit model, as far as its name tells (settings engine.model, edits.format)"
_SET_TO_NONE = "not asked: the setting edits.format is none"
_NOT_YET = "not asked: the engine is not ready"
_NOTHING_TO_ASK = "not asked: new code is being written, or the lines at the cursor have marks of the format in them"
_RULED_OUT = "not asked: the reason below holds for any proposal"
_UNREADABLE = "its answer does not have the form that it was trained for"
_UNCHANGED = "it changes nothing"
_FINISHED = {
    FinishReason.DEADLINE: "it was not done in time (setting edits.deadline_ms)",
    FinishReason.LENGTH: "its answer is too long",
    FinishReason.CANCELLED: "it was withdrawn",
}


class WindowRunner(Protocol):
    """Runs work where the window's history of edits may be touched."""

    def __call__(self, work: Callable[[EditWindow], T]) -> Awaitable[T]:
        """Return what ``work`` returns."""
        ...


class NoEngine:
    """The engine that is not started for a model that is none for next edits."""

    edit_format = ""

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Refuse a request; see :class:`infill_completion.api.Engine`."""
        raise EngineUnavailableError("This engine was not started.")


@dataclass
class _Reply:
    text: str = ""
    finish: FinishReason | None = None
    tokens: int = 0
    error: str = ""
    explain: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelTurn:
    """What the turn of a model needs.

    Attributes:
        engine: The engine; None while there is none.
        model: The name of its model.
        settings: The user's settings.
        roots: The folders of the workspace.
        run: Runs work on the window.
        is_stopped: Whether to give up; asked often.
        documents: Returns the texts of all other open documents, by URI.
    """

    engine: Engine | None
    model: str
    settings: Settings
    roots: Sequence[Path]
    run: WindowRunner
    is_stopped: Callable[[], bool]
    documents: Callable[[], Mapping[str, str]] = dict

    @property
    def form(self) -> EditFormat | None:
        """The format in which the model is asked; None if it is not."""
        own = self.engine.edit_format if isinstance(self.engine, Rewriter) else ""
        return format_for(self.settings.edits.format, own) if self.engine is not None else None

    async def take(
        self, request: EditRequest, answer: NextEditsAnswer, explanation: EditExplanation | None = None
    ) -> NextEditsAnswer:
        """Return an answer with proposals of the model, if ``answer`` has none and it makes any.

        Args:
            request: The document.
            answer: What the rules say.
            explanation: Filled in with what the model was asked and answered.
        """
        if answer.proposals:
            return answer
        notes = ExplainedModel(self.model) if explanation is not None else None
        if explanation is not None:
            explanation.model = notes
        form, is_remote = self.form, self.settings.engine.url is not None
        if form is None or self.engine is None:
            _note(notes, self._absence())
            return answer
        if notes is not None:
            notes.form = form.family
        rest = await self.run(lambda window: window.rest(request, answer.silence))
        if rest:
            _note(notes, "not asked again: what it has changed besides the edit that was taken")
            return await self._judged(request, answer, rest, explanation)
        documents = self.documents()
        question = await self.run(
            lambda window: window.question(
                request, answer.silence, form, self.settings, self.roots, documents, as_text=is_remote
            )
        )  # fmt: skip
        if question is None:
            _note(notes, _NOTHING_TO_ASK if answer.silence in EditWindow.left_to_a_model else _RULED_OUT)
            return answer
        reply = await self._reply(self.engine, question, is_explained=notes is not None)
        if notes is not None:
            _describe(notes, question, reply, is_remote=is_remote)
        places = question.places(reply.text) if reply.finish is FinishReason.STOP and not reply.error else None
        if not places:
            _note(notes, _problem(reply, is_readable=places is not None))
            return answer
        _note(notes, f"it changes {len(places)} place{'s' if len(places) > 1 else ''}")
        return await self._judged(request, answer, places, explanation)

    def _absence(self) -> str:
        """Return why there is no model to ask."""
        if self.settings.edits.format == "none":
            return _SET_TO_NONE
        return _NOT_YET if self.engine is None else _NO_MODEL.format(model=self.model or "the model")

    async def _judged(
        self,
        request: EditRequest,
        answer: NextEditsAnswer,
        places: Sequence[tuple[int, int, str]],
        explanation: EditExplanation | None,
    ) -> NextEditsAnswer:
        proposals = await self.run(lambda window: window.judge(request, places, self.is_stopped, explanation))
        return NextEditsAnswer(proposals) if proposals else answer

    async def _reply(self, engine: Engine, question: ModelQuestion, *, is_explained: bool) -> _Reply:
        asked = question.completion(self.settings.edits.deadline_ms, is_explained=is_explained)
        reply = _Reply()
        try:
            async with contextlib.aclosing(_stream(engine, asked)) as chunks:
                async for chunk in chunks:
                    reply.text += chunk.text
                    reply.finish = chunk.finish_reason or reply.finish
                    reply.explain = chunk.explain or reply.explain
                    reply.tokens = chunk.usage.completion_tokens if chunk.usage else reply.tokens
        except EngineUnavailableError as error:
            reply.error = str(error)
        return reply


def _stream(engine: Engine, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
    return cast(AsyncGenerator[Chunk, None], engine.complete(request))


def _note(notes: ExplainedModel | None, verdict: str) -> None:
    if notes is not None:
        notes.verdict = verdict


def _describe(notes: ExplainedModel, question: ModelQuestion, reply: _Reply, *, is_remote: bool) -> None:
    notes.prompt = str(reply.explain.get("prompt") or "")
    if is_remote and not notes.prompt:
        notes.prompt = rewrite_text(question.form, question.rewrite).text
    notes.answer, notes.tokens = reply.text, reply.tokens
    steps = reply.explain.get("steps")
    notes.steps = steps if isinstance(steps, int) else None


def _problem(reply: _Reply, *, is_readable: bool) -> str:
    if reply.error:
        return reply.error
    if reply.finish is not FinishReason.STOP:
        return _FINISHED.get(reply.finish or FinishReason.CANCELLED, "")
    return _UNCHANGED if is_readable else _UNREADABLE
