"""A scripted engine that waits for gates instead of time, and snapshots with a marked cursor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from infill_completion.api import (
    Chunk,
    CompletionRequest,
    EngineUnavailableError,
    FinishReason,
    HeldTexts,
    TextUpdate,
    Usage,
)
from infill_completion.document.snapshot import Answer, Snapshot, Trigger
from infill_completion.suggest.completer import Completer

Script = Callable[[CompletionRequest], str | list[str] | EngineUnavailableError]


@dataclass
class ScriptedEngine:
    """Streams a few characters per chunk; with ``gate`` set, chunks after the free ones wait.

    Attributes:
        script: Returns its answer: one text, or one for each candidate, or an error to raise.
        requests: All requests so far.
        closed: The requests whose stream was closed before its end.
        started: Set when a request comes in.
        gate: If set to an event, chunks after the first ``free_chunks`` wait for it.
        characters: Returns how likely each character is to come next; reported to requests that want to know.
        alternatives: What may stand instead of each piece, by the piece; reported to the same requests.
    """

    script: Script = lambda _: ""
    reason: FinishReason = FinishReason.STOP
    piece: int = 4
    logprob: float = 0.0
    characters: Callable[[CompletionRequest], dict[str, float]] = lambda _: {}
    alternatives: dict[str, dict[str, float]] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    free_chunks: int = 0
    requests: list[CompletionRequest] = field(default_factory=list)
    closed: list[CompletionRequest] = field(default_factory=list)
    ended: int = 0
    started: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def complete(self, request: CompletionRequest) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        self.started.set()
        said = self.script(request)
        if isinstance(said, EngineUnavailableError):
            raise said
        is_whole = False
        likely = self.characters(request) if request.next_characters else {}
        try:
            for index, whole in enumerate([said] if isinstance(said, str) else said[: request.n]):
                text = next((whole[: whole.index(stop)] for stop in request.stop if stop in whole), whole)
                for number, start in enumerate(range(0, len(text), self.piece)):
                    if self.gate is not None and number >= self.free_chunks:
                        await self.gate.wait()
                    piece = text[start : start + self.piece]
                    others = self.alternatives.get(piece, {}) if request.next_characters else {}
                    yield Chunk(
                        index, piece, logprob_sum=self.logprob, token_count=1, next_characters=likely,
                        alternatives=others,
                    )  # fmt: skip
                    await asyncio.sleep(0)
                usage, timings = Usage(10, 5, 3), {"ttft_ms": 1.0}
                yield Chunk(index, "", self.reason, usage=usage, timings=timings, next_characters=likely)
            is_whole = True
        finally:
            self.ended += 1
            if not is_whole:
                self.closed.append(request)
            self.stopped.set()


class LocalScriptedEngine(ScriptedEngine):
    """One that counts texts, as only the local engine does."""

    async def hold(self, update: TextUpdate) -> HeldTexts:
        return HeldTexts("store", len(update.texts), 0)


async def until(holds: Callable[[], bool], deadline_s: float = 5) -> None:
    """Let the loop run until ``holds``; fails after the deadline."""
    async with asyncio.timeout(deadline_s):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0)


def is_idle(completer: Completer) -> bool:
    """Return whether the engine has no work from ``completer``."""
    return not completer._inflight._requests and not completer._lookahead.is_waiting


def says(text: str | list[str]) -> Script:
    """Return a script that always gives the same answer."""
    return lambda _: text


def at(
    marked: str, language_id: str = "python", *, uri: str = "file:///a", version: int = 1, invoked: bool = False
) -> Snapshot:
    """Return a snapshot of ``marked`` with the cursor at its last ``|``."""
    before, _, after = marked.rpartition("|")
    trigger = Trigger.INVOKED if invoked else Trigger.AUTOMATIC
    return Snapshot(uri, version, language_id, before + after, len(before), trigger)


def accept(snapshot: Snapshot, answer: Answer) -> str:
    """Return the document after the first suggestion was accepted."""
    suggestion = answer.suggestions[0]
    return snapshot.text[: suggestion.start] + suggestion.text + snapshot.text[suggestion.end :]
