"""One stream of the engine, read until the suggestion is settled; several requests may wait for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from infill_completion.api import Chunk, CompletionRequest, Engine, EngineUnavailableError, Usage
from infill_completion.suggest.choice import Choice, ChoiceBuilder
from infill_completion.suggest.extent import Extent
from infill_completion.suggest.preamble import Preamble
from infill_completion.suggest.reuse.foresight import Foresight
from infill_completion.suggest.showing.judge import Begun

# An engine that ignores the deadline is abandoned this long after it.
DEADLINE_GRACE_MS = 500


class GenerationStream:
    """A request that the engine is working on.

    Attributes:
        request: What was sent.
        choices: The candidates, once ``task`` is done.
        usage: Token counts, if the engine has sent them.
        timings: The engine's own timings in milliseconds.
        explained: The engine's explanation of the prompt, if requested.
        expected: What the user has typed since; the stream ends as soon as it differs from that.
        has_diverged: Whether the stream ended for that reason.
        foresight: What the model may write instead of its first candidate, as far as the engine says so.
        given_up: Set when what the only candidate begins with cannot become worth showing; the stream goes on.
    """

    def __init__(
        self, engine: Engine, request: CompletionRequest, extent: Extent, preamble: Preamble | None = None,
        may_be_shown: Callable[[Begun], bool] | None = None,
    ) -> None:  # fmt: skip
        self.request = request
        self.choices: tuple[Choice, ...] = ()
        self.usage: Usage | None = None
        self.timings: dict[str, float] = {}
        self.explained: dict[str, Any] | None = None
        self.expected = ""
        self.has_diverged = False
        self.foresight = Foresight()
        self.given_up = asyncio.Event()
        self._may_be_shown = may_be_shown
        self._engine = engine
        self._builders = [ChoiceBuilder(extent, preamble, request.max_tokens) for _ in range(request.n)]
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read the stream; must be called in the running loop."""
        self._task = asyncio.create_task(self._read())

    @property
    def task(self) -> asyncio.Task[None]:
        """The reading task; its exception, if any, is an `EngineUnavailableError` or a defect of the engine."""
        assert self._task is not None
        return self._task

    @property
    def is_running(self) -> bool:
        """Whether the engine is still working on the request."""
        return self._task is not None and not self._task.done()

    @property
    def has_ended(self) -> bool:
        """Whether the stream was read to its end, so that the candidates are known."""
        return self._task is not None and self._task.done() and not self._task.cancelled() and not self.has_diverged

    def cancel(self) -> None:
        """Close the stream; the engine stops within a token."""
        if self._task is not None:
            self._task.cancel()

    def agrees_with(self, typed: str) -> bool:
        """Return whether a candidate may still become what the user has typed since."""
        return any(builder.agrees_with(typed) for builder in self._builders)

    async def _read(self) -> None:
        stream = self._engine.complete(self.request)
        limit = None if self.request.deadline_ms is None else (self.request.deadline_ms + DEADLINE_GRACE_MS) / 1000
        is_cut = True
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    async for chunk in stream:
                        self._add(chunk)
                        if self._is_enough() and not self._is_ended_by_engine(chunk):
                            break
                    is_cut = False
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
        self.choices = tuple(builder.build(is_cut=is_cut) for builder in self._builders)

    def _is_enough(self) -> bool:
        self.has_diverged = not self.agrees_with(self.expected)
        is_settled = all(builder.is_settled for builder in self._builders)
        # The explanation comes with the first chunk or, from some engines, with the last one.
        return self.has_diverged or (is_settled and (not self.request.explain or self.explained is not None))

    def _is_ended_by_engine(self, chunk: Chunk) -> bool:
        """Return whether a local engine's stream ends now anyway: read to its end, its connection can be used again."""
        return self.request.ends_with_line and chunk.finish_reason is not None and not self.has_diverged

    def _add(self, chunk: Chunk) -> None:
        self.usage = chunk.usage or self.usage
        self.explained = chunk.explain or self.explained
        self.timings.update(chunk.timings)
        if chunk.index == 0:
            self.foresight.add(chunk)
        if 0 <= chunk.index < len(self._builders):
            self._builders[chunk.index].add(chunk)
        if chunk.token_count and self._may_be_shown is not None and not self._may_be_shown(self._builders[0].begun):
            self.given_up.set()


async def explain_prompt(engine: Engine, request: CompletionRequest, extent: Extent) -> dict[str, Any] | None:
    """Return the engine's explanation of the prompt of ``request``; None if it sends none or is in trouble."""
    stream = GenerationStream(engine, replace(request, explain=True, n=1, max_tokens=1), extent)
    stream.start()
    try:
        await asyncio.wait({stream.task})
    finally:
        stream.cancel()
    if not stream.task.cancelled():
        stream.task.exception()  # Retrieved, because asyncio would log it otherwise.
    return stream.explained


def engine_error(error: BaseException) -> EngineUnavailableError:
    """Return any failure of an engine as the one error that callers handle."""
    if isinstance(error, EngineUnavailableError):
        return error
    return EngineUnavailableError(f"The engine broke off ({type(error).__name__}); run `infill-ls doctor`.")
