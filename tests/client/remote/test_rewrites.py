"""Lines rewritten by next-edit models behind a URL: the prompt is sent as text, in each protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infill_completion.api import CompletionRequest, PastEdit, Rewrite
from infill_completion.client.remote.engine import RemoteEngine
from infill_completion.settings import EngineSettings
from tests.client.remote.scripted_server import ScriptedServer, events, reply, scripted_server

EDITS = (PastEdit("a.py", 1, "x = 1", "x = 2"),)
MODELS: dict[str, tuple[str, str, Any]] = {
    "openai": ("/v1/models", "/v1/completions", {"data": [{"id": "sweepai/sweep-next-edit-1.5B"}]}),
    "llama.cpp": ("/v1/models", "/completion", {"data": [{"id": "sweep-next-edit-1.5b.q8_0.v2.gguf"}]}),
    "ollama": ("/api/tags", "/api/generate", {"models": [{"name": "sweep-next-edit:1.5b"}]}),
}
ANSWERS = {
    "openai": {"choices": [{"index": 0, "text": "\ny = 2", "finish_reason": "stop"}]},
    "llama.cpp": {"content": "\ny = 2", "stop": True},
    "ollama": {"response": "\ny = 2", "done": True, "done_reason": "stop"},
}


def asked(form: str = "Sweep", text: str = "y = 1") -> CompletionRequest:
    rewrite = Rewrite(form, "a.py", "x = 2\n", text, "", 0, text, EDITS)
    return CompletionRequest("", rewrite=rewrite, temperature=0.0, deadline_ms=20_000, ahead=True)


def answers(server: ScriptedServer, api: str, models: Any = None) -> str:
    """Let a server with a next-edit model answer, and return the path that it is to be asked at."""
    listing, path, listed = MODELS[api]
    server.says(listing, reply(json.dumps(models or listed).encode()))
    for more in ("/api/show", "/props", "/info", "/api/v0/models"):
        server.says(more, reply(b"{}"))
    body = ANSWERS[api]
    server.says(path, reply(json.dumps(body).encode() + b"\n") if api == "ollama" else events(body))
    return path


@pytest.mark.parametrize("api", list(MODELS))
async def test_the_prompt_is_sent_as_text_to_the_path_of_plain_prompts(api: str) -> None:
    async with scripted_server() as server:
        path = answers(server, api)
        engine = RemoteEngine(EngineSettings(url=server.url, api=api))
        await engine.start()
        assert engine.edit_format == "Sweep"
        text = "".join([chunk.text async for chunk in engine.complete(asked())])
        await engine.aclose()
        assert text == "\ny = 2"
        body = server.asked(path)[-1].json
        assert body["prompt"].startswith("<|file_sep|>a.py.diff\noriginal:\nx = 1\nupdated:\nx = 2\n")
        assert body["prompt"].endswith("<|file_sep|>updated/a.py")
        stops = body["options"]["stop"] if api == "ollama" else body["stop"]
        assert "<|file_sep|>" in stops
        assert "suffix" not in body
        assert body.get("raw", True) is True


async def test_our_own_engine_gets_the_lines_and_writes_the_prompt_itself() -> None:
    async with scripted_server() as server:
        path = answers(server, "openai", {"data": [{"id": "sweep-next-edit-0.5B", "owned_by": "infill-ls"}]})
        engine = RemoteEngine(EngineSettings(url=server.url))
        await engine.start()
        assert [chunk.text async for chunk in engine.complete(asked())]
        await engine.aclose()
        body = server.asked(path)[-1].json
        assert body["rewrite"]["edits"] == [{"path": "a.py", "line": 1, "before": "x = 1", "after": "x = 2"}]
        assert body["ahead"] is True


@pytest.mark.parametrize("name", ["codellama-7b", "my-model", ""])
async def test_other_models_have_no_format_for_it(name: str) -> None:
    async with scripted_server() as server:
        answers(server, "openai", {"data": [{"id": name}] if name else []})
        engine = RemoteEngine(EngineSettings(url=server.url))
        await engine.start()
        assert engine.edit_format == ""
        await engine.aclose()
