"""An engine with scripted replies, on the socket and with the HTTP server of the real one.

Only the model is scripted: lock, socket, worker thread and HTTP are the product's own.  It binds the very socket that
the run directory gives for the settings, so a language server or a ``LocalEngine`` with the same settings and the same
``XDG_RUNTIME_DIR`` connects to it instead of starting an engine::

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with ScriptedEngine() as engine:                       # settings: EngineSettings()
        engine.says("return x")                            # the next reply, one token per character class
        gate = threading.Event()
        engine.says(Reply(["for ", gate, "i in range(3):"]))  # the second token waits for gate.set()
        ...                                                # send a request through the server
        request = engine.wait_for_request(1)               # the first request, with a deadline
        engine.wait_for_cancellation(request)

Without a script every reply is ``engine.default``.  ``hold_load`` keeps the model loading until the event is set;
``load_error`` makes the load fail with that sentence.  With ``edit_format`` it is a next-edit model.  ``updates`` are
the texts that were sent to be counted.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from infill_completion.api import Chunk, CompletionRequest, FinishReason, HeldTexts, TextUpdate, Usage
from infill_completion.client.connection_file import write_connection_file
from infill_completion.client.run_directory import engine_paths
from infill_completion.engine.errors import ModelError
from infill_completion.engine.http.server import EngineServer
from infill_completion.engine.ngram.text_store import TextStore
from infill_completion.engine.process.listener import connection_info, listening
from infill_completion.engine.process.lock import FileLock
from infill_completion.engine.progress import Progress
from infill_completion.engine.scheduler.activity import IdleLimits
from infill_completion.settings import EngineSettings

DEADLINE_S = 20.0


@dataclass(frozen=True)
class Reply:
    """The model's reply to one request: tokens in order; an event among them delays the tokens after it.

    With ``error``, the model raises it after the tokens.
    """

    tokens: Sequence[str | threading.Event]
    finish_reason: FinishReason = FinishReason.STOP
    logprob: float = -0.1
    error: Exception | None = None


Script = Callable[[CompletionRequest], Reply]


class _Connections(set[Any]):
    """The open connections of a server; says when one has ended."""

    def __init__(self, note: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        self._note = note

    def discard(self, connection: object) -> None:
        self._note(lambda: super(_Connections, self).discard(connection))


class ScriptedEngine:
    """A context manager that runs the engine of ``settings`` in this process."""

    def __init__(
        self,
        settings: EngineSettings | None = None,
        *,
        default: str | Reply | Script = "",
        hold_load: threading.Event | None = None,
        load_error: str | None = None,
        idle: IdleLimits | None = None,
        tcp: str | None = None,
        edit_format: str = "",
    ) -> None:
        self.settings = settings or EngineSettings()
        self.default = default
        self.requests: list[CompletionRequest] = []
        self.cancelled: list[CompletionRequest] = []
        self.tokens_said = 0
        self.updates: list[TextUpdate] = []
        self.loads = 0
        self.unloads = 0
        self._hold_load = hold_load
        self._load_error = load_error
        self._idle = idle or IdleLimits()
        self._tcp = tcp
        self.edit_format = edit_format
        self._replies: list[Reply] = []
        self._changed = threading.Condition()
        self._bound = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="scripted engine", daemon=True)

    def says(self, *replies: str | Reply) -> None:
        """Add to the script: each reply answers one request."""
        with self._changed:
            self._replies += [_reply(reply) for reply in replies]

    def wait_for_request(self, count: int = 1) -> CompletionRequest:
        """Return the request number ``count`` (from 1) that reached the model; fails at the deadline."""
        request = self.wait_for(lambda: self.requests[count - 1] if len(self.requests) >= count else None)
        assert isinstance(request, CompletionRequest)
        return request

    def wait_for_cancellation(self, request: CompletionRequest) -> None:
        """Return when the model has noticed the cancellation of ``request``; fails at the deadline."""
        self.wait_for(lambda: request in self.cancelled or None)

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """Return the result of ``condition`` once it is not None; it is checked at every event of the engine."""
        with self._changed:
            found = self._changed.wait_for(lambda: condition() is not None, DEADLINE_S)
            assert found, f"the condition was not met within {DEADLINE_S:g} s; requests: {len(self.requests)}"
            return condition()

    def __enter__(self) -> ScriptedEngine:
        self.paths = engine_paths(self.settings)
        self._lock = FileLock(self.paths.lock)
        assert self._lock.acquire(), "another engine runs with these settings and this XDG_RUNTIME_DIR"
        self._thread.start()
        assert self._bound.wait(DEADLINE_S)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the engine as a signal would; may be called again."""
        if self._hold_load is not None:
            self._hold_load.set()
        self._server.end()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()
        self._lock.release()

    def connections(self) -> list[object]:
        """Return the connections that are open now."""
        return list(self._server.server_state.connections)

    def wait_until_ended(self) -> None:
        """Return when the engine has ended by itself; fails at the deadline."""
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "the engine still runs"

    # The following methods run on the engine's threads.

    def _serve(self) -> None:
        with listening(self.paths, self._tcp) as listener:
            write_connection_file(self.paths, connection_info(self.settings, listener))
            self._server = EngineServer(self._load, model=self.settings.model, idle=self._idle, token=listener.token)
            self._server.server_state.connections = _Connections(self._note)
            self._server.worker.seen("the test")  # keeps it running after the last window has left
            self._bound.set()
            self._server.run_on(listener.socket)

    def _load(self, progress: Progress) -> _Model:
        progress(0.5, "Reading weights")
        if self._hold_load is not None:
            assert self._hold_load.wait(DEADLINE_S)
        if self._load_error is not None:
            raise ModelError(self._load_error)
        self.held = TextStore(lambda text: list(text.encode()), 256)
        self._note(lambda: setattr(self, "loads", self.loads + 1))
        return _Model(self)

    def update(self, update: TextUpdate) -> HeldTexts:
        """Record texts of a workspace, and hold them."""
        self._note(lambda: self.updates.append(update))
        return self.held.update(update)

    def _note(self, change: Callable[[], object]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    def _next_reply(self, request: CompletionRequest) -> Reply:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            if self._replies:
                return self._replies.pop(0)
        return self.default(request) if callable(self.default) else _reply(self.default)


class _Model:
    """The scripted model, with the interface of the real one."""

    name = "scripted"
    device = "cpu"
    concurrency = 1

    def __init__(self, engine: ScriptedEngine) -> None:
        self._engine = engine
        self.details: dict[str, Any] = {"context_tokens": 4096, "edit_format": engine.edit_format or None}
        self.texts = engine

    def settle(self) -> None:
        """Hold no memory."""

    def close(self) -> None:
        engine = self._engine
        engine._note(lambda: setattr(engine, "unloads", engine.unloads + 1))

    def steps(self, request: CompletionRequest, cancelled: Callable[[], bool]) -> Iterator[Chunk]:
        completion_tokens = 0
        for index in range(request.n):
            ended = False
            for chunk in self._choice(request, index, cancelled):
                completion_tokens += chunk.token_count
                ended = chunk.finish_reason is FinishReason.CANCELLED
                last = index == request.n - 1 and chunk.finish_reason is not None
                if ended or last:
                    usage = Usage(len(_tokens(request.prefix)), 0, completion_tokens)
                    explain = {"prefix": request.prefix} if request.explain else None
                    timings = {"prefill_ms": 0.0, "decode_ms": 0.0, "ttft_ms": 0.0, "tokens_per_s": 0.0}
                    yield Chunk(
                        index, chunk.text, chunk.finish_reason, chunk.logprob_sum, chunk.token_count,
                        usage, timings, explain,
                    )  # fmt: skip
                else:
                    yield chunk
            if ended:
                return

    def _choice(self, request: CompletionRequest, index: int, cancelled: Callable[[], bool]) -> Iterator[Chunk]:
        engine = self._engine
        reply = engine._next_reply(request)
        said = 0
        for token in reply.tokens:
            if isinstance(token, threading.Event):
                while not token.wait(0.005) and not cancelled():
                    pass
            if cancelled():
                engine._note(lambda: engine.cancelled.append(request))
                yield Chunk(index, finish_reason=FinishReason.CANCELLED)
                return
            if isinstance(token, str):
                if said == request.max_tokens:
                    yield Chunk(index, finish_reason=FinishReason.LENGTH)
                    return
                said += 1
                engine._note(lambda: setattr(engine, "tokens_said", engine.tokens_said + 1))
                yield Chunk(index, token, logprob_sum=reply.logprob, token_count=1)
        if reply.error is not None:
            raise reply.error
        yield Chunk(index, finish_reason=reply.finish_reason)


def _reply(reply: str | Reply) -> Reply:
    return reply if isinstance(reply, Reply) else Reply(_tokens(reply))


def _tokens(text: str) -> list[str]:
    """Split ``text`` into words, runs of spaces and single characters, like a tokenizer."""
    return re.findall(r"\w+|[^\S\n]+|\n|[^\w\s]", text)
