"""Remote servers that are not a warm vLLM: cold ones, strict ones, small ones, and ones with names of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from infill_completion.api import (
    Chunk,
    CompletionRequest,
    ContextItem,
    EngineState,
    EngineUnavailableError,
    FinishReason,
    Health,
)
from infill_completion.client.remote.engine import RemoteEngine
from infill_completion.settings import EngineSettings
from tests.client.remote.products import (
    ANSWER,
    LazyServer,
    LlamaCppServer,
    OllamaServer,
    OpenAIServer,
    Product,
    Response,
    text_event,
)

DEADLINE_S = 20.0
ADD = CompletionRequest("def add(a, b):\n    return ", "\n", n=1, seed=7, logprobs=1)
LINES = "".join(f"line {number}\n" for number in range(2000))
LONG = CompletionRequest(LINES + "last", "next\n" + LINES, context=(ContextItem("m.py", LINES),), max_tokens=64)


class Asking:
    """A remote engine, the states that it reported, and a clock that a test can move."""

    def __init__(self, product: Product, api: str, **settings: Any) -> None:
        self.reported: list[Health] = []
        self.now_s = 1000.0
        self._changed = asyncio.Event()
        values: dict[str, Any] = {"url": product.url, "api": api, **settings}
        self.engine = RemoteEngine(EngineSettings(**values), self._note, lambda: self.now_s)

    def _note(self, health: Health) -> None:
        self.reported.append(health)
        self._changed.set()

    async def until(self, state: EngineState) -> Health:
        async with asyncio.timeout(DEADLINE_S):
            while self.engine.last_health.state is not state:
                self._changed.clear()
                await self._changed.wait()
        return self.engine.last_health

    async def chunks(self, request: CompletionRequest = ADD) -> list[Chunk]:
        async with asyncio.timeout(DEADLINE_S):
            return [chunk async for chunk in self.engine.complete(request)]

    async def text(self, request: CompletionRequest = ADD) -> str:
        return "".join(chunk.text for chunk in await self.chunks(request) if chunk.index == 0)

    async def refused(self, request: CompletionRequest = ADD) -> EngineUnavailableError:
        with pytest.raises(EngineUnavailableError) as raised:
            await self.chunks(request)
        return raised.value


@pytest.fixture
async def serving() -> AsyncIterator[Callable[..., Awaitable[Asking]]]:
    async with AsyncExitStack() as stack:

        async def serve(product: Product, api: str = "openai", **settings: Any) -> Asking:
            if not product.url:
                await stack.enter_async_context(product.running())
            asking = Asking(product, api, **settings)
            stack.push_async_callback(asking.engine.aclose)
            return asking

        yield serve


Serve = Callable[..., Awaitable[Asking]]
HASTY = replace(ADD, deadline_ms=200)


class TestColdServers:
    async def test_a_cold_ollama_is_loaded_once_and_outside_any_deadline(self, serving: Serve) -> None:
        server = OllamaServer()
        asking = await serving(server, "ollama")
        for _ in range(9):
            assert (await asking.refused(HASTY)).state is EngineState.LOADING
        assert (server.loads, server.aborted, server.most_at_once) == (1, 0, 1)
        assert "is loading qwen2.5-coder:1.5b-base" in (await asking.until(EngineState.LOADING)).reason
        server.may_load.set()
        await asking.until(EngineState.READY)
        assert await asking.text() == ANSWER
        assert (server.loads, server.aborted) == (1, 0)

    async def test_the_start_of_a_session_loads_the_model(self, serving: Serve) -> None:
        server = OllamaServer()
        asking = await serving(server, "ollama")
        starting = asyncio.ensure_future(asking.engine.start())
        await asyncio.wait_for(server.begun.wait(), DEADLINE_S)
        assert not starting.done()
        server.may_load.set()
        await asyncio.wait_for(starting, DEADLINE_S)
        assert asking.engine.last_health.state is EngineState.READY
        [load] = server.posts("/api/generate")
        assert (load["prompt"], load["keep_alive"], load["options"]) == ("", "900s", {"num_ctx": 4096})

    async def test_a_cancelled_request_aborts_no_load(self, serving: Serve) -> None:
        for server in (OllamaServer(), LazyServer()):
            asking = await serving(server, "ollama" if isinstance(server, OllamaServer) else "openai")
            for _ in range(5):
                task = asyncio.ensure_future(asking.chunks(ADD))
                await asyncio.wait_for(server.begun.wait(), DEADLINE_S)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert (server.loads, server.aborted) == (1, 0)
            server.may_load.set()
            await asking.until(EngineState.READY)
            assert await asking.text() == ANSWER

    async def test_a_model_that_was_unloaded_meanwhile_is_loaded_again(self, serving: Serve) -> None:
        server = OllamaServer()
        server.may_load.set()
        asking = await serving(server, "ollama")
        assert await asking.text() == ANSWER
        asked = len(server.posts("/api/generate"))
        assert await asking.text() == ANSWER
        assert len(server.posts("/api/generate")) == asked + 1  # a warm server is not asked whether it is awake
        server.loaded_num_ctx = None
        server.may_load.clear()
        asking.now_s += 400
        for _ in range(3):
            assert (await asking.refused(HASTY)).state is EngineState.LOADING
        server.may_load.set()
        await asking.until(EngineState.READY)
        assert await asking.text() == ANSWER
        assert (server.loads, server.aborted) == (2, 0)

    async def test_a_model_that_another_client_pushed_out_is_loaded_again(self, serving: Serve) -> None:
        server = OllamaServer()
        server.may_load.set()
        asking = await serving(server, "ollama")
        assert await asking.text() == ANSWER
        server.loaded_num_ctx = None
        server.may_load.clear()
        asking.now_s += 1
        for _ in range(3):
            assert (await asking.refused(HASTY)).state is EngineState.LOADING
        server.may_load.set()
        await asking.until(EngineState.READY)
        assert await asking.text() == ANSWER
        assert (server.loads, server.aborted) == (2, 0)

    @pytest.mark.parametrize("status", [500, 404])
    async def test_a_load_that_fails_is_reported_and_tried_again_when_the_user_asks(
        self, serving: Serve, status: int
    ) -> None:
        server = OllamaServer(
            load_error=(status, {"error": "model requires more system memory (8.0 GiB) than is available"})
        )
        asking = await serving(server, "ollama")
        assert (await asking.refused(HASTY)).state is EngineState.LOADING
        server.may_load.set()
        assert "more system memory" in (await asking.until(EngineState.FAILED)).reason
        assert "more system memory" in str(await asking.refused(HASTY))
        assert server.loads == 1
        server.load_error = None
        assert await asking.text(replace(ADD, is_invoked=True)) == ANSWER
        assert server.aborted == 0

    async def test_a_server_that_loads_on_demand_is_waited_for(self, serving: Serve) -> None:
        server = LazyServer()
        asking = await serving(server)
        for _ in range(9):
            assert (await asking.refused(HASTY)).state is EngineState.LOADING
        assert (server.loads, server.aborted, server.most_at_once) == (1, 0, 1)
        server.may_load.set()
        await asking.until(EngineState.READY)
        assert await asking.text() == ANSWER

    async def test_a_load_on_demand_that_fails_is_reported(self, serving: Serve) -> None:
        server = LazyServer(load_error=(500, {"error": "unable to start process"}))
        asking = await serving(server)
        assert (await asking.refused(HASTY)).state is EngineState.LOADING
        server.may_load.set()
        assert "unable to start process" in (await asking.until(EngineState.FAILED)).reason

    async def test_a_model_that_the_list_calls_unloaded_is_loaded_first(self, serving: Serve) -> None:
        server = LazyServer(models=[{"id": "Qwen2.5-Coder-7B", "state": "not-loaded"}])
        asking = await serving(server)
        starting = asyncio.ensure_future(asking.engine.start())
        await asyncio.wait_for(server.begun.wait(), DEADLINE_S)
        [load] = server.posts()
        assert load["max_tokens"] == 1
        server.may_load.set()
        await asyncio.wait_for(starting, DEADLINE_S)
        assert await asking.text() == ANSWER

    @pytest.mark.parametrize("api", ["llama.cpp", "openai"])
    async def test_a_server_that_says_it_loads_is_asked_until_it_has(
        self, serving: Serve, api: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("infill_completion.client.remote.cold_start._POLL_S", 0.01)
        server = LlamaCppServer(is_loading=True)
        asking = await serving(server, api)
        for _ in range(3):
            assert (await asking.refused(HASTY)).state is EngineState.LOADING
        server.is_loading = False
        if api == "llama.cpp":
            await asking.until(EngineState.READY)
            assert await asking.text() == ANSWER

    async def test_a_server_that_restarts_in_the_session_is_waited_for(
        self, serving: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("infill_completion.client.remote.cold_start._POLL_S", 0.01)
        server = LlamaCppServer()
        asking = await serving(server, "llama.cpp")
        assert await asking.text() == ANSWER
        server.is_loading = True
        assert (await asking.refused(HASTY)).state is EngineState.LOADING
        server.is_loading = False
        await asking.until(EngineState.READY)
        assert await asking.text() == ANSWER

    async def test_a_busy_server_is_not_taken_for_a_loading_one(self, serving: Serve) -> None:
        server = OpenAIServer(refuses={"prompt": (503, {"error": "server overloaded, please try again"})})
        asking = await serving(server)
        assert (await asking.refused()).state is EngineState.FAILED

    async def test_a_slow_server_that_was_given_up_costs_no_suggestion(self, serving: Serve) -> None:
        server = LazyServer()
        asking = await serving(server)
        given_up = asyncio.ensure_future(asking.chunks(ADD))
        await asyncio.wait_for(server.begun.wait(), DEADLINE_S)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        following = asyncio.ensure_future(asking.text(ADD))
        await asyncio.sleep(0)
        server.may_load.set()
        assert await following == ANSWER
        assert EngineState.LOADING not in {health.state for health in asking.reported}

    async def test_closing_gives_up_the_wait(self, serving: Serve) -> None:
        server = OllamaServer()
        asking = await serving(server, "ollama")
        await asking.refused(HASTY)
        await asking.engine.aclose()
        async with asyncio.timeout(DEADLINE_S):
            while not server.aborted:  # noqa: ASYNC110
                await asyncio.sleep(0)


UNNAMED = {"error": {"message": "Bad request"}}
REFUSALS = {
    "vLLM, suffix": ("suffix", 400, {"object": "error", "message": "suffix is not currently supported", "code": 400}),
    "pydantic, logprobs": (
        "logprobs", 422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "logprobs"], "msg": "Extra inputs"}]},
    ),
    "OpenAI, skip_special_tokens": (
        "skip_special_tokens", 400,
        {"error": {"message": "Unrecognized request argument supplied: skip_special_tokens", "param": None}},
    ),
    "Groq, logprobs": ("logprobs", 400, {"error": {"message": "'logprobs' : property 'logprobs' is unsupported"}}),
    "llama-cpp-python, logprobs": (
        "logprobs", 500, {"error": {"message": "logprobs is not supported for models created with logits_all=False"}},
    ),
    "TGI, top_p": ("top_p", 422, {"error": "Input validation error: `top_p` must be > 0.0 and < 1.0"}),
    "TGI, temperature": ("temperature", 422, {"error": "Validation error: `temperature` must be strictly positive"}),
    "Go, seed": ("seed", 400, {"error": {"message": 'json: unknown field "seed"'}}),
    "plain text, stream_options": ("stream_options", 400, b"stream_options is not allowed"),
    "DeepSeek, n": ("n", 400, {"error": {"message": "Invalid n value (currently only n = 1 is supported)"}}),
    "param, n": ("n", 400, {"error": {"message": "Unsupported value", "param": "n"}}),
    "pydantic, n": ("n", 422, {"detail": [{"loc": ["body", "n"], "msg": "Input should be less than or equal to 1"}]}),
    "501, n": ("n", 501, {"error": "multiple completions are not implemented"}),
    "OpenAI, stop": (
        "stop>4", 400,
        {"error": {"message": "Invalid 'stop': array too long. Expected an array with maximum length 4, but got one "
                              "with length 9 instead."}},
    ),
    "stop at all": ("stop", 400, {"error": {"message": "stop sequences are not supported"}}),
    "too many tokens": (
        "max_tokens>64", 400,
        {"error": {"message": "max_tokens is too large: 128. This model supports at most 64 completion tokens"}},
    ),
    "other name": (
        "max_tokens", 400,
        {"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                              "'max_completion_tokens' instead."}},
    ),
    "Python, seed": ("seed", 500, {"error": "generate() got an unexpected keyword argument 'seed'"}),
    "stream": ("stream", 400, {"error": {"message": "Streaming is not supported"}}),
    "within a 200, logprobs": ("logprobs", 200, {"error": {"message": "logprobs is not supported", "code": 400}}),
    "unnamed, logprobs": ("logprobs", 400, UNNAMED),
    "unnamed, n": ("n", 422, UNNAMED),
    "unnamed, stop": ("stop>4", 400, UNNAMED),
    "unnamed, seed": ("seed", 400, b"<html>nope</html>"),
}  # fmt: skip
EVERYTHING = replace(ADD, n=3, stop=("\n\n", "\nclass ", "\ndef "), temperature=0.2)


class TestStrictServers:
    @pytest.mark.parametrize("row", REFUSALS.values(), ids=REFUSALS.keys())
    async def test_a_refused_field_costs_one_refusal_and_no_suggestion(
        self, serving: Serve, row: tuple[str, int, Any]
    ) -> None:
        name, status, refusal = row
        alias = [{"id": "my-alias", "owned_by": "someone"}]
        server = OpenAIServer(refuses={name: (status, refusal)})
        if name == "suffix":
            server.models = alias
        asking = await serving(server)
        assert server.is_refused(name, {name: [1] * 9, "n": 3, "max_tokens": 128, "stop": "123456"})
        chunks = await asking.chunks(EVERYTHING)
        for index in range(3):
            assert "".join(chunk.text for chunk in chunks if chunk.index == index) == ANSWER
            assert [c.finish_reason for c in chunks if c.index == index and c.finish_reason] == [FinishReason.STOP]
        bodies = server.posts()
        assert [server.is_refused(name, body) for body in bodies].count(True) == 1
        assert bodies[0]["stream_options"]
        before = len(bodies)
        await asking.chunks(ADD)
        assert len(server.posts()) == before + 1
        assert not server.is_refused(name, server.posts()[-1])

    async def test_several_fields_are_refused_one_by_one(self, serving: Serve) -> None:
        names = ("stream_options", "skip_special_tokens", "logprobs", "seed", "top_p", "n")
        refuses = {name: (400, {"error": {"message": f"unknown parameter: {name}"}}) for name in names}
        server = OpenAIServer(refuses=refuses)
        asking = await serving(server)
        assert await asking.text(EVERYTHING) == ANSWER
        assert len(server.posts()) == len(names) + 3  # one refusal each, then one request for each choice
        assert await asking.text() == ANSWER
        assert len(server.posts()) == len(names) + 4

    async def test_a_named_field_leaves_the_others(self, serving: Serve) -> None:
        server = OpenAIServer(refuses={"logprobs": (400, {"error": {"message": "logprobs: unknown field"}})})
        asking = await serving(server)
        await asking.chunks(EVERYTHING)
        sent = server.posts()[-1]
        assert {"n", "seed", "top_p", "temperature", "stop", "stream_options"} <= sent.keys()

    async def test_a_request_that_is_refused_for_another_reason_blames_no_field(self, serving: Serve) -> None:
        server = OpenAIServer(refuses={"prompt": (400, UNNAMED)})
        asking = await serving(server)
        assert "Bad request" in str(await asking.refused())
        assert len(server.posts()) == 2
        server.refuses.clear()
        await asking.chunks(replace(EVERYTHING, is_invoked=True))
        assert {"n", "logprobs", "seed", "stream_options"} <= server.posts()[-1].keys()

    @pytest.mark.parametrize(
        "message",
        [
            "CUDA out of memory; stop other processes",
            "temperature of the GPU is too high",
            "n is invalid, stop too, seed",
        ],
    )
    async def test_a_failure_that_sounds_like_a_refusal_blames_no_field(self, serving: Serve, message: str) -> None:
        server = OpenAIServer(refuses={"prompt": (500, {"error": {"message": message}})})
        asking = await serving(server)
        assert message in str(await asking.refused(EVERYTHING))
        server.refuses.clear()
        await asking.chunks(replace(EVERYTHING, is_invoked=True))
        assert {"n", "logprobs", "seed", "temperature", "stop"} <= server.posts()[-1].keys()

    async def test_a_server_that_ignores_n_is_asked_for_each_choice(self, serving: Serve) -> None:
        server = OpenAIServer(ignores_n=True)
        asking = await serving(server)
        chunks = await asking.chunks(EVERYTHING)
        assert ["".join(c.text for c in chunks if c.index == index) for index in range(3)] == [ANSWER] * 3
        assert [body.get("n", 1) for body in server.posts()] == [3, 1, 1]
        assert [body["seed"] for body in server.posts()] == [7, 8, 9]
        await asking.chunks(EVERYTHING)
        assert [body.get("n", 1) for body in server.posts()[3:]] == [1, 1, 1]

    async def test_the_choices_that_do_not_come_before_the_deadline_end_with_it(self, serving: Serve) -> None:
        server = LazyServer(ignores_n=True, is_loaded=True)
        asking = await serving(server)

        async def slow(chunks: list[Chunk]) -> None:
            async for chunk in asking.engine.complete(replace(EVERYTHING, deadline_ms=300)):
                chunks.append(chunk)
                server.is_loaded = False  # the requests for the other choices are held

        chunks: list[Chunk] = []
        await asyncio.wait_for(slow(chunks), DEADLINE_S)
        assert [(c.index, c.finish_reason) for c in chunks if c.finish_reason] == [
            (0, "stop"), (1, "deadline"), (2, "deadline"),
        ]  # fmt: skip

    async def test_stops_that_the_server_does_not_take_are_heeded_here(self, serving: Serve) -> None:
        server = OpenAIServer(refuses={"stop": (400, {"error": {"message": "stop is not supported"}})})
        original = server.complete

        def complete(body: dict[str, Any]) -> Response:
            response = original(body)
            if response.events is not None:
                response.events = [text_event(text, None) for text in ("x = 1<", "|fim_pad|> more", " and more")]
            return response

        server.complete = complete  # type: ignore[method-assign]
        asking = await serving(server)
        assert await asking.text() == "x = 1"

    async def test_another_model_is_asked_for_everything_again(self, serving: Serve) -> None:
        server = OpenAIServer(refuses={"logprobs": (400, {"error": {"message": "logprobs is unsupported"}})})
        asking = await serving(server)
        await asking.chunks()
        server.refuses.clear()
        server.models = [{"id": "Qwen/Qwen2.5-Coder-14B", "owned_by": "someone"}]
        asking.now_s += 400
        await asking.chunks()  # the list is read again beside this request
        async with asyncio.timeout(DEADLINE_S):
            while server.posts()[-1]["model"] != "Qwen/Qwen2.5-Coder-14B":
                await asking.chunks()
        assert "logprobs" in server.posts()[-1]

    async def test_a_server_that_was_replaced_is_asked_for_everything_again(self, serving: Serve) -> None:
        server = OpenAIServer(models=[{"id": "starcoder2-3b"}])
        server.refuses["logprobs"] = (400, {"error": {"message": "logprobs is unsupported"}})
        asking = await serving(server)
        await asking.chunks()
        server.refuses = {"model": (404, {"error": {"message": "The model `starcoder2-3b` does not exist."}})}
        server.is_refused = lambda name, body: body[name] == "starcoder2-3b"  # type: ignore[method-assign]
        server.models = [{"id": "codellama-7b"}]
        assert await asking.text() == ANSWER  # within the same request
        assert server.posts()[-1]["model"] == "codellama-7b"
        assert "logprobs" in server.posts()[-1]


TOO_LONG = {
    "vLLM": "This model's maximum context length is {window} tokens. However, you requested {total} tokens ({prompt} "
            "in the messages, 64 in the completion). Please reduce the length of the messages or completion.",
    "TGI": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= {window}. Given: {prompt} `inputs` "
           "tokens and 64 `max_new_tokens`",
    "SGLang": "The input ({prompt} tokens) is longer than the model's context length ({window} tokens).",
    "llama-cpp-python": "Requested tokens ({total}) exceed context window of {window}",
    "Mistral": "Prompt contains {prompt} tokens and 0 draft tokens, too large for model with {window} maximum context "
               "length",
    "TabbyAPI": "Prompt length {prompt} is greater than max_seq_len {window}",
    "no number": "input length exceeds maximum context length",
    "a code": "context_length_exceeded",
}  # fmt: skip
WINDOWS: dict[str, Any] = {
    "vLLM": [{"id": "m", "root": "Qwen/Qwen2.5-Coder-7B", "owned_by": "vllm", "max_model_len": 1024}],
    "OpenRouter": [{"id": "qwen2.5-coder", "context_length": 1024, "top_provider": {"context_length": 512}}],
    "Groq": [{"id": "qwen2.5-coder", "context_window": 1024}],
    "TabbyAPI": [{"id": "qwen2.5-coder", "parameters": {"max_seq_len": 1024}}],
    "LM Studio, loaded": [{"id": "qwen2.5-coder", "max_context_length": 32768, "loaded_context_length": 1024}],
    "llama.cpp": [{"id": "qwen2.5-coder", "meta": {"n_ctx_train": 32768, "n_ctx": 1024}}],
    "a number as text": [{"id": "qwen2.5-coder", "max_model_len": "1024"}],
}


class TestSmallWindows:
    @pytest.mark.parametrize("message", TOO_LONG.values(), ids=TOO_LONG.keys())
    async def test_the_window_in_a_refusal_is_learnt(self, serving: Serve, message: str) -> None:
        server = OpenAIServer(window=1024, too_long=message)
        asking = await serving(server)
        assert await asking.text(LONG) == ANSWER
        refusals = len(server.posts()) - 1
        assert 1 <= refusals <= 4
        assert "last<|fim_suffix|>next\n" in server.posts()[-1]["prompt"]
        before = len(server.posts())
        assert await asking.text(LONG) == ANSWER
        assert len(server.posts()) == before + 1

    @pytest.mark.parametrize("models", WINDOWS.values(), ids=WINDOWS.keys())
    async def test_the_window_in_the_list_is_heeded(self, serving: Serve, models: Any) -> None:
        server = OpenAIServer(models=models, window=1024)
        asking = await serving(server)
        assert await asking.text(LONG) == ANSWER
        [sent] = server.posts()
        assert len(sent["prompt"]) > 1024  # it is used, too

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/props", {"default_generation_settings": {"n_ctx": 1024}, "model_path": "/m/Qwen2.5-Coder-7B.gguf"}),
            ("/api/v0/models/m", {"id": "m", "arch": "qwen2", "state": "loaded", "loaded_context_length": 1024}),
            ("/info", {"model_id": "Qwen/Qwen2.5-Coder-7B", "max_total_tokens": 1024, "max_input_length": 1000}),
        ],
    )
    async def test_a_window_that_is_told_elsewhere_is_heeded(self, serving: Serve, path: str, body: Any) -> None:
        server = OpenAIServer(models=[{"id": "m"}], window=1024, other_paths={path: Response(body=body)})
        asking = await serving(server)
        assert await asking.text(LONG) == ANSWER
        assert len(server.posts()) == 1

    async def test_the_answer_shrinks_with_the_window(self, serving: Serve) -> None:
        server = OpenAIServer(models=[{"id": "qwen2.5-coder", "max_model_len": 256}], window=256)
        asking = await serving(server)
        assert await asking.text(replace(LONG, max_tokens=500)) == ANSWER

    async def test_a_window_that_is_larger_changes_nothing(self, serving: Serve) -> None:
        server = OpenAIServer(models=[{"id": "qwen2.5-coder", "max_model_len": 32768}])
        asking = await serving(server, context_tokens=1000)
        await asking.chunks(LONG)
        assert asking.engine.last_health.reason == ""
        assert 2550 < len(server.posts()[-1]["prompt"]) < 3050

    @pytest.mark.parametrize("api", ["openai", "llama.cpp"])
    async def test_a_window_that_is_smaller_is_told_once(self, serving: Serve, api: str) -> None:
        listed = [{"id": "qwen2.5-coder", "max_model_len": 2048}]
        server = OpenAIServer(models=listed) if api == "openai" else LlamaCppServer(n_ctx=2048)
        asking = await serving(server, api)
        for _ in range(3):
            assert await asking.text(LONG) == ANSWER
        [ready] = [health for health in asking.reported if health.state is EngineState.READY]
        assert "takes only 2048 tokens" in ready.reason
        assert "lower engine.context_tokens to 2048." in ready.reason

    async def test_a_refusal_by_size_alone_blames_no_window(self, serving: Serve) -> None:
        listed = [{"id": "qwen2.5-coder", "max_model_len": 32768}]
        asking = await serving(OpenAIServer(models=listed, refuses={"prompt": (413, b"<html>413</html>")}))
        error = str(await asking.refused())
        assert "takes no prompt of this length; lower engine.context_tokens." in error
        assert "32768" not in error

    async def test_the_message_names_the_setting(self, serving: Serve) -> None:
        server = OpenAIServer(refuses={"prompt": (400, {"error": {"message": TOO_LONG["vLLM"].format(
            window=2048, total=9999, prompt=9935)}})})  # fmt: skip
        asking = await serving(server)
        error = str(await asking.refused(LONG))
        assert "takes 2048 tokens at most; lower engine.context_tokens to 2048." in error
        assert len(server.posts()) < 15

    @pytest.mark.parametrize("tells", [True, False])
    async def test_the_window_of_a_slot_is_heeded(self, serving: Serve, tells: bool) -> None:
        server = LlamaCppServer(n_ctx=1024, tells_numbers=tells)
        asking = await serving(server, "llama.cpp")
        assert await asking.text(LONG) == ANSWER
        assert len(server.posts("/infill")) == 1

    async def test_ollama_is_told_the_window_so_that_it_cuts_nothing(self, serving: Serve) -> None:
        server = OllamaServer()
        server.may_load.set()
        asking = await serving(server, "ollama", context_tokens=3000)
        for request in (LONG, ADD, replace(LONG, max_tokens=1)):
            assert await asking.text(request) == ANSWER
        assert {body["options"]["num_ctx"] for body in server.posts("/api/generate")} == {3000}
        assert (server.loads, server.truncated) == (1, 0)

    async def test_a_model_that_was_trained_for_less_gets_less(self, serving: Serve) -> None:
        server = OllamaServer(show={"model_info": {"general.architecture": "llama", "llama.context_length": 2048}})
        server.may_load.set()
        asking = await serving(server, "ollama")
        assert await asking.text(LONG) == ANSWER
        assert {body["options"]["num_ctx"] for body in server.posts("/api/generate")} == {2048}
        assert server.truncated == 0


LISTINGS: dict[str, tuple[int, Any]] = {
    "missing": (404, None), "forbidden": (403, None), "needs a key": (401, None), "not allowed": (405, None),
    "broken": (500, None), "no JSON": (200, b"<html>"), "another shape": (200, {"models": {}}),
    "a null": (200, b"null"), "empty": (200, []), "entries without names": (200, [{"object": "model"}]),
}  # fmt: skip


class TestNames:
    @pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS.keys())
    @pytest.mark.parametrize("model", ["auto", "starcoder2:3b"])
    async def test_a_useless_list_is_no_reason_to_stop(
        self, serving: Serve, model: str, listing: tuple[int, Any]
    ) -> None:
        server = OpenAIServer(listing_status=listing[0], models=[] if listing[1] is None else listing[1])
        asking = await serving(server, model=model)
        assert await asking.text() == ANSWER
        assert server.posts()[-1].get("model", "auto") == model
        assert (server.posts()[-1]["prompt"].startswith("<fim_prefix>")) == (model != "auto")
        assert (await asking.engine.wait_ready(DEADLINE_S)).state is EngineState.READY

    async def test_a_server_without_a_list_is_tried_with_one_token_once(self, serving: Serve) -> None:
        server = OpenAIServer(listing_status=404)
        asking = await serving(server, model="starcoder2")
        for _ in range(3):
            assert await asking.text() == ANSWER
            asking.now_s += 400
        assert [body["max_tokens"] for body in server.posts()].count(1) == 1

    async def test_a_slow_list_is_no_reason_to_stop(self, serving: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("infill_completion.client.remote.survey._LISTING_NAMED_S", 0.05)
        server = OpenAIServer()
        held = asyncio.Event()
        original = server.answer

        async def answer(method: str, path: str, body: dict[str, Any], query: dict[str, str]) -> Response:
            if path == "/v1/models":
                await held.wait()
            return await original(method, path, body, query)

        server.answer = answer  # type: ignore[method-assign]
        asking = await serving(server, model="starcoder2")
        assert await asking.text() == ANSWER

    @pytest.mark.parametrize("pattern", ["*", "openai/*", "openai/*coder*"])
    async def test_a_wildcard_covers_the_model_of_the_settings(self, serving: Serve, pattern: str) -> None:
        server = OpenAIServer(models=[{"id": pattern, "owned_by": "openai"}])
        asking = await serving(server, model="openai/qwen2.5-coder")
        assert await asking.text() == ANSWER
        assert server.posts()[-1]["model"] == "openai/qwen2.5-coder"

    async def test_an_alias_that_the_list_leaves_out_is_tried(self, serving: Serve) -> None:
        server = OpenAIServer(models=[{"id": "qwen-coder-7b", "owned_by": "llama-swap"}])
        asking = await serving(server, model="autocomplete")
        assert await asking.text() == ANSWER
        server.refuses["model"] = (404, {"error": {"message": "could not find model autocomplete"}})
        assert "no model autocomplete, but qwen-coder-7b" in str(await asking.refused())

    async def test_a_name_in_other_letters_is_the_same_model(self, serving: Serve) -> None:
        server = OpenAIServer(models=[{"id": "Qwen/Qwen2.5-Coder-7B", "owned_by": "vllm"}])
        asking = await serving(server, model="qwen/qwen2.5-coder-7b")
        await asking.chunks()
        assert server.posts()[-1]["model"] == "Qwen/Qwen2.5-Coder-7B"

    async def test_auto_takes_a_model_that_infills(self, serving: Serve) -> None:
        server = OllamaServer(models=("nomic-embed-text:latest", "llama3.2:latest", "starcoder2:3b", "codellama:34b"))
        server.may_load.set()
        asking = await serving(server, "ollama")
        await asking.chunks()
        assert server.posts("/api/generate")[-1]["model"] == "starcoder2:3b"

    @pytest.mark.parametrize(
        "listed",
        [
            {"id": "code", "owned_by": "vllm", "root": "Qwen/Qwen2.5-Coder-7B", "parent": None},
            {"id": "code", "owned_by": "vllm", "root": "/models/qwen2.5-coder-7b/", "parent": None},
            {"id": "code", "parent": "Qwen/Qwen2.5-Coder-7B"},
            {"id": "code", "path": "/cache/Qwen_Qwen2.5-Coder-7B-GGUF_q4.gguf"},
            {"id": "code", "litellm_params": {"model": "openai/qwen-2.5-coder-32b-instruct"}},
        ],
    )
    async def test_an_alias_is_seen_through(self, serving: Serve, listed: dict[str, Any]) -> None:
        server = OpenAIServer(models=[listed])
        asking = await serving(server)
        await asking.chunks()
        assert server.posts()[-1]["prompt"] == "<|fim_prefix|>def add(a, b):\n    return <|fim_suffix|>\n<|fim_middle|>"
        assert (await asking.engine.health()).reason == ""

    async def test_an_alias_of_the_server_itself_is_seen_through(self, serving: Serve) -> None:
        props = Response(body={"model_path": "/models/starcoder2-3b-Q8_0.gguf", "default_generation_settings": {}})
        server = OpenAIServer(models=[{"id": "gpt-3.5-turbo", "owned_by": "llamacpp"}], other_paths={"/props": props})
        asking = await serving(server)
        await asking.chunks()
        assert server.posts()[-1]["prompt"].startswith("<fim_prefix>")

    @pytest.mark.parametrize("refuses", [True, False])
    async def test_an_alias_that_hides_the_family_sends_the_suffix_and_the_loss_is_told_once(
        self, serving: Serve, refuses: bool
    ) -> None:
        server = OpenAIServer(models=[{"id": "my-model"}])
        if refuses:
            server.refuses["suffix"] = (400, {"message": "suffix is not currently supported", "object": "error"})
        asking = await serving(server)
        for _ in range(3):
            assert await asking.text() == ANSWER
        assert server.posts()[0]["suffix"] == "\n"
        told = [health.reason for health in asking.reported if health.reason]
        assert len(told) == 1
        assert "my-model" in told[0]
        assert "set engine.format to" in told[0]

    @pytest.mark.parametrize(
        ("choice", "prompt"),
        [
            ("qwen2.5-coder", "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"),
            ("codestral", "[SUFFIX]S[PREFIX]P"),
            ("none", "P"),
            ("suffix", "P"),
        ],
    )
    async def test_the_setting_names_the_format(self, serving: Serve, choice: str, prompt: str) -> None:
        server = OpenAIServer(models=[{"id": "starcoder2-alias-of-mine"}])
        asking = await serving(server, format=choice)
        await asking.chunks(CompletionRequest("P", "S"))
        assert server.posts()[-1]["prompt"] == prompt
        assert server.posts()[-1].get("suffix") == ("S" if choice == "suffix" else None)
        assert asking.engine.last_health.reason == ""

    async def test_a_model_that_ollama_cannot_infill_with_gets_the_prompt_as_text(self, serving: Serve) -> None:
        show = {"details": {"family": "qwen2"}, "model_info": {"general.basename": "Qwen2.5-Coder"}}
        server = OllamaServer(models=("mine:latest",), infills=False, show=show)
        server.may_load.set()
        asking = await serving(server, "ollama")
        assert await asking.text(CompletionRequest("P", "S")) == ANSWER
        sent = server.posts("/api/generate")[-1]
        assert (sent["prompt"], sent["raw"]) == ("<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>", True)
        assert "<|endoftext|>" in sent["options"]["stop"]
        before = len(server.posts("/api/generate"))
        await asking.chunks()
        assert len(server.posts("/api/generate")) == before + 1

    async def test_a_chat_model_in_ollama_continues_the_text_and_the_loss_is_told(self, serving: Serve) -> None:
        server = OllamaServer(models=("llama3.2:latest",), infills=False, show={"details": {"family": "llama"}})
        server.may_load.set()
        asking = await serving(server, "ollama")
        assert await asking.text(CompletionRequest("P", "S")) == ANSWER
        assert "set engine.format to" in asking.engine.last_health.reason


@dataclass
class MistralServer(OpenAIServer):
    """Mistral's own API: it infills at another path, in the shape of a chat, and refuses what it does not know."""

    models: Any = field(default_factory=lambda: [{"id": "codestral-latest", "owned_by": "mistralai"}])

    async def answer(self, method: str, path: str, body: dict[str, Any], query: dict[str, str]) -> Response:
        if path != "/v1/fim/completions":
            return (
                await super().answer(method, path, body, query) if method == "GET" else Response(404, {"detail": "no"})
            )
        known = {"model", "prompt", "suffix", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed"}
        if extra := sorted(body.keys() - known):
            fault = {"type": "extra_forbidden", "msg": "Extra inputs are not permitted", "input": 1}
            return Response(422, {"detail": [{**fault, "loc": ["body", name]} for name in extra]})
        events: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": "a + "}, "finish_reason": None},
                  {"delta": {"content": [{"type": "text", "text": "b"}]}, "finish_reason": "stop"}]  # fmt: skip
        return Response(events=[{"choices": [{"index": 0, **event}]} for event in events])


