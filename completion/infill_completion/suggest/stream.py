"""One stream of the engine, read until the suggestion is settled; several requests may wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

from infill_completion.api import Chunk, CompletionRequest, Engine, EngineUnavailableError, FinishReason, Usage
from infill_completion.suggest.extent import Plan
from infill_completion.suggest.filters.repetition import MOST_LOOP_LINES, loop_in

# An engine that overlooks the deadline is given up after this much more.
DEADLINE_GRACE_MS = 500

# Besides line ends, a text is looked at behind every so many characters, which is about once a token.
_LOOK_EVERY = 4
_CIRCLE_SIGHT = 400
_CIRCLE = re.compile(r"(.{2,32}?)\1{9,}\Z", re.DOTALL)


@dataclass(frozen=True)
class Choice:
    """What the model wrote for one candidate.

    Attributes:
        raw: What it wrote until that was enough.
        text: The part that the plan takes, LF line ends.
        finish_reason: Why it ended; STOP also where we had enough.
        confidence: The mean probability of a token (geometric mean), 0 to 1; None where the engine gives none.
    """

    raw: str
    text: str
    finish_reason: FinishReason
    confidence: float | None


@dataclass
class _Growing:
    text: str = ""
    reason: FinishReason | None = None
    is_settled: bool = False
    seen: int = 0
    enough: str | None = None
    is_circling: bool = False
    logprob_sum: float = 0.0
    tokens: int = 0


@dataclass
class Generation:
    """A running request to the engine.

    Attributes:
        request: What was asked.
        plan: How much of the answer is wanted.
        choices: The candidates once ``task`` is done.
        usage: Token counts, if the engine came to tell them.
        timings: The engine's own, in milliseconds.
        explained: The engine's explanation, if asked for.
        expected: What has been typed since; the stream ends once it says something else.
        is_off: Whether it did.
    """

    engine: Engine
    request: CompletionRequest
    plan: Plan
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    timings: dict[str, float] = field(default_factory=dict)
    explained: dict[str, Any] | None = None
    expected: str = ""
    is_off: bool = False
    _is_cut: bool = False
    _growing: list[_Growing] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read the stream; must be called in the running loop."""
        self._growing = [_Growing() for _ in range(self.request.n)]
        self._task = asyncio.create_task(self._run())

    @property
    def task(self) -> asyncio.Task[None]:
        """The reading task; its exception, if any, is an `EngineUnavailableError` or a defect of the engine."""
        assert self._task is not None
        return self._task

    @property
    def is_running(self) -> bool:
        """Whether the engine is still at work for it."""
        return self._task is not None and not self._task.done()

    def cancel(self) -> None:
        """Close the stream; the engine stops within a token."""
        if self._task is not None:
            self._task.cancel()

    def agrees_with(self, typed: str) -> bool:
        """Tell whether what was typed since fits what has been written so far, as far as that goes."""
        return any(growing.text.startswith(typed) or typed.startswith(growing.text) for growing in self._growing)

    async def _run(self) -> None:
        stream = self.engine.complete(self.request)
        limit = None if self.request.deadline_ms is None else (self.request.deadline_ms + DEADLINE_GRACE_MS) / 1000
        try:
            self._is_cut = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    async for chunk in stream:
                        self._take(chunk)
                        if self._is_enough():
                            break
                    self._is_cut = False
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
        self.choices = tuple(self._choice(growing) for growing in self._growing)

    def _is_enough(self) -> bool:
        self.is_off = not self.agrees_with(self.expected)
        is_settled = all(growing.is_settled for growing in self._growing)
        # An explanation comes with the engine's first chunk, or with the last one of those that do not hurry.
        return self.is_off or (is_settled and (not self.request.explain or self.explained is not None))

    def _take(self, chunk: Chunk) -> None:
        self.usage = chunk.usage or self.usage
        self.explained = chunk.explain or self.explained
        self.timings.update(chunk.timings)
        if not 0 <= chunk.index < len(self._growing):
            return
        growing = self._growing[chunk.index]
        growing.text += chunk.text
        if not growing.is_settled:  # What comes behind the suggestion says nothing about it.
            growing.logprob_sum += chunk.logprob_sum
            growing.tokens += chunk.token_count
        growing.reason = chunk.finish_reason or growing.reason
        if not growing.is_settled:
            self._look_at(growing)

    def _look_at(self, growing: _Growing) -> None:
        """Settle a candidate at the first place that tells.

        The places depend on the text alone. The engine's chunks end where the network had them end, and an answer must
        not depend on that.
        """
        for end in range(growing.seen + 1, len(growing.text) + 1):
            if growing.text[end - 1] != "\n" and end % _LOOK_EVERY:
                continue
            part = growing.text[:end]
            growing.is_circling = is_circling(part)
            growing.is_settled = growing.is_circling or self.plan.settled(part) is not None
            if growing.is_settled:
                growing.enough = part
                break
        growing.seen = len(growing.text)

    def _choice(self, growing: _Growing) -> Choice:
        if growing.is_circling:
            reason = FinishReason.LENGTH  # It would have gone on to the last token.
        elif growing.is_settled:
            reason = FinishReason.STOP
        else:
            # A server that sends fewer choices than were asked for, or an empty one, has no more to say.
            is_missing = not (self._is_cut or growing.text)
            reason = growing.reason or (FinishReason.STOP if is_missing else FinishReason.DEADLINE)
        raw = growing.text if growing.enough is None else growing.enough
        text = self.plan.finished(raw, is_whole=reason is FinishReason.STOP)
        confidence = math.exp(growing.logprob_sum / growing.tokens) if growing.tokens and growing.logprob_sum else None
        return Choice(raw, text, reason, confidence)


async def described(engine: Engine, request: CompletionRequest, plan: Plan) -> dict[str, Any] | None:
    """Return what the engine tells about the prompt of ``request``; None where it tells nothing or is in trouble."""
    generation = Generation(engine, replace(request, explain=True, n=1, max_tokens=1), plan)
    generation.start()
    try:
        await asyncio.wait({generation.task})
    finally:
        generation.cancel()
    if not generation.task.cancelled():
        generation.task.exception()  # looked at, or asyncio would log it
    return generation.explained


def is_circling(text: str) -> bool:
    """Tell whether ``text`` ends with the same few characters or lines over and over, as models do when they are lost.

    Blanks and rulers such as ``-----`` repeat in good code too.
    """
    if text.endswith("\n") and loop_in(text.split("\n")[-MOST_LOOP_LINES - 1 : -1]) is not None:
        return True
    match = _CIRCLE.search(text[-_CIRCLE_SIGHT:])
    return match is not None and len(set(match.group(1).strip())) > 1


def unavailable(error: BaseException) -> EngineUnavailableError:
    """Return any trouble of an engine as the one error that callers handle."""
    if isinstance(error, EngineUnavailableError):
        return error
    return EngineUnavailableError(f"The engine broke off ({type(error).__name__}); run `infill-ls doctor`.")
