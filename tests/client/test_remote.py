"""Remote engines, each simulated by a small server on loopback that speaks its protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from infill_completion.api import (
    Chunk,
    CompletionRequest,
    ContextItem,
    EngineState,
    EngineUnavailableError,
    FinishReason,
)
from infill_completion.client.remote.dialects.registry import DIALECTS
from infill_completion.client.remote.engine import RemoteEngine
from infill_completion.document.snapshot import SkipReason
from infill_completion.settings import EngineSettings, Settings, documentation
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import at


@dataclass
class Server:
    """Answers each path with the parts of a body; an event delays the parts after it."""

    answers: dict[str, tuple[int, list[bytes | asyncio.Event]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    handlers: set[asyncio.Task[None]] = field(default_factory=set)
    url: str = ""
    before: bytes = b""
    headers: bytes = b""

    def answer(self, path: str, *parts: bytes | asyncio.Event | object, status: int = 200) -> None:
        encoded = [part if isinstance(part, bytes | asyncio.Event) else json.dumps(part).encode() for part in parts]
        self.answers[path] = (status, encoded)

    def events(self, path: str, *bodies: object) -> None:
        self.answer(path, *[b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n" for body in bodies])

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.create_task(self.handle(reader, writer))
        self.handlers.add(handler)
        handler.add_done_callback(self.handlers.discard)

    async def settled(self) -> None:
        """Return once all connections are closed."""
        async with asyncio.timeout(20):
            await asyncio.gather(*self.handlers)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.read(1)
            if first == b"\x16":  # a TLS handshake; a server without TLS answers it like any invalid request
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            method, path, _ = (first + await reader.readline()).decode().split()
            headers = {}
            while line := (await reader.readline()).decode().strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.asked.append((f"{method} {path}", headers, json.loads(body) if body else None))
            status, parts = self.answers.get(path, (404, [b"404 page not found"]))
            extra = self.headers if method == "POST" else b""
            writer.write(self.before + f"HTTP/1.1 {status} X\r\nConnection: close\r\n".encode() + extra + b"\r\n")
            for part in parts:
                if isinstance(part, asyncio.Event):
                    gone = asyncio.create_task(reader.read(1))
                    held = asyncio.create_task(part.wait())
                    await asyncio.wait([gone, held], return_when=asyncio.FIRST_COMPLETED)
                    held.cancel()
                    if gone.done():
                        self.left.set()
                        return
                else:
                    writer.write(part)
                    await writer.drain()
        except (ConnectionError, ValueError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    played = Server()
    listening = await asyncio.start_server(played.accept, "127.0.0.1", 0)
    played.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield played


@pytest.fixture
async def engine(server: Server) -> AsyncIterator[Callable[..., RemoteEngine]]:
    made: list[RemoteEngine] = []

    def make(api: str = "openai", **settings: Any) -> RemoteEngine:
        made.append(RemoteEngine(EngineSettings(**{"url": server.url, "api": api, **settings})))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


async def chunks_of(engine: RemoteEngine, request: CompletionRequest) -> list[Chunk]:
    return [chunk async for chunk in engine.complete(request)]


def text_of(chunks: list[Chunk], index: int = 0) -> str:
    return "".join(chunk.text for chunk in chunks if chunk.index == index)


ADD = CompletionRequest("def add(a, b):\n    return ", "\n", context=(ContextItem("m.py", "M = 1\n"),), n=1, seed=7)
CODELLAMA = {"object": "list", "data": [{"id": "codellama/CodeLlama-7b-hf", "owned_by": "vllm"}]}


def choice(text: str, index: int = 0, reason: str | None = None, **more: object) -> dict[str, Any]:
    return {"choices": [{"index": index, "text": text, "finish_reason": reason, "logprobs": None}], **more}


def test_every_choice_of_engine_api_has_a_dialect() -> None:
    [choices] = [row.choices for row in documentation() if row.key == "engine.api"]
    assert tuple(DIALECTS) == choices


class TestOpenAI:
    async def test_the_infill_prompt_is_sent_as_text(self, server: Server, engine: Callable[..., RemoteEngine]) -> None:
        server.answer("/v1/models", CODELLAMA)
        usage = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}
        server.events(
            "/v1/completions", choice("a"), choice(" +\u2028b", reason="stop"), {"choices": [], "usage": usage}
        )
        chunks = await chunks_of(engine(), ADD)
        assert text_of(chunks) == "a +\u2028b"
        assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == [FinishReason.STOP]
        assert chunks[-1].usage is not None
        assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.cached_tokens) == (9, 8)
        _, _, body = server.asked[-1]
        assert body["model"] == "codellama/CodeLlama-7b-hf"
        assert body["prompt"] == "<PRE> # m.py\nM = 1\n\ndef add(a, b):\n    return  <SUF>\n <MID>"
        assert body["stop"] == ["<EOT>"]
        assert body["seed"] == 7
        assert "suffix" not in body

    async def test_the_models_are_listed_once(self, server: Server, engine: Callable[..., RemoteEngine]) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.events("/v1/completions", choice("a", reason="stop"))
        asking = engine()
        await chunks_of(asking, ADD)
        await chunks_of(asking, ADD)
        assert [path for path, _, _ in server.asked].count("GET /v1/models") == 1

    async def test_a_url_may_end_with_the_version(self, server: Server, engine: Callable[..., RemoteEngine]) -> None:
        server.answer("/v1/models", CODELLAMA)
        assert (await engine(url=f"{server.url}/v1/").health()).model == "codellama/CodeLlama-7b-hf"

    async def test_several_choices_come_from_one_request(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.events("/v1/completions", choice("x", 0), choice("y", 1, "length"), choice("", 0, "stop"))
        chunks = await chunks_of(engine(), CompletionRequest("a", "b", n=2))
        assert (text_of(chunks, 0), text_of(chunks, 1)) == ("x", "y")
        assert server.asked[-1][2]["n"] == 2

    async def test_an_answer_may_come_without_streaming(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.answer("/v1/completions", json.dumps(choice("a + b", reason="stop"), indent=1).encode())
        server.before = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert text_of(await chunks_of(engine(), ADD)) == "a + b"

    async def test_a_null_error_in_an_event_is_ignored(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.events("/v1/completions", choice("a + b", reason="stop", error=None))
        assert text_of(await chunks_of(engine(), ADD)) == "a + b"

    async def test_a_path_may_contain_spaces_and_non_ascii_letters(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/%C3%BCn%20x/v1/models", CODELLAMA)
        assert (await engine(url=f"{server.url}/ün%20x").health()).state is EngineState.READY

    async def test_a_server_may_return_one_choice_instead_of_three(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.events("/v1/completions", choice("a + b", reason="stop"))
        answer = await Completer(engine(), Settings()).complete(at("x = |\n", invoked=True))
        assert [item.text for item in answer.suggestions] == ["a + b"]
        server.events("/v1/completions", choice("", reason="stop"))
        answer = await Completer(engine(), Settings()).complete(at("x = |\n", invoked=True))
        assert answer.reason is SkipReason.EMPTY

    async def test_a_strict_server_is_asked_again_without_the_fields_it_refuses(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.answer("/v1/completions", {"error": {"message": "Unrecognized request argument"}}, status=400)
        with pytest.raises(EngineUnavailableError, match="Unrecognized"):
            await chunks_of(engine(), CompletionRequest("a", "b", stop=("1", "2", "3", "4")))
        first, second = [body for path, _, body in server.asked if path.startswith("POST")]
        assert "stream_options" in first
        assert not {"stream_options", "skip_special_tokens"} & second.keys()
        assert second["stop"] == ["<EOT>", "1", "2", "3"]

    async def test_our_own_engine_gets_the_request_unchanged(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", {"data": [{"id": "infill-tiny", "owned_by": "infill-ls"}]})
        server.events("/v1/completions", choice("a", reason="stop"))
        await chunks_of(engine(), ADD)
        body = server.asked[-1][2]
        assert (body["prompt"], body["suffix"]) == (ADD.prefix, "\n")
        assert body["context"] == [{"path": "m.py", "text": "M = 1\n"}]

    async def test_closing_the_stream_closes_the_connection(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        first = b"data: " + json.dumps(choice("a")).encode() + b"\n\n"
        server.answer("/v1/completions", first, asyncio.Event(), b"never")
        stream = engine().complete(ADD)
        assert (await anext(stream)).text == "a"
        await stream.aclose()
        await asyncio.wait_for(server.left.wait(), 20)

    async def test_cancelling_at_any_moment_leaks_no_connection(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.events("/v1/completions", choice("a"), choice("b", reason="stop"))
        asking = engine()
        await chunks_of(asking, ADD)
        before = psutil.Process().num_fds()
        for moment in range(200):
            task = asyncio.create_task(chunks_of(asking, ADD))
            for _ in range(moment % 60):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert text_of(await chunks_of(asking, ADD)) == "ab"
        await asking.aclose()
        await server.settled()
        assert psutil.Process().num_fds() <= before + 2

    async def test_at_the_deadline_the_choices_end_and_the_connection_is_closed(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        first = b"data: " + json.dumps(choice("a")).encode() + b"\n\n"
        server.answer("/v1/completions", first, asyncio.Event(), b"never")
        asking = engine()
        await asking.health()
        chunks = await chunks_of(asking, CompletionRequest("a", "b", deadline_ms=300))
        assert chunks[-1].finish_reason is FinishReason.DEADLINE
        await asyncio.wait_for(server.left.wait(), 20)

    async def test_a_prompt_that_is_too_long_keeps_the_text_nearest_to_the_cursor(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.events("/v1/completions", choice("a", reason="stop"))
        lines = "".join(f"line {number}\n" for number in range(1000))
        await chunks_of(engine(context_tokens=100), CompletionRequest(lines + "last", "next\n" + lines))
        prompt = server.asked[-1][2]["prompt"]
        assert len(prompt) < 100 * 3 + 20
        assert "last <SUF>next\n" in prompt
        assert prompt.startswith("<PRE> line ")


class TestLlamaCpp:
    async def test_infill_gets_the_text_around_the_cursor_and_other_files(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        end = {
            "content": "", "stop": True, "stop_type": "limit", "tokens_predicted": 3, "tokens_evaluated": 20,
            "timings": {"prompt_ms": 5.0, "predicted_ms": 9.0, "predicted_per_second": 300.0, "cache_n": 12},
        }  # fmt: skip
        server.answer("/v1/models", {"data": [{"id": "gpt"}]})
        server.events("/infill", {"content": "a +", "stop": False}, {"content": " b", "stop": False}, end)
        chunks = await chunks_of(engine("llama.cpp"), ADD)
        assert text_of(chunks) == "a + b"
        assert chunks[-1].finish_reason is FinishReason.LENGTH
        assert chunks[-1].usage is not None
        assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.cached_tokens) == (20, 12)
        assert chunks[-1].timings == {"prefill_ms": 5.0, "decode_ms": 9.0, "tokens_per_s": 300.0}
        body = server.asked[-1][2]
        assert (body["input_prefix"], body["prompt"]) == ("def add(a, b):\n", "    return ")
        assert body["input_suffix"] == "\n"
        assert body["input_extra"] == [{"filename": "m.py", "text": "M = 1\n"}]

    async def test_each_choice_is_a_separate_request_with_its_own_seed(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", {"data": [{"id": "gpt"}]})
        server.events("/infill", {"content": "x", "stop": True})
        chunks = await chunks_of(engine("llama.cpp"), CompletionRequest("a", "b", n=2, seed=5))
        assert [(chunk.index, chunk.finish_reason) for chunk in chunks] == [(0, "stop"), (1, "stop")]
        assert [body["seed"] for _, _, body in server.asked if body] == [5, 6]


class TestOllama:
    async def test_generate_gets_the_suffix_and_answers_in_lines(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        end = {"response": "", "done": True, "done_reason": "stop", "prompt_eval_count": 8, "eval_count": 2}
        server.answer("/api/tags", {"models": [{"name": "codellama:7b-code"}]})
        server.answer("/api/generate", {"response": "a ", "done": False}, b"\n", {"response": "b", "done": False},
                      b"\n", end, b"\n")  # fmt: skip
        chunks = await chunks_of(engine("ollama"), ADD)
        assert text_of(chunks) == "a b"
        assert chunks[-1].finish_reason is FinishReason.STOP
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == 2
        body = server.asked[-1][2]
        assert (body["model"], body["suffix"]) == ("codellama:7b-code", "\n")
        assert body["prompt"] == "# m.py\nM = 1\n\ndef add(a, b):\n    return "
        assert body["options"]["seed"] == 7

    async def test_a_model_that_cannot_infill_is_reported(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/api/tags", {"models": [{"name": "chatty:latest"}]})
        server.answer("/api/generate", {"error": "chatty does not support insert"}, status=400)
        with pytest.raises(EngineUnavailableError, match="does not support insert"):
            await chunks_of(engine("ollama", model="chatty"), ADD)


class TestErrors:
    async def test_a_server_that_does_not_run_is_reported(self, engine: Callable[..., RemoteEngine]) -> None:
        asking = engine(url="http://127.0.0.1:9")
        health = await asking.wait_ready(20)
        assert health.state is EngineState.FAILED
        assert health.reason.endswith("start the server or correct engine.url.")
        with pytest.raises(EngineUnavailableError, match="does not answer"):
            await chunks_of(asking, ADD)

    async def test_the_key_is_sent_and_its_refusal_names_the_variable(
        self, server: Server, engine: Callable[..., RemoteEngine], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MY_KEY", "k-123")
        server.answer("/v1/models", {"error": {"message": "bad key"}}, status=401)
        with pytest.raises(EngineUnavailableError, match="MY_KEY") as refused:
            await chunks_of(engine(api_key_env="MY_KEY"), ADD)
        assert "k-123" not in str(refused.value)
        assert server.asked[0][1]["authorization"] == "Bearer k-123"

    async def test_a_missing_key_is_reported(
        self, server: Server, engine: Callable[..., RemoteEngine], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("MY_KEY", raising=False)
        with pytest.raises(EngineUnavailableError, match="MY_KEY"):
            await chunks_of(engine(api_key_env="MY_KEY"), ADD)
        assert server.asked == []
        server.answer("/v1/models", {}, status=401)
        with pytest.raises(EngineUnavailableError, match=r"engine\.api_key_env"):
            await chunks_of(engine(), ADD)

    async def test_an_unknown_model_is_reported_with_the_models_of_the_server(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        with pytest.raises(EngineUnavailableError, match=r"no model other, but codellama/CodeLlama-7b-hf"):
            await chunks_of(engine(model="other"), ADD)

    @pytest.mark.parametrize("api", ["openai", "llama.cpp", "ollama"])
    async def test_a_server_with_another_protocol_is_reported(
        self, server: Server, engine: Callable[..., RemoteEngine], api: str
    ) -> None:
        with pytest.raises(EngineUnavailableError, match=f"does not speak `{api}`"):
            await chunks_of(engine(api), ADD)
        for path in ("/v1/models", "/api/tags"):
            server.answer(path, b"<html>")
        with pytest.raises(EngineUnavailableError, match=f"does not speak `{api}`"):
            await chunks_of(engine(api), ADD)

    async def test_a_server_without_tls_is_reported(self, server: Server, engine: Callable[..., RemoteEngine]) -> None:
        with pytest.raises(EngineUnavailableError, match="write http://"):
            await chunks_of(engine(url=server.url.replace("http:", "https:")), ADD)

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
    async def test_an_untrusted_certificate_is_reported_with_the_way_to_trust_it(
        self, engine: Callable[..., RemoteEngine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
        make = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout {key} -out {certificate} -subj /CN=localhost"
        command = [*make.split(), "-addext", "subjectAltName=DNS:localhost"]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        played = Server()
        played.answer("/v1/models", CODELLAMA)
        async with await asyncio.start_server(played.accept, "127.0.0.1", 0, ssl=context) as listening:
            url = f"https://localhost:{listening.sockets[0].getsockname()[1]}"
            with pytest.raises(EngineUnavailableError, match="is not trusted; set SSL_CERT_FILE"):
                await engine(url=url).health()
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            assert (await engine(url=url).health()).state is EngineState.READY

    @pytest.mark.parametrize("url", ["localhost:8000", "ftp://example.org"])
    async def test_an_invalid_url_is_reported(self, engine: Callable[..., RemoteEngine], url: str) -> None:
        with pytest.raises(EngineUnavailableError, match=r"is not an HTTP address; write http://HOST:PORT\."):
            await chunks_of(engine(url=url), ADD)

    async def test_an_error_in_the_stream_is_reported(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.events("/v1/completions", choice("a"), {"error": {"message": "out of memory"}})
        with pytest.raises(EngineUnavailableError, match="out of memory"):
            await chunks_of(engine(), ADD)

    async def test_an_event_that_is_not_an_object_is_reported(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.events("/v1/completions", "no object")
        with pytest.raises(EngineUnavailableError, match="does not speak"):
            await chunks_of(engine(), ADD)

    @pytest.mark.parametrize("body", [b"<html>hello</html>", b"", b"[1, 2]", b'{"choices": 5}', b": ping\n\n"])
    async def test_an_answer_in_another_format_is_reported(
        self, server: Server, engine: Callable[..., RemoteEngine], body: bytes
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.answer("/v1/completions", body)
        with pytest.raises(EngineUnavailableError, match="does not speak `openai`; correct engine"):
            await chunks_of(engine(), ADD)

    async def test_a_compressed_answer_is_reported(self, server: Server, engine: Callable[..., RemoteEngine]) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.answer("/v1/completions", b"\x1f\x8b\x08")
        server.headers = b"Content-Encoding: gzip\r\n"
        with pytest.raises(EngineUnavailableError, match="does not speak"):
            await chunks_of(engine(), ADD)

    async def test_a_server_that_misses_three_deadlines_without_a_byte_is_reported(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.answer("/v1/completions", asyncio.Event())
        asking, hasty = engine(), replace(ADD, deadline_ms=1)
        await asking.health()
        for _ in range(2):
            [late] = await chunks_of(asking, hasty)
            assert late.finish_reason is FinishReason.DEADLINE
        with pytest.raises(EngineUnavailableError, match=r"sent nothing .* last 3 requests; see what holds it up"):
            await chunks_of(asking, hasty)
        assert asking.last_health.state is EngineState.FAILED

    async def test_a_server_that_failed_is_not_asked_until_the_user_invokes_a_request(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        server.answer("/v1/completions", {"error": {"message": "slow down"}}, status=429)
        server.headers = b"Retry-After: 300\r\n"
        asking = engine()
        for _ in range(12):
            with pytest.raises(EngineUnavailableError, match="HTTP status 429: slow down; it is asked again later"):
                await chunks_of(asking, ADD)
        assert [path for path, _, _ in server.asked].count("POST /v1/completions") == 1
        server.events("/v1/completions", choice("a", reason="stop"))
        assert text_of(await chunks_of(asking, replace(ADD, is_invoked=True))) == "a"
        assert text_of(await chunks_of(asking, ADD)) == "a"

    async def test_errors_of_one_kind_may_have_different_messages(
        self, server: Server, engine: Callable[..., RemoteEngine]
    ) -> None:
        server.answer("/v1/models", CODELLAMA)
        asking, kinds, sentences = engine(), set[str](), set[str]()
        for number in range(3):
            server.answer("/v1/completions", {"error": {"message": f"request {number}"}}, status=500)
            with pytest.raises(EngineUnavailableError) as raised:
                await chunks_of(asking, replace(ADD, is_invoked=True))
            kinds.add(raised.value.kind)
            sentences.add(str(raised.value))
            assert asking.last_health.kind == raised.value.kind
        assert (len(kinds), len(sentences)) == (1, 3)

    @pytest.mark.parametrize("key", ["abc\u201cdef", "abc\ndef", "abc\r\nX-Other: 1"])
    async def test_a_key_that_is_not_valid_in_a_header_is_reported(
        self, server: Server, engine: Callable[..., RemoteEngine], monkeypatch: pytest.MonkeyPatch, key: str
    ) -> None:
        monkeypatch.setenv("SOME_KEY", key)
        with pytest.raises(
            EngineUnavailableError, match=r"variable SOME_KEY .* holds a line break .*; set it again"
        ) as e:
            await chunks_of(engine(api_key_env="SOME_KEY"), ADD)
        assert "abc" not in str(e.value)
        assert server.asked == []

    async def test_a_failure_and_the_recovery_from_it_are_reported_once(self, server: Server) -> None:
        reported: list[EngineState] = []
        asking = RemoteEngine(EngineSettings(url=server.url), lambda health: reported.append(health.state))
        for _ in range(2):
            with pytest.raises(EngineUnavailableError):
                await chunks_of(asking, ADD)
        server.answer("/v1/models", CODELLAMA)
        server.events("/v1/completions", choice("a", reason="stop"))
        for _ in range(2):
            await chunks_of(asking, replace(ADD, is_invoked=True))
        await asking.aclose()
        assert reported == [EngineState.FAILED, EngineState.READY]