class TestSuffix:
    @pytest.mark.parametrize("path", ["", "/v1", "/v1/fim/completions"])
    async def test_mistral_infills_by_suffix_at_its_own_path(self, serving: Serve, path: str) -> None:
        server = MistralServer()
        if path.endswith("completions"):
            server.listing_status = 403
        async with server.running() as url:
            asking = await serving(server, url=url + path, model="codestral-latest")
            assert await asking.text(replace(EVERYTHING, n=1)) == ANSWER
            sent = server.posts("/v1/fim/completions")[-1]
            assert (sent["prompt"], sent["suffix"]) == (ADD.prefix, "\n")
            assert "stop" in sent
            assert asking.engine.last_health.reason == ""
            before = len(server.posts())
            await asking.chunks()
            assert len(server.posts()) == before + 1

    async def test_deepseek_infills_by_suffix(self, serving: Serve) -> None:
        server = OpenAIServer(models=[{"id": "deepseek-chat", "owned_by": "deepseek"}])
        asking = await serving(server)
        assert await asking.text() == ANSWER
        assert (server.posts()[-1]["prompt"], server.posts()[-1]["suffix"]) == (ADD.prefix, "\n")
        assert asking.engine.last_health.reason == ""

    async def test_a_version_in_the_url_hides_no_property(self, serving: Serve) -> None:
        props = Response(body={"model_path": "/models/starcoder2.gguf"})
        server = OpenAIServer(models=[{"id": "m"}], other_paths={"/props": props})
        async with server.running() as url:
            asking = await serving(server, url=f"{url}/v1")
            await asking.chunks()
            assert server.posts()[-1]["prompt"].startswith("<fim_prefix>")


