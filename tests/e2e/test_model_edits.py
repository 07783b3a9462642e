"""Next edits of a model over real stdio: with a scripted model, and with a tiny checkpoint of each family."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infill_completion.api import CompletionRequest, FinishReason
from tests.e2e.edit_plugin import Plugin, Start
from tests.e2e.editor import CONSOLE_SCRIPT
from tests.engine.next_edit_model import NAMES, save_next_edit_model
from tests.scripted_engine import Reply, ScriptedEngine

CODE = """def area(width, height):
    return width * height


def volume(width, height, depth):
    base = '😀', area(width, height)
    return base * depth


print(volume(1, 2, 3))
"""


def answer(request: CompletionRequest) -> Reply:
    """Rewrite lines as the format of Sweep's second version has them: ``*`` becomes ``+``."""
    rewrite = request.rewrite
    return Reply(["" if rewrite is None else "\n" + rewrite.text.replace("base * depth", "base + depth")])


@pytest.fixture
def model(environment: dict[str, str]) -> Iterator[ScriptedEngine]:
    with ScriptedEngine(default=answer, edit_format="Sweep") as engine:
        yield engine


async def ready(plugin: Plugin) -> None:
    """Wait until the server is connected to its engine."""
    while (message := await plugin.wire.receive()).get("method") != "infill/status":
        pass
    while message.get("params", {}).get("kind") != "Normal":
        message = await plugin.wire.receive()


def change(plugin: Plugin, old: str = "width * height", new: str = "width + height") -> int:
    at = plugin.text.index(old)
    plugin.replace(at, at + len(old), new)
    return at + len(new)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
async def test_an_edit_of_the_model_is_taken_and_counted(
    start: Start, model: ScriptedEngine, encoding: str, ending: str
) -> None:
    plugin = await start(encodings=(encoding,), text=CODE.replace("\n", ending))
    await ready(plugin)
    at = change(plugin)
    (edit,) = await plugin.edits(at)
    assert edit["text"] == "+"
    await plugin.take(edit)
    assert plugin.text == CODE.replace("width * h", "width + h").replace("base * d", "base + d").replace("\n", ending)
    assert await plugin.edits(at) == []
    statistics = await plugin.run({"command": "infill.statistics", "arguments": []})
    assert statistics["result"]["edits"] == {"offered": 1, "accepted": 1}
    request = model.wait_for_request(1)
    assert request.rewrite is not None
    assert request.rewrite.path == "a.py"
    assert request.rewrite.edits[-1].after == "    return width + height"


async def test_a_rejected_edit_does_not_come_back(start: Start, model: ScriptedEngine) -> None:
    plugin = await start(text=CODE)
    await ready(plugin)
    at = change(plugin)
    (edit,) = await plugin.edits(at)
    await plugin.run({"command": "infill.editRejected", "arguments": edit["command"]["arguments"]})
    assert await plugin.edits(at) == []


@pytest.mark.parametrize("settings", [{"enabled": False}, {"format": "none"}])
async def test_the_model_is_not_asked_where_it_is_off(
    start: Start, model: ScriptedEngine, settings: dict[str, Any]
) -> None:
    plugin = await start(text=CODE, edits=settings)
    await ready(plugin)
    assert await plugin.edits(change(plugin)) == []
    assert model.requests == []


async def test_a_change_of_the_document_withdraws_the_model(start: Start, model: ScriptedEngine) -> None:
    held = threading.Event()
    model.says(Reply(["\n", held, "x"]))
    plugin = await start(text=CODE)
    await ready(plugin)
    at = change(plugin)
    method = "textDocument/copilotInlineEdit"
    plugin.wire.send({"id": "first", "method": method, "params": plugin.params(at)})
    request = await asyncio.to_thread(model.wait_for_request)
    change(plugin, "print(", "show(")
    while (message := await plugin.wire.receive()).get("id") != "first":
        pass
    assert message["result"]["edits"] == []
    await asyncio.to_thread(model.wait_for_cancellation, request)
    held.set()


async def test_a_withdrawn_request_withdraws_the_model(start: Start, model: ScriptedEngine) -> None:
    held = threading.Event()
    model.says(Reply(["\n", held, "x"]))
    plugin = await start(text=CODE)
    await ready(plugin)
    at = change(plugin)
    plugin.wire.send({"id": "w", "method": "textDocument/copilotInlineEdit", "params": plugin.params(at)})
    request = await asyncio.to_thread(model.wait_for_request)
    plugin.wire.send({"method": "$/cancelRequest", "params": {"id": "w"}})
    await asyncio.to_thread(model.wait_for_cancellation, request)
    held.set()
    assert [edit["text"] for edit in await plugin.edits(at)] == ["+"]


async def test_an_answer_cut_short_is_no_edit(start: Start, model: ScriptedEngine) -> None:
    model.says(Reply(["\ndef area():"], FinishReason.DEADLINE))
    plugin = await start(text=CODE)
    await ready(plugin)
    assert await plugin.edits(change(plugin)) == []


async def test_an_explanation_has_the_question_and_the_answer(start: Start, model: ScriptedEngine) -> None:
    plugin = await start(text=CODE)
    await ready(plugin)
    at = change(plugin)
    place = {"textDocument": {"uri": plugin.uri}, "position": plugin.params(at)["position"]}
    told = (await plugin.run({"command": "infill.explainEdits", "arguments": [place]}))["result"]
    assert told["model"]["form"] == "Sweep"
    assert "base + depth" in told["model"]["answer"]
    assert "it changes 1 place" in told["text"]


@pytest.mark.parametrize("family", list(NAMES))
async def test_a_checkpoint_of_the_family_is_loaded_asked_and_explained(
    start: Start, environment: dict[str, str], tmp_path: Path, family: str
) -> None:
    """Its weights are random, so that nothing comes of it, but every part of the way is real."""
    folder = save_next_edit_model(tmp_path / "models", family)
    engine = {"model": str(folder), "device": "cpu", "quantization": "none"}
    plugin = await start(text=CODE, engine=engine, edits={"deadline_ms": 60_000})
    try:
        await ready(plugin)
        at = change(plugin)
        place = {"textDocument": {"uri": plugin.uri}, "position": plugin.params(at)["position"]}
        told = (await plugin.run({"command": "infill.explainEdits", "arguments": [place]}))["result"]
        assert told["model"]["form"] == family
        assert "return width + height" in told["model"]["prompt"]
        assert told["model"]["tokens"] > 0
        for edit in await plugin.edits(at):
            plugin.apply(edit)
    finally:
        stop = await asyncio.create_subprocess_exec(CONSOLE_SCRIPT, "engine", "stop", env={**os.environ, **environment})
        assert await stop.wait() == 0


def test_the_command_line_explains_what_the_model_was_asked(
    environment: dict[str, str], model: ScriptedEngine, tmp_path: Path
) -> None:
    file = tmp_path / "a.py"
    file.write_text(CODE)
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "m"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    file.write_text(CODE.replace("width * height", "width + height"))
    run: list[str | Path] = [CONSOLE_SCRIPT, "explain", "--edits", "--json", f"{file}:2:5"]
    env = {**os.environ, **environment}
    told = json.loads(subprocess.run(run, capture_output=True, text=True, env=env, check=True).stdout)
    assert "is no next-edit model" in told["model"]["verdict"]
    run += ["--set", "edits.format=sweep"]
    told = json.loads(subprocess.run(run, capture_output=True, text=True, env=env, check=True).stdout)
    assert told["model"]["verdict"] == "it changes 1 place"
    assert told["silence"] is None
