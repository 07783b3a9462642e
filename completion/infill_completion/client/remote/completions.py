"""Completions from one server, in the part of the protocol that it understands."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.client.events import EventReader, LineReader
from infill_completion.client.http import ProtocolError
from infill_completion.client.remote.answer_reader import AnswerReader
from infill_completion.client.remote.dialects.dialect import Body, Dialect
from infill_completion.client.remote.errors import RemoteErrors
from infill_completion.client.remote.exchange import AnswerStream, Exchange, Reply
from infill_completion.client.remote.limits.overlong import overlong
from infill_completion.client.remote.limits.refusal_text import refusal_text
from infill_completion.client.remote.limits.refused import RefusedFields
from infill_completion.client.remote.limits.stops import StopCutter
from infill_completion.client.remote.profile import ServerProfile
from infill_completion.client.remote.transport.failures import LostConnectionError
from infill_completion.client.remote.trouble import error_of

_MAX_REFUSALS = 12
_OK = 200
_NOT_FOUND = 404
_MAY_LEARN = frozenset({_OK, 400, 405, 409, 415, 422, 500, 501})

# Takes over a request that has brought nothing yet; returns whether it does. The flag: the deadline has passed.
OnSilence = Callable[["asyncio.Task[AnswerStream]", bool], bool]


class Completions:
    """Asks for completions; what the server refuses is left out or shortened, and it is asked again at once."""

    def __init__(self, dialect: Dialect, exchange: Exchange, errors: RemoteErrors, profile: ServerProfile) -> None:
        self._dialect = dialect
        self._exchange = exchange
        self._errors = errors
        self._profile = profile

    async def stream(
        self, request: CompletionRequest, index: int | None, until: float, on_silence: OnSilence
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the chunks of choice ``index``, or of all choices if it is None; closing the iterator hangs up.

        Args:
            request: What to complete; it is shortened to what the server takes.
            index: The choice.
            until: The deadline, on the event loop's clock.
            on_silence: Called with the request if it ends before the server has sent anything.

        Raises:
            TimeoutError: The deadline passed.
            EngineUnavailableError: The server does not answer, refuses the request, or does not speak the protocol.
        """
        try:
            answer, sent, cutter = await self._opened(request, index, until, on_silence)
            try:
                async with contextlib.aclosing(self._chunks(answer, index, until)) as chunks:
                    async for chunk in chunks:
                        if chunk.usage is not None:
                            self._profile.budget.answered(sent, chunk.usage)
                        kept = cutter.cut(chunk) if cutter else chunk
                        if kept is not None:
                            yield kept
            finally:
                answer.end()
        except TimeoutError:
            raise
        except (OSError, EOFError) as error:
            self._profile.is_known = False  # another server may be there now
            raise self._errors.unreachable(error) from error
        except (ProtocolError, ValueError) as error:
            raise self._errors.wrong_protocol() from error

    async def _opened(
        self, request: CompletionRequest, index: int | None, until: float, on_silence: OnSilence
    ) -> tuple[AnswerStream, CompletionRequest, StopCutter | None]:
        """Return an answer that has begun, without a refusal, and the request as it was sent.

        What a server refuses is left out or shortened, and it is asked again at once.
        """
        # A survey may replace these meanwhile; what this server refuses says nothing about another one.
        profile, target, refused, refusals = self._profile, self._profile.target, self._profile.refused, 0
        lessons = refused.lessons()
        while True:
            fitting = profile.budget.fitted(request)
            whole = self._dialect.request(fitting, target, index or 0)
            body = refused.without(whole)
            path = self._dialect.completion_path(target, is_rewrite=request.rewrite is not None)
            answer = await self._begun(path, body, until, on_silence)
            refusal = _refusal(answer)
            if refusal is None:
                refused.accepted()
                return answer, fitting, _cutter(whole, body)
            refusals += 1
            may_succeed = refusals <= _MAX_REFUSALS and self._learn(refusal, fitting, body, refused)
            if not may_succeed:
                refused.unlearn(lessons)
            if refusal.status == _OK and not may_succeed:
                return answer, fitting, None  # whoever reads it meets the error
            answer.end()
            if not may_succeed:
                raise profile.error(refusal)

    async def _begun(self, path: str, body: Body, until: float, on_silence: OnSilence) -> AnswerStream:
        if until <= _now():
            raise TimeoutError
        reader = LineReader() if self._dialect.is_line_based else EventReader()
        asking = asyncio.create_task(self._exchange.begin(path, body, reader))
        is_late = False
        try:
            await asyncio.wait({asking}, timeout=max(0.0, until - _now()))
            if asking.done():
                return asking.result()
            is_late = True
            raise TimeoutError
        finally:
            if not asking.done() and not on_silence(asking, is_late):
                asking.add_done_callback(_end)
                asking.cancel()

    def _learn(self, refusal: Reply, sent: CompletionRequest, body: Body, refused: RefusedFields) -> bool:
        """Learn from a refusal, and return whether to ask again."""
        long = overlong(refusal.status, refusal.body)
        if long is not None:
            return self._shorten(sent, long.window_tokens, long.prompt_tokens)
        said = refusal_text(refusal.body)
        if refusal.status == _NOT_FOUND:
            return self._dialect.fall_back(refusal.status, said)
        if refusal.status not in _MAY_LEARN:
            return False
        return self._dialect.fall_back(refusal.status, said) or refused.learn(refusal.status, refusal.body, body)

    def _shorten(self, sent: CompletionRequest, window_tokens: int | None, prompt_tokens: int | None) -> bool:
        self._profile.budget.refused(sent, window_tokens, prompt_tokens)
        after = self._profile.budget.fitted(sent)
        return (after.prefix, after.suffix, after.max_tokens) != (sent.prefix, sent.suffix, sent.max_tokens)

    async def _chunks(self, answer: AnswerStream, index: int | None, until: float) -> AsyncGenerator[Chunk, None]:
        reader, is_lost = AnswerReader(self._dialect, self._errors, index or 0), False
        async with contextlib.aclosing(answer.events(until)) as events:
            try:
                async for data in events:
                    for chunk in reader.chunks(data):
                        yield chunk if index is None else replace(chunk, index=index)
            except LostConnectionError:
                if not reader.has_text:
                    raise
                is_lost, self._profile.is_known = True, False  # another server may be there now
        for chunk in reader.finish(is_done=answer.is_done and not is_lost):
            yield chunk if index is None else replace(chunk, index=index)


def _refusal(answer: AnswerStream) -> Reply | None:
    """Return the refusal in an answer, which may have status 200."""
    if answer.refusal is not None:
        return answer.refusal
    first = answer.first[0] if answer.first else b""
    try:
        return Reply(_OK, first) if error_of(json.loads(first)) else None
    except (ValueError, RecursionError):
        return None


def _cutter(whole: Body, sent: Body) -> StopCutter | None:
    return None if whole.get("stop") == sent.get("stop") else StopCutter(whole["stop"])


def _end(asking: asyncio.Task[AnswerStream]) -> None:
    """End an answer that began just as its request was cancelled."""
    if not asking.cancelled() and asking.exception() is None:
        asking.result().end()


def _now() -> float:
    return asyncio.get_running_loop().time()
