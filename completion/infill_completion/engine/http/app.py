"""The engine's routes: OpenAI's completions, models, health, metrics and shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from infill_completion.api import Chunk, EngineState, Health
from infill_completion.client.wire import CLIENT_HEADER
from infill_completion.engine.http.guard import TcpGuard
from infill_completion.engine.http.requests import BadRequestError, parse_request
from infill_completion.engine.http.responses import EVENT_END, Envelope, encode, error_body, health_body, models_body
from infill_completion.engine.http.texts import parse_update
from infill_completion.engine.scheduler.job import Job, RequestError
from infill_completion.engine.scheduler.worker import NotReadyError, Worker

_MAX_BODY_BYTES = 32 << 20
_RETRY_AFTER_S = "1"


def build_app(
    worker: Worker,
    *,
    shut_down: Callable[[], None],
    token: str | None = None,
    hosts: Sequence[str] = (),
) -> ASGIApp:
    """Return the ASGI application of a worker.

    Args:
        worker: Answers the requests.
        shut_down: Ends the process soon; called on ``POST /shutdown``, and on ``POST /leave`` by the last client.
        token: Required in every request on TCP; None on a Unix socket, which its directory protects.
        hosts: Host names that requests on TCP may use, besides addresses and ``localhost``.
    """
    routes = _Routes(worker, shut_down)
    app: ASGIApp = Starlette(
        routes=[
            Route("/v1/completions", routes.completions, methods=["POST"]),
            Route("/v1/texts", routes.texts, methods=["POST"]),
            Route("/v1/models", routes.models, methods=["GET"]),
            Route("/health", routes.health, methods=["GET"]),
            Route("/metrics", routes.metrics, methods=["GET"]),
            Route("/wake", routes.wake, methods=["POST"]),
            Route("/leave", routes.leave, methods=["POST"]),
            Route("/shutdown", routes.shutdown, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _http_error},
    )
    return app if token is None else TcpGuard(app, token, hosts)


class JSONResponse(Response):
    """A JSON body in ASCII."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Return the body."""
        return encode(content)


class _Routes:
    def __init__(self, worker: Worker, shut_down: Callable[[], None]) -> None:
        self._worker = worker
        self._shut_down = shut_down
        self._created = int(time.time())

    async def completions(self, request: Request) -> Response:
        try:
            parsed = parse_request(await _body(request))
        except BadRequestError as error:
            return _bad_request(error)
        except ClientDisconnect:
            return Response(status_code=400)
        try:
            job = self._worker.submit(parsed, _client(request))
        except NotReadyError as error:
            return _not_ready(error.health)
        envelope = Envelope(self._worker.model_name, parsed.logprobs is not None)
        return _JobResponse(job, envelope)

    async def texts(self, request: Request) -> Response:
        """Update the texts of a workspace, beside the model thread."""
        try:
            update = parse_update(await _body(request))
            held = await asyncio.to_thread(self._worker.hold, update)
        except BadRequestError as error:
            return _bad_request(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except NotReadyError as error:
            return _not_ready(error.health)
        return JSONResponse(asdict(held))

    async def models(self, _request: Request) -> Response:
        health = self._worker.health()
        if not health.model:
            return _not_ready(health)
        return JSONResponse(models_body(health, self._created))

    async def health(self, request: Request) -> Response:
        if client := _client(request):
            self._worker.seen(client)
        return JSONResponse(health_body(self._worker.health()))

    async def wake(self, _request: Request) -> Response:
        self._worker.wake()
        return JSONResponse(health_body(self._worker.health()))

    async def metrics(self, _request: Request) -> Response:
        health = self._worker.health()
        text = self._worker.metrics.text(health, health.details["waiting"])
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    async def leave(self, request: Request) -> Response:
        """Record that a client has left; an engine without clients ends at once to free its memory."""
        ends = self._worker.leave(_client(request))
        if ends:
            self._shut_down()
        return JSONResponse({"ends": ends})

    async def shutdown(self, _request: Request) -> Response:
        self._shut_down()
        return JSONResponse(health_body(self._worker.health()))


class _JobResponse(Response):
    """The answer of one job, streamed or whole; a client that disconnects cancels the job."""

    def __init__(self, job: Job, envelope: Envelope) -> None:
        super().__init__()
        self._job = job
        self._envelope = envelope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watch = asyncio.create_task(_cancel_when_gone(receive, self._job))
        try:
            if self._job.request.stream:
                await self._stream(scope, receive, send)
            else:
                await self._whole(scope, receive, send)
        finally:
            self._job.cancel()
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            chunks = [chunk async for chunk in self._job.chunks()]
        except RequestError as error:
            return await _failure(error)(scope, receive, send)
        body = self._envelope.whole(chunks)
        return await Response(body, media_type="application/json")(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        batches = self._job.batches()
        try:
            # The status is sent with the first chunk, so that an earlier failure is a plain error response.
            first = await anext(batches, None)
        except RequestError as error:
            return await _failure(error)(scope, receive, send)
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if first is not None:
            await _send_part(send, self._events(first))
            await self._rest(batches, send)
        await _send_part(send, EVENT_END)
        return await send({"type": "http.response.body", "body": b""})

    def _events(self, batch: list[Chunk]) -> bytes:
        return b"".join(self._envelope.event(chunk) for chunk in batch)

    async def _rest(self, batches: AsyncIterator[list[Chunk]], send: Send) -> None:
        try:
            async for batch in batches:
                await _send_part(send, self._events(batch))
        except RequestError as error:
            await _send_part(send, b"data: " + encode(error_body(str(error), "server_error")) + b"\n\n")


async def _send_part(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})


async def _cancel_when_gone(receive: Receive, job: Job) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    job.cancel()


def _client(request: Request) -> str:
    """Return the name of the client; empty for programs that do not send one."""
    return request.headers.get(CLIENT_HEADER, "")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MAX_BODY_BYTES:
            raise HTTPException(413, f"The body is longer than {_MAX_BODY_BYTES >> 20} MiB; send less context.")
    return bytes(body)


def _bad_request(error: BadRequestError) -> Response:
    return JSONResponse(error_body(str(error), "invalid_request_error", param=error.param), 400)


def _failure(error: RequestError) -> Response:
    return JSONResponse(error_body(str(error), "server_error"), 500)


def _not_ready(health: Health) -> Response:
    if health.state is EngineState.FAILED:
        message = health.reason
    else:
        percent = "" if health.progress is None else f" ({health.progress:.0%})"
        message = f"The model is loading{percent}; try again in a moment."
    body = {**error_body(message, "unavailable", code=health.state), "health": health_body(health)}
    return JSONResponse(body, 503, headers={"Retry-After": _RETRY_AFTER_S})


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = "invalid_request_error" if error.status_code < 500 else "server_error"
    return JSONResponse(error_body(error.detail, kind), error.status_code, headers=error.headers)
