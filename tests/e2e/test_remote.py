"""A window whose engine is a remote server that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest

from tests.client.remote.products import OllamaServer, OpenAIServer
from tests.client.test_remote import CODELLAMA, Server, choice
from tests.e2e.editor import Editor, visual_studio_code


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    played = Server()
    played.answer("/v1/models", CODELLAMA)
    listening = await asyncio.start_server(played.handle, "127.0.0.1", 0)
    played.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield played


@pytest.fixture
async def remote(server: Server, window: Editor) -> Editor:
    await window.initialize(visual_studio_code(), {"engine": {"url": server.url, "api_key_env": ""}})
    await window.ready()
    return window


async def test_a_server_that_fails_at_every_key_shows_one_message(server: Server, remote: Editor) -> None:
    buffer = remote.open("x = |\n")
    for number in count(1):
        server.answer("/v1/completions", {"error": {"message": f"out of memory, request {number}"}}, status=500)
        assert not await buffer.ghosts(by_key=number % 2 == 0)
        if number == 6:
            break
        buffer.type("a")
    [message] = remote.messages
    assert "HTTP status 500: out of memory, request 1; see its log." in message
    assert remote.statuses[-1]["kind"] == "Error"
    assert "request 6" in remote.statuses[-1]["reason"]
    # After the first request, only those that the user invoked were sent.
    assert [path for path, _, _ in server.asked].count("POST /v1/completions") == 4


async def test_a_server_that_fails_now_and_then_shows_one_message(server: Server, remote: Editor) -> None:
    buffer = remote.open("x = |\n")
    for _ in range(3):
        server.answer("/v1/completions", {"error": {"message": "overloaded"}}, status=503)
        assert not await buffer.ghosts(by_key=True)
        server.events("/v1/completions", choice("1 + 1", reason="stop"))
        buffer.type("b")
        assert await buffer.ghosts(by_key=True)
        buffer.type("a")
    assert len(remote.messages) == 1
    assert remote.statuses[-1]["kind"] == "Normal"


async def test_a_cold_server_is_shown_as_loading_and_then_completes(window: Editor) -> None:
    ollama = OllamaServer()
    async with ollama.running() as url:
        await window.initialize(visual_studio_code(), {"engine": {"url": url, "api": "ollama"}})
        loading = f"{url} is loading qwen2.5-coder:1.5b-base."
        await window.wait_for(lambda: any(status["reason"] == loading for status in window.statuses) or None)
        buffer = window.open("x = |\n")
        for by_key in (True, False, True):
            assert not await buffer.ghosts(by_key=by_key)
            buffer.type("1")
        assert (ollama.loads, ollama.aborted, window.messages) == (1, 0, [])
        ollama.may_load.set()
        await window.ready()
        buffer.type(" + ")
        assert await buffer.ghosts(by_key=True)
        assert window.statuses[-1]["kind"] == "Normal"
        assert (ollama.loads, ollama.aborted) == (1, 0)


async def test_a_server_that_hides_its_model_works_and_the_loss_is_told_once(window: Editor) -> None:
    hidden = OpenAIServer(models=[{"id": "autocomplete", "owned_by": "someone"}])
    async with hidden.running() as url:
        await window.initialize(visual_studio_code(), {"engine": {"url": url}})
        await window.ready()
        buffer = window.open("x = |\n")
        for _ in range(3):
            assert await buffer.ghosts(by_key=True)
            buffer.type("1 + ")
        [message] = window.messages
        assert "set engine.format to the model's family" in message
        assert window.statuses[-1]["kind"] == "Normal"
        assert "engine.format" in window.statuses[-1]["reason"]
