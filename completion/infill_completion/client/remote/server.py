"""HTTP requests to a remote server, in its own protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.client.events import EventReader, LineReader
from infill_completion.client.http import ProtocolError
from infill_completion.client.remote.address import public_url
from infill_completion.client.remote.answer_reader import AnswerReader
from infill_completion.client.remote.dialects.registry import DIALECTS
from infill_completion.client.remote.errors import RemoteErrors
from infill_completion.client.remote.exchange import AnswerStream, Exchange
from infill_completion.client.remote.trouble import error_of
from infill_completion.settings import EngineSettings

_LISTING_S = 10.0
_OTHER_SHAPE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class RemoteServer:
    """Asks the server of ``engine.url`` in the protocol of ``engine.api``; one request, one HTTP exchange.

    Attributes:
        errors: Makes the errors of this server.
    """

    def __init__(self, settings: EngineSettings) -> None:
        assert settings.url is not None
        self._settings = settings
        self._dialect = DIALECTS[settings.api]()
        self.errors = RemoteErrors(public_url(settings.url), settings)
        self._exchange = Exchange(settings, self.errors)

    @property
    def has_all_choices(self) -> bool:
        """Whether one request returns all ``n`` choices."""
        return self._dialect.has_all_choices

    async def models(self) -> list[str]:
        """Return the names of the server's models; none if it has no list, but the settings name a model.

        Raises:
            EngineUnavailableError: The server does not answer, refuses us, or does not speak the protocol.
        """
        try:
            reply = await self._exchange.reply("GET", self._dialect.models_path, None, _LISTING_S)
        except TimeoutError as error:
            raise self.errors.unreachable(error) from error
        if reply.status in {404, 405} and self._settings.model != "auto":
            return []  # it may still complete
        if reply.status != 200:
            raise self.errors.refused(reply.status, reply.body, reply.retry_after_s)
        try:
            body = json.loads(reply.body)
            if (message := error_of(body)) is not None:
                raise self.errors.failed(message)
            return self._dialect.models(body)
        except _OTHER_SHAPE as error:
            raise self.errors.not_an_answer(reply.body) from error

    async def stream(
        self, request: CompletionRequest, model: str, index: int, until: float
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the chunks of choice ``index``, or of all choices; closing the iterator closes the connection.

        Args:
            request: What to complete.
            model: The server's name for the model.
            index: The choice.
            until: The deadline, on the event loop's clock.

        Raises:
            TimeoutError: The deadline passed.
            EngineUnavailableError: The server does not answer, refuses the request, or does not speak the protocol.
        """
        try:
            answer = await self._opened(request, model, index, until)
            try:
                reader = AnswerReader(self._dialect, self.errors, index)
                async with contextlib.aclosing(answer.events(until)) as events:
                    async for data in events:
                        for chunk in reader.chunks(data):
                            yield chunk
                for chunk in reader.finish(is_done=answer.is_done):
                    yield chunk
            finally:
                answer.end()
        except TimeoutError:
            raise
        except (OSError, EOFError) as error:
            raise self.errors.unreachable(error) from error
        except (ProtocolError, ValueError) as error:
            raise self.errors.wrong_protocol() from error

    async def aclose(self) -> None:
        """Close all connections."""
        await self._exchange.aclose()

    async def _opened(self, request: CompletionRequest, model: str, index: int, until: float) -> AnswerStream:
        """Return an answer with status 200."""
        while True:
            body = self._dialect.request(request, model, index)
            reader = LineReader() if self._dialect.is_line_based else EventReader()
            async with asyncio.timeout_at(until):
                answer = await self._exchange.begin(self._dialect.completion_path, body, reader)
            refusal = answer.refusal
            if refusal is None:
                return answer
            answer.end()
            if refusal.status not in {400, 422} or not self._dialect.simplify():
                raise self.errors.refused(refusal.status, refusal.body, refusal.retry_after_s)