class TestLlamaCpp:
    async def test_a_router_is_told_the_model_everywhere(self, serving: Serve) -> None:
        server = LlamaCppServer(names=("a/chat:Q4", "b/Qwen2.5-Coder-3B-GGUF:Q8_0"), router=True)
        asking = await serving(server, "llama.cpp")
        assert await asking.text() == ANSWER
        assert {body["model"] for body in server.posts()} == {"b/Qwen2.5-Coder-3B-GGUF:Q8_0"}
        asking = await serving(server, "llama.cpp", model="a/chat:Q4")
        assert await asking.text() == ANSWER
        assert server.posts("/infill")[-1]["model"] == "a/chat:Q4"

    async def test_a_question_loads_no_model_in_a_router(self, serving: Serve) -> None:
        server = LlamaCppServer(names=("qwen2.5-coder",), router=True)
        asking = await serving(server, "llama.cpp")
        await asking.chunks()
        assert [path for method, path, _ in server.asked if method == "GET"] == ["/v1/models", "/props"]

    async def test_a_single_model_server_takes_any_name(self, serving: Serve) -> None:
        server = LlamaCppServer()
        asking = await serving(server, "llama.cpp", model="whatever")
        assert await asking.text() == ANSWER

    @pytest.mark.parametrize(
        ("path", "prompt"),
        [("/models/starcoder2.gguf", "<fim_prefix>P<fim_suffix>S<fim_middle>"), ("/models/mine.gguf", "P")],
    )
    async def test_a_model_without_infill_tokens_gets_the_prompt_as_text(
        self, serving: Serve, path: str, prompt: str
    ) -> None:
        server = LlamaCppServer(infills=False, model_path=path)
        asking = await serving(server, "llama.cpp")
        for _ in range(2):
            assert await asking.text(CompletionRequest("P", "S")) == ANSWER
        assert len(server.posts("/infill")) == 1
        assert server.posts("/completion")[-1]["prompt"] == prompt
        assert ("engine.format" in asking.engine.last_health.reason) == (prompt == "P")

    async def test_a_server_without_the_endpoint_gets_the_prompt_as_text(self, serving: Serve) -> None:
        server = LlamaCppServer(infills=False, no_infill="This server does not support this endpoint.")
        asking = await serving(server, "llama.cpp")
        for _ in range(2):
            assert await asking.text() == ANSWER
        assert len(server.posts("/infill")) == 1


@pytest.mark.parametrize("api", ["openai", "llama.cpp", "ollama"])
@pytest.mark.parametrize("body", [{}, [], {"data": [5]}, {"models": [None]}, {"data": [{"id": None}]}, 7, "x" * 9000])
async def test_any_list_is_survived(serving: Serve, api: str, body: Any) -> None:
    server = OpenAIServer()
    listing = Response(body=json.dumps(body).encode())
    server.other_paths = {"/v1/models": listing, "/api/tags": listing, "/props": listing, "/info": listing}
    asking = await serving(server, api, model="mine")
    if api == "openai":
        assert await asking.text() == ANSWER
    else:
        assert (await asking.refused()).state is EngineState.FAILED
