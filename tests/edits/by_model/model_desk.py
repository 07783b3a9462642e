"""A window in which a user edits and a scripted model is asked for next edits, without a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from infill_completion.api import Chunk, CompletionRequest, EngineUnavailableError, FinishReason, Rewrite, Usage
from infill_completion.edits.explained import EditExplanation
from infill_completion.edits.model_turn import ModelTurn
from infill_completion.edits.proposal import EditRequest, NextEditsAnswer, Proposal
from infill_completion.edits.window import EditWindow
from infill_completion.settings import Settings
from tests.edits.marked import Buffer

T = TypeVar("T")
ROOT = Path("/w")


class ScriptedModel:
    """An engine whose model rewrites lines by a function.

    Attributes:
        edit_format: The format that it has.
        rewrites: What it was asked, in order.
    """

    def __init__(self, rewrite: Callable[[str], str], edit_format: str = "Sweep") -> None:
        self.edit_format, self.rewrites = edit_format, list[Rewrite]()
        self.requests: list[CompletionRequest] = []
        self.finish, self.error = FinishReason.STOP, ""
        self._rewrite = rewrite

    async def complete(self, request: CompletionRequest) -> AsyncIterator[Chunk]:
        assert request.rewrite is not None
        self.rewrites.append(request.rewrite)
        self.requests.append(request)
        if self.error:
            raise EngineUnavailableError(self.error)
        text = self._rewrite(request.rewrite.text)
        yield Chunk(text=text, token_count=3)
        yield Chunk(finish_reason=self.finish, usage=Usage(10, 0, 3), explain={"prompt": "PROMPT", "steps": 2})


class ModelDesk:
    """One document of a window, and the model."""

    def __init__(
        self,
        text: str,
        rewrite: Callable[[str], str],
        *,
        language_id: str = "python",
        uri: str = "file:///w/a.py",
        settings: Settings | None = None,
    ) -> None:
        self.window, self.settings = EditWindow(), settings or Settings()
        self.model = ScriptedModel(rewrite)
        self.buffer = Buffer(text, language_id, uri)
        self.documents = dict[str, str]()

    def change(self, old: str, new: str, *, count: int = 0) -> None:
        """Type over the occurrence number ``count`` of a text, key by key."""
        at = -1
        for _ in range(count + 1):
            at = self.buffer.text.index(old, at + 1)
        self.buffer.type_over(at, old, new)

    async def ask(self, offset: int | None = None, explanation: EditExplanation | None = None) -> NextEditsAnswer:
        """Return the next edits at the cursor."""
        buffer = self.buffer
        changes = buffer.log.take()
        self.window.follow(buffer.uri, changes, is_broken=False, settings=self.settings, roots=(ROOT,))
        at = buffer.offset if offset is None else offset
        request = EditRequest(buffer.uri, buffer.version, buffer.language_id, buffer.text, at)

        def run(work: Callable[[EditWindow], T]) -> Awaitable[T]:
            async def done() -> T:
                return work(self.window)

            return done()

        answer = self.window.propose(request, (), self.settings, (ROOT,), lambda: False, explanation)
        turn = ModelTurn(self.model, "scripted", self.settings, (ROOT,), run, lambda: False, lambda: self.documents)
        return await turn.take(request, answer, explanation)

    async def edits(self, offset: int | None = None) -> list[tuple[str, str]]:
        """Return all proposals, each as the text before and after."""
        return [self.pair(proposal) for proposal in (await self.ask(offset)).proposals]

    def pair(self, proposal: Proposal) -> tuple[str, str]:
        return self.buffer.text[proposal.start : proposal.end], proposal.text
