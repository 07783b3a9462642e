"""Answers with status 200 that are no answers: trouble, told once, and never a fact about the document."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from infill_completion.api import Chunk, CompletionRequest, EngineState, EngineUnavailableError, FinishReason, Health
from infill_completion.client.remote.engine import RemoteEngine
from infill_completion.document.snapshot import SkipReason
from infill_completion.settings import EngineSettings, Settings
from infill_completion.suggest.completer import Completer
from tests.client.remote.scripted_server import Reply, ScriptedServer, events, reply, scripted_server
from tests.suggest.scripted import at

REQUEST = CompletionRequest("a = ", "\n", is_invoked=True)
MODELS = {
    "openai": ("/v1/models", {"data": [{"id": "codellama"}]}),
    "llama.cpp": ("/v1/models", {"data": [{"id": "codellama"}]}),
    "ollama": ("/api/tags", {"models": [{"name": "codellama"}]}),
}
PATHS = {"openai": "/v1/completions", "llama.cpp": "/infill", "ollama": "/api/generate"}
DONE = "[DONE]"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as running:
        for path, body in MODELS.values():
            running.says(path, reply(body))
        yield running


async def chunks_of(server: ScriptedServer, api: str, answer: Reply) -> list[Chunk]:
    server.says(PATHS[api], answer)
    engine = RemoteEngine(EngineSettings(url=server.url, api=api))
    try:
        return [chunk async for chunk in engine.complete(REQUEST)]
    finally:
        await engine.aclose()


async def error_of(server: ScriptedServer, api: str, answer: Reply) -> str:
    with pytest.raises(EngineUnavailableError) as raised:
        await chunks_of(server, api, answer)
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith(".")
    return str(raised.value)


def text(value: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": value, "finish_reason": reason}], **more}


ERRORS: list[tuple[str, object]] = [
    ("boom", {"error": "boom"}),
    ("boom", {"error": {"message": "boom", "code": 500}}),
    ("boom", {"error": {"error": {"message": "boom"}}}),
    ("boom", {"error": {"detail": "boom"}}),
    ("boom", {"error": ["boom"]}),
    ("boom", {"error": True, "message": "boom"}),
    ("an error", {"error": {"code": 500}}),
    ("boom", {"object": "error", "message": "boom", "type": "BadRequestError", "code": 400}),
    ("boom", {"type": "error", "error": {"type": "overloaded", "message": "boom"}}),
    ("boom", {"status": "error", "message": "boom"}),
    ("boom", {"detail": "boom"}),
    ("boom", {"detail": [{"loc": ["body"], "msg": "boom", "input": {"prompt": "secret code"}}]}),
    ("boom", {"detail": {"message": "boom"}}),
    ("boom", {"message": "boom"}),
    ("boom", {"errors": [{"message": "boom"}]}),
    ("boom", {"msg": "boom", "code": 40001}),
    ("boom", {"title": "boom", "status": 503}),
    ("boom", {"success": False, "errors": [{"code": 7, "message": "boom"}], "result": None}),
    ("boom", [{"error": {"message": "boom"}}]),
    ("boom", {"error": {"message": "boom"}, "choices": []}),
    ("boom", {"choices": [{"index": 0, "text": "", "finish_reason": "error", "error": {"message": "boom"}}]}),
]


EVERYWHERE = ("whole", "pretty", "line")
WAYS = {"openai": (*EVERYWHERE, "event", "named", "field", "stray"), "ollama": EVERYWHERE}
WAYS["llama.cpp"] = WAYS["openai"]


@pytest.mark.parametrize(("api", "way"), [(api, way) for api, ways in WAYS.items() for way in ways])
@pytest.mark.parametrize(("message", "body"), ERRORS)
async def test_an_error_with_status_200_is_told(
    server: ScriptedServer, api: str, message: str, body: object, way: str
) -> None:
    data = json.dumps(body)
    sent = {
        "whole": data,
        "pretty": json.dumps(body, indent=2),
        "event": f"data: {data}\n\ndata: [DONE]\n\n",
        "named": f"event: error\ndata: {data}\n\n",
        "field": f"error: {data}\n\n",
        "stray": f": ping\n\n{data.strip('[]')}\n\n",
        "line": f"{data}\n",
    }[way]
    told = await error_of(server, api, reply([sent.encode()], framing="chunked"))
    assert f"answered: {message}; see its log." in told
    assert "secret code" not in told


@pytest.mark.parametrize(
    ("api", "first", "last"),
    [
        ("openai", f"data: {json.dumps(text('x + '))}\n\n", "data: {}\n\n"),
        ("openai", f"data: {json.dumps(text('x + '))}\n\n", "event: error\ndata: {}\n\n"),
        ("openai", f"data: {json.dumps(text('x + '))}\n\n", "error: {}\n\n"),
        ("openai", f"data: {json.dumps(text('x + '))}\n\n", "{}\n"),
        ("llama.cpp", 'data: {"content": "x + "}\n\n', "data: {}\n\n"),
        ("ollama", '{"response": "x + "}\n', "{}\n"),
    ],
)
async def test_an_error_after_some_tokens_is_told(server: ScriptedServer, api: str, first: str, last: str) -> None:
    sent = first + last.replace("{}", '{"error": {"message": "boom"}}')
    assert "answered: boom" in await error_of(server, api, reply([sent.encode()], framing="chunked"))


@pytest.mark.parametrize(
    ("data", "message"),
    [("Internal Server Error", "Internal Server Error"), ('"boom"', "boom"), ('{"cut": ', '{"cut":')],
)
async def test_an_error_event_may_hold_plain_text(server: ScriptedServer, data: str, message: str) -> None:
    sent = f"event: error\ndata: {data}\n\n".encode()
    told = await error_of(server, "openai", reply([sent], framing="chunked"))
    assert f"answered: {message};" in told


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}}]},
        {"object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}]},
        {"choices": [{"index": 0, "delta": {"content": None, "reasoning_content": "Hm"}}]},
        {"model": "m", "message": {"role": "assistant", "content": "Hi"}, "done": False},
    ],
)
async def test_a_chat_is_not_a_completion(server: ScriptedServer, api: str, body: object) -> None:
    line = json.dumps(body).encode()
    sent = line + b"\n" if api == "ollama" else b"data: " + line + b"\n\n"
    assert "a chat message instead of a completion" in await error_of(server, api, reply([sent]))
    assert "a chat message instead of a completion" in await error_of(server, api, reply([line]))


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize(
    ("page", "named"),
    [
        (b"<!DOCTYPE html><html><head><title>\n Sign &amp; go </title>", "a web page (Sign & go)."),
        (b"\n\xef\xbb\xbf <html>", "a web page."),
        (b"<?xml version='1.0'?><error/>", "a web page."),
    ],
)
async def test_a_web_page_is_named(server: ScriptedServer, api: str, page: bytes, named: str) -> None:
    told = await error_of(server, api, reply([page], headers={"Content-Type": "text/html"}))
    assert told.endswith(named)
    assert f"does not speak `{api}`; correct engine.api or engine.url" in told


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize(
    "body", [b"", b"\r\n\r\n", b"data: [DONE]\n\n", b": ping\n\n", b"{}", b"null", b"[]", b"data:\n\n"]
)
async def test_no_answer_at_all_is_trouble(server: ScriptedServer, api: str, framing: str, body: bytes) -> None:
    assert f"does not speak `{api}`" in await error_of(server, api, reply([body], framing=framing))


@pytest.mark.parametrize("bad", [{"x": 1}, ["x"], 5, True])
@pytest.mark.parametrize("api", PATHS)
async def test_text_of_another_type_is_never_shown(server: ScriptedServer, api: str, bad: object) -> None:
    body = {
        "openai": {"choices": [{"index": 0, "text": bad, "finish_reason": "stop"}]},
        "llama.cpp": {"content": bad, "stop": True},
        "ollama": {"response": bad, "done": True},
    }[api]
    assert f"does not speak `{api}`" in await error_of(server, api, reply(body))


async def test_nesting_without_end_is_trouble(server: ScriptedServer) -> None:
    told = await error_of(server, "openai", reply([b"data: " + b"[" * 100_000 + b"\n\n"]))
    assert "does not speak" in told


@pytest.mark.parametrize(
    "extra",
    [
        {"error": None},
        {"error": ""},
        {"error": {}},
        {"error": False},
        {"detail": None},
        {"message": "fine"},
        {"status": "ok"},
    ],
)
async def test_a_good_answer_may_have_other_fields(server: ScriptedServer, extra: dict[str, Any]) -> None:
    chunks = await chunks_of(server, "openai", events(text("x", "stop", **extra), DONE))
    assert "".join(chunk.text for chunk in chunks) == "x"


@pytest.mark.parametrize("way", ["data", "empty", "comment", "usage", "first", "delta"])
async def test_events_without_text_do_not_disturb_a_good_answer(server: ScriptedServer, way: str) -> None:
    more: dict[str, list[object]] = {
        "data": [text("x"), " ", text("", "stop"), DONE, " "],
        "empty": [text("x"), {}, text("", "stop"), DONE],
        "comment": [text("x"), "\n: ping", text("", "stop"), DONE],
        "usage": [text("x"), text("", "stop"), {"choices": [], "usage": {"prompt_tokens": 3}}, DONE],
        "first": [{"choices": [], "prompt_filter_results": []}, text("x", "stop"), DONE],
        "delta": [{"choices": [{"index": 0, "text": "x", "delta": {"content": "x"}, "finish_reason": "stop"}]}, DONE],
    }
    chunks = await chunks_of(server, "openai", events(*more[way]))
    assert "".join(chunk.text for chunk in chunks) == "x"
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == [FinishReason.STOP]


async def test_text_about_errors_is_text(server: ScriptedServer) -> None:
    said = 'raise Error({"error": {"message": "boom"}})\n<html>'
    chunks = await chunks_of(server, "openai", events(text(said, "stop"), DONE))
    assert "".join(chunk.text for chunk in chunks) == said


async def test_an_empty_answer_of_the_protocol_is_no_trouble(server: ScriptedServer) -> None:
    chunks = await chunks_of(server, "openai", events(text("", "stop"), DONE))
    assert [chunk.finish_reason for chunk in chunks] == [FinishReason.STOP]


async def test_a_lone_surrogate_becomes_a_replacement_character(server: ScriptedServer) -> None:
    sent = rb'data: {"choices": [{"index": 0, "text": "\ud800x", "finish_reason": "stop"}]}' + b"\n\n"
    chunks = await chunks_of(server, "openai", reply([sent]))
    assert "".join(chunk.text for chunk in chunks) == "\ufffdx"


async def test_text_that_a_lost_connection_cut_ends_like_one_at_the_deadline(server: ScriptedServer) -> None:
    cut = f'data: {json.dumps(text("a = 1"))}\n\ndata: {{"choi'.encode()
    chunks = await chunks_of(server, "openai", reply([cut], framing="close"))
    assert [(chunk.text, chunk.finish_reason) for chunk in chunks] == [("a = 1", None), ("", FinishReason.DEADLINE)]
    whole = events(text("a = 1"), DONE, framing="close")
    assert [chunk.finish_reason for chunk in await chunks_of(server, "openai", whole)] == [
        None,
        FinishReason.STOP,
    ]


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_an_event_that_is_cut_leaves_the_text_unfinished_however_the_body_ends(
    server: ScriptedServer, framing: str
) -> None:
    cut = f'data: {json.dumps(text("a = 1"))}\n\ndata: {{"choi'.encode()
    chunks = await chunks_of(server, "openai", reply([cut], framing=framing))
    assert [(chunk.text, chunk.finish_reason) for chunk in chunks] == [("a = 1", None), ("", FinishReason.DEADLINE)]


async def test_text_that_may_begin_a_stop_is_kept_where_the_answer_gives_no_reason(server: ScriptedServer) -> None:
    server.says(
        "/v1/completions",
        reply({"error": "stop is not supported"}, 400),
        events(text("a = 1\n"), DONE, framing="close"),
    )
    engine = RemoteEngine(EngineSettings(url=server.url))
    asked = CompletionRequest("x", "", stop=("\n\n",))
    assert "".join([chunk.text async for chunk in engine.complete(asked)]) == "a = 1\n"
    await engine.aclose()


async def test_the_last_event_may_lack_its_blank_line(server: ScriptedServer) -> None:
    sent = f"data: {json.dumps(text('x', 'stop'))}".encode()
    assert [chunk.text for chunk in await chunks_of(server, "openai", reply([sent]))] == ["x"]
    assert [chunk.text for chunk in await chunks_of(server, "ollama", reply([b'{"response":"x","done":true}']))] == [
        "x"
    ]


async def test_an_error_is_told_once_and_not_remembered(server: ScriptedServer) -> None:
    told: list[Health] = []
    engine = RemoteEngine(EngineSettings(url=server.url), told.append)
    completer = Completer(engine, Settings())
    server.says(
        "/v1/completions", events({"error": "boom 1"}), events({"error": "boom 2"}), events(text("1", "stop"), DONE)
    )
    for _ in range(2):
        answer = await completer.complete(at("x = |\n", invoked=True))
        assert answer.reason is SkipReason.ENGINE_FAILED
        assert not answer.suggestions
    # The editor opens one message for each kind.
    assert {(health.state, health.kind) for health in told} == {(EngineState.FAILED, f"{server.url} broke off")}
    answer = await completer.complete(at("x = |\n", invoked=True))
    assert [item.text for item in answer.suggestions] == ["1"]
    await engine.aclose()
