"""``POST /v1/texts``: what is counted for a workspace, as a client of the engine sees it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import httpx
import pytest

from infill_completion.api import EngineState, EngineUnavailableError, TextUpdate
from infill_completion.client.local import LocalEngine
from infill_completion.engine.http.texts import parse_update
from infill_completion.engine.scheduler.activity import IdleLimits
from tests.engine.http.requests import client_of
from tests.scripted_engine import ScriptedEngine


def test_an_update_says_what_is_held(http: httpx.Client) -> None:
    body = {"workspace": "w", "texts": [{"name": "a", "text": "abc"}, {"name": "b", "text": "de"}]}
    first = http.post("/v1/texts", json=body).json()
    assert (first["texts"], first["tokens"]) == (2, 5)
    second = http.post("/v1/texts", json={"workspace": "w", "texts": [{"name": "a", "text": None}]}).json()
    assert second == {"store": first["store"], "texts": 1, "tokens": 2}
    assert http.post("/v1/texts", json={"workspace": "w"}).json() == second
    third = http.post("/v1/texts", json={"workspace": "w", "texts": [{"name": "c", "text": "f"}], "replace": True})
    assert third.json() == {"store": first["store"], "texts": 1, "tokens": 1}


@pytest.mark.parametrize(
    "update",
    [
        TextUpdate("w"),
        TextUpdate("w", replace=True),
        TextUpdate("w", (("a", "abc"), ("b", None)), more=True),
        TextUpdate("w", (("a", ""),), more=True, replace=True),
    ],
)
def test_an_update_arrives_as_it_was_sent(update: TextUpdate) -> None:
    assert parse_update(json.dumps(update.to_json()).encode()) == update


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "workspace"),
        ({"workspace": None}, "workspace"),
        ({"workspace": ""}, "workspace"),
        ({"workspace": 3}, "workspace"),
        ({"workspace": "w" * 201}, "workspace"),
        ({"workspace": "w", "texts": {}}, "texts"),
        ({"workspace": "w", "texts": "a"}, "texts"),
        ({"workspace": "w", "texts": [1]}, "texts"),
        ({"workspace": "w", "texts": [["a", "b"]]}, "texts"),
        ({"workspace": "w", "texts": [{"name": "a"}]}, "texts"),
        ({"workspace": "w", "texts": [{"text": "a"}]}, "texts"),
        ({"workspace": "w", "texts": [{"name": "", "text": "a"}]}, "texts.name"),
        ({"workspace": "w", "texts": [{"name": 1, "text": "a"}]}, "texts.name"),
        ({"workspace": "w", "texts": [{"name": "n" * 201, "text": "a"}]}, "texts.name"),
        ({"workspace": "w", "texts": [{"name": "a", "text": 1}]}, "texts.text"),
        ({"workspace": "w", "texts": [{"name": "a", "text": ["a"]}]}, "texts.text"),
        ({"workspace": "w", "more": 1}, "more"),
        ({"workspace": "w", "replace": "yes"}, "replace"),
    ],
)
def test_a_bad_body_is_refused_by_name_and_changes_nothing(
    engine: ScriptedEngine, http: httpx.Client, body: dict[str, object], param: str
) -> None:
    answer = http.post("/v1/texts", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert answer.json()["error"]["message"].endswith(".")
    assert engine.updates == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'"w"', b"[" * 9999, b"\xff"])
def test_a_body_that_is_not_a_json_object_is_refused(engine: ScriptedEngine, http: httpx.Client, body: bytes) -> None:
    assert http.post("/v1/texts", content=body).status_code == 400
    assert engine.updates == []


def test_a_lone_surrogate_does_not_reach_the_tokenizer(engine: ScriptedEngine, http: httpx.Client) -> None:
    raw = b'{"workspace": "w", "texts": [{"name": "a", "text": "x\\ud800y"}]}'
    assert http.post("/v1/texts", content=raw).status_code == 200
    assert engine.updates[0].texts == (("a", "x\ufffdy"),)


def test_a_request_names_its_workspace_and_the_edited_text(engine: ScriptedEngine, http: httpx.Client) -> None:
    http.post("/v1/completions", json={"prompt": "x", "workspace": "w", "document": "d"})
    http.post("/v1/completions", json={"prompt": "x", "workspace": None})
    first, second = engine.requests
    assert (first.workspace, first.document) == ("w", "d")
    assert (second.workspace, second.document) == ("", "")
    assert http.post("/v1/completions", json={"prompt": "x", "workspace": 1}).json()["error"]["param"] == "workspace"
    assert http.post("/v1/completions", json={"prompt": "x", "document": []}).json()["error"]["param"] == "document"


def test_texts_are_refused_while_the_model_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with ScriptedEngine(hold_load=threading.Event()) as engine, client_of(engine) as http:
        answer = http.post("/v1/texts", json={"workspace": "w", "texts": [{"name": "a", "text": "abc"}]})
        assert answer.status_code == 503
        assert "loading" in answer.json()["error"]["message"]


async def test_a_window_sends_texts_and_does_not_wake_an_engine_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with ScriptedEngine(idle=IdleLimits(unload_s=0.2, exit_s=60.0)) as engine:
        local = LocalEngine(engine.settings)
        with pytest.raises(EngineUnavailableError):  # it is not started for this either
            await local.hold(TextUpdate("w", (("a", "abc"),)))
        await local.start()
        held = await local.hold(TextUpdate("w", (("a", "abc"), ("b", None))))
        assert (held.texts, held.tokens) == (1, 3)
        engine.wait_for(lambda: engine.unloads or None)
        with pytest.raises(EngineUnavailableError) as refused:
            await local.hold(TextUpdate("w"))
        assert refused.value.state is EngineState.STARTING
        assert engine.loads == 1
        await local.aclose()
