"""Servers that behave like the products users run, on loopback: one small class each, with its documented answers.

A product is asked over real HTTP.  What it does not know it answers as the real one does, and it counts what a user of
it would complain about: aborted loads, requests at the same time, refusals.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

ANSWER = "a + b"
Body = dict[str, Any]


@dataclass
class Response:
    """A status and a body; a list of bodies is streamed as events, or as lines."""

    status: int = 200
    body: Any = None
    events: list[Any] | None = None
    as_lines: bool = False

    def encoded(self) -> bytes:
        if self.events is None:
            return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        if self.as_lines:
            return b"".join(json.dumps(event).encode() + b"\n" for event in self.events)
        return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in self.events) + b"data: [DONE]\n\n"


@dataclass
class Product:
    """A server; ``asked`` has the method, the path and the body of each request."""

    asked: list[tuple[str, str, Body]] = field(default_factory=list)
    url: str = ""
    at_once: int = 0
    most_at_once: int = 0

    async def answer(self, method: str, path: str, body: Body, query: dict[str, str]) -> Response:
        raise NotImplementedError

    def posts(self, path: str = "") -> list[Body]:
        return [body for method, asked, body in self.asked if method == "POST" and asked.endswith(path)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self.url

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, target, _ = line.decode().split()
                length = 0
                while header := (await reader.readline()).decode().strip():
                    name, _, value = header.partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                body = json.loads(await reader.readexactly(length)) if length else {}
                parts = urlsplit(target)
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                self.asked.append((method, parts.path, body))
                response = await self._answered(reader, method, parts.path, body, query)
                if response is None:
                    return
                data = response.encoded()
                kind = b"text/event-stream" if response.events and not response.as_lines else b"application/json"
                head = f"HTTP/1.1 {response.status} X\r\nContent-Length: {len(data)}\r\nContent-Type: ".encode()
                writer.write(head + kind + b"\r\n\r\n" + data)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answered(
        self, reader: asyncio.StreamReader, method: str, path: str, body: Body, query: dict[str, str]
    ) -> Response | None:
        """Return the answer; None if the client leaves before it has begun."""
        working = asyncio.ensure_future(self.answer(method, path, body, query))
        left = asyncio.ensure_future(reader.read(1))
        if method == "POST":
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.wait([working, left], return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
                return None
            return working.result()
        finally:
            left.cancel()
            await asyncio.gather(left, return_exceptions=True)
            if method == "POST":
                self.at_once -= 1


def text_event(text: str, reason: str | None = "stop", index: int = 0) -> Body:
    return {"choices": [{"index": index, "text": text, "finish_reason": reason, "logprobs": None}]}


def tokens_of(text: str) -> int:
    return math.ceil(len(text) / 3)


@dataclass
class OpenAIServer(Product):
    """Any server with OpenAI's completions; the parameters are its limits.

    ``refuses`` maps a field to the status and the body with which a request that has it is refused.
    """

    models: Any = field(default_factory=lambda: [{"id": "Qwen/Qwen2.5-Coder-7B", "owned_by": "someone"}])
    listing_status: int = 200
    refuses: dict[str, tuple[int, Any]] = field(default_factory=dict)
    window: int = 1 << 30
    too_long: str = ""
    ignores_n: bool = False
    other_paths: dict[str, Response] = field(default_factory=dict)

    async def answer(self, method: str, path: str, body: Body, query: dict[str, str]) -> Response:
        if path in self.other_paths:
            return self.other_paths[path]
        if path == "/v1/models":
            listed = {"object": "list", "data": self.models} if self.listing_status == 200 else {"error": "no"}
            return Response(self.listing_status, listed if isinstance(self.models, list) else self.models)
        if path != "/v1/completions":
            return Response(404, {"detail": "Not Found"})
        return self.complete(body)

    def complete(self, body: Body) -> Response:
        for name, (status, refusal) in self.refuses.items():
            if self.is_refused(name, body):
                return Response(status, refusal)
        size = tokens_of(body["prompt"]) + body.get("max_tokens", 16)
        if size > self.window:
            message = self.too_long.format(window=self.window, total=size, prompt=size - body.get("max_tokens", 16))
            return Response(400, {"error": {"message": message, "type": "BadRequestError", "param": None, "code": 400}})
        choices = range(1 if self.ignores_n else body.get("n", 1))
        return Response(events=[text_event(ANSWER, index=index) for index in choices])

    def is_refused(self, name: str, body: Body) -> bool:
        match name:
            case "n":
                return bool(body.get("n", 1) > 1)
            case "stop>4":
                return len(body.get("stop", [])) > 4
            case "max_tokens>64":
                return bool(body.get("max_tokens", 0) > 64)
        return name in body


@dataclass
class LazyServer(OpenAIServer):
    """llama-swap, or LM Studio with just-in-time loading: a request loads the model, and hanging up aborts the load."""

    may_load: asyncio.Event = field(default_factory=asyncio.Event)
    load_error: tuple[int, Any] | None = None
    is_loaded: bool = False
    loads: int = 0
    aborted: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, method: str, path: str, body: Body, query: dict[str, str]) -> Response:
        if path == "/v1/completions" and not self.is_loaded:
            self.loads += 1
            self.begun.set()
            try:
                await self.may_load.wait()
            except asyncio.CancelledError:
                self.aborted += 1
                raise
            if self.load_error is not None:
                return Response(*self.load_error)
            self.is_loaded = True
        return await super().answer(method, path, body, query)


@dataclass
class OllamaServer(Product):
    """Ollama: loads with the first request for a model or for another ``num_ctx``, aborts when it leaves."""

    models: tuple[str, ...] = ("qwen2.5-coder:1.5b-base",)
    show: Body = field(
        default_factory=lambda: {"details": {"family": "qwen2"}, "capabilities": ["completion", "insert"]}
    )
    infills: bool = True
    may_load: asyncio.Event = field(default_factory=asyncio.Event)
    load_error: tuple[int, Any] | None = None
    loaded_num_ctx: int | None = None
    loads: int = 0
    aborted: int = 0
    truncated: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, method: str, path: str, body: Body, query: dict[str, str]) -> Response:
        match path:
            case "/api/tags":
                return Response(body={"models": [{"name": name, "model": name} for name in self.models]})
            case "/api/show":
                return Response(body=self.show)
            case "/api/generate":
                return await self.generate(body)
        return Response(404, b"404 page not found")

    async def generate(self, body: Body) -> Response:
        if body["model"] not in self.models:
            return Response(404, {"error": f"model '{body['model']}' not found"})
        num_ctx = body.get("options", {}).get("num_ctx", 2048)
        if self.loaded_num_ctx != num_ctx:
            failure = await self.load(num_ctx)
            if failure is not None:
                return failure
        if not body.get("prompt"):
            return Response(body={"response": "", "done": True, "done_reason": "load"})
        if body.get("suffix") and not self.infills:
            return Response(400, {"error": f"registry.ollama.ai/library/{body['model']} does not support insert"})
        if tokens_of(body["prompt"] + body.get("suffix", "")) + body["options"].get("num_predict", 0) > num_ctx:
            self.truncated += 1
        end = {"response": "", "done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 3}
        return Response(events=[{"response": ANSWER, "done": False}, end], as_lines=True)

    async def load(self, num_ctx: int) -> Response | None:
        self.loads += 1
        self.begun.set()
        try:
            await self.may_load.wait()
        except asyncio.CancelledError:
            self.aborted += 1
            raise
        if self.load_error is not None:
            return Response(*self.load_error)
        self.loaded_num_ctx = num_ctx
        return None


@dataclass
class LlamaCppServer(Product):
    """The llama.cpp server; with ``router``, it serves several models and needs each request to name one."""

    names: tuple[str, ...] = ("gpt-3.5-turbo",)
    n_ctx: int = 4096
    model_path: str = "/models/qwen2.5-coder-1.5b-q8_0.gguf"
    router: bool = False
    infills: bool = True
    is_loading: bool = False
    loaded: str | None = None
    tells_numbers: bool = True
    no_infill: str = "This model does not support infill: prefix token is missing"

    async def answer(self, method: str, path: str, body: Body, query: dict[str, str]) -> Response:
        if self.is_loading:
            return self.error(503, "Loading model", "unavailable_error")
        if path == "/v1/models":
            states = ("loaded" if name == self.loaded else "unloaded" for name in self.names)
            listed = [
                {"id": name, "owned_by": "llamacpp", **({"status": {"value": state}} if self.router else {})}
                for name, state in zip(self.names, states, strict=True)
            ]
            return Response(body={"object": "list", "data": listed})
        name = query.get("model") if method == "GET" else body.get("model")
        if self.router and (fault := self.unroutable(method, name)):
            return self.error(400, fault, "invalid_request_error")
        self.loaded = name
        return self.one_model(path, body)

    def unroutable(self, method: str, name: str | None) -> str:
        if not name:
            return "model name is missing from the request"
        if name not in self.names:
            return f"model '{name}' not found"
        return "model is not loaded" if method == "GET" and self.loaded != name else ""

    def one_model(self, path: str, body: Body) -> Response:
        match path:
            case "/props":
                props = {"default_generation_settings": {"n_ctx": self.n_ctx}, "model_path": self.model_path}
                return Response(body={**props, "total_slots": 1})
            case "/infill" if not self.infills:
                return self.error(501, self.no_infill, "not_supported")
            case "/infill":
                extra = "".join(item["text"] for item in body.get("input_extra", ()))
                return self.complete(body, extra + body["input_prefix"] + body["prompt"] + body["input_suffix"])
            case "/completion":
                return self.complete(body, body["prompt"])
        return self.error(404, "File Not Found", "not_found_error")

    def complete(self, body: Body, text: str) -> Response:
        if tokens_of(text) > self.n_ctx:
            message = "the request exceeds the available context size, try increasing it"
            more = {"n_prompt_tokens": tokens_of(text), "n_ctx": self.n_ctx} if self.tells_numbers else {}
            return self.error(400, message, "exceed_context_size_error", more)
        return Response(events=[{"content": ANSWER, "stop": False}, {"content": "", "stop": True, "stop_type": "eos"}])

    @staticmethod
    def error(code: int, message: str, kind: str, more: Body | None = None) -> Response:
        return Response(code, {"error": {"code": code, "message": message, "type": kind, **(more or {})}})
