"""A window apart from typing: loading, settings, commands, failures of the engine."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from infill_completion.settings import EngineSettings
from tests.e2e.editor import Editor, neovim, visual_studio_code
from tests.scripted_engine import Reply, ScriptedEngine


def _write(path: str, text: str) -> None:
    Path(path).write_text(text)


async def test_while_the_model_loads_the_editor_shows_progress_and_lists_are_empty(
    environment: dict[str, str], window: Editor
) -> None:
    loaded = threading.Event()
    with ScriptedEngine(hold_load=loaded, default="1") as engine:
        await window.initialize(visual_studio_code())
        await window.wait_for(
            lambda: any(isinstance(step, types.WorkDoneProgressReport) for step in window.progress) or None
        )
        buffer = window.open("x = |\n")
        popup = await buffer.popup()
        assert popup.is_incomplete
        assert not popup.items
        assert not await buffer.ghosts()
        assert not engine.requests
        loaded.set()
        await window.ready()
        await window.wait_for(
            lambda: any(isinstance(step, types.WorkDoneProgressEnd) for step in window.progress) or None
        )
        assert window.progress[0].title == "Loading the completion model"
        assert (await buffer.popup()).items


async def test_a_client_without_progress_gets_none(engine: ScriptedEngine, window: Editor) -> None:
    capabilities = neovim()
    capabilities.window = None
    await window.initialize(capabilities)
    await window.ready()
    assert not window.client.progress_reports


async def test_a_model_that_cannot_load_is_reported_once_and_every_request_is_answered(
    environment: dict[str, str], window: Editor
) -> None:
    with ScriptedEngine(load_error="The checkpoint is damaged; pull it again."):
        await window.initialize(visual_studio_code())
        await window.wait_for(lambda: window.messages or None)
        buffer = window.open("x = |\n")
        for _ in range(3):
            assert not (await buffer.popup()).items
        assert window.messages == ["The checkpoint is damaged; pull it again."]
        assert window.statuses[-1] == {"kind": "Error", "busy": False, "reason": window.messages[0]}


async def test_wrong_settings_are_named_in_one_message(engine: ScriptedEngine, window: Editor) -> None:
    window.client.set_configuration({"infill": {"completion": {"max_tokens": 0}}})
    await window.initialize(visual_studio_code(), {"completion": {"top_q": 1}, "engine.context_tokens": "many"})
    await window.ready()
    [message] = window.messages
    for key in ("completion.top_q", "engine.context_tokens", "completion.max_tokens"):
        assert f"`infill.{key}`" in message


async def test_many_wrong_settings_go_to_the_log(engine: ScriptedEngine, window: Editor) -> None:
    await window.initialize(visual_studio_code(), {"completion": {f"no_{number}": 1 for number in range(9)}})
    await window.ready()
    [message] = window.messages
    assert message.count("\n") == 3
    assert len(window.client.log_messages) == 9


async def test_a_settings_file_that_cannot_be_read_is_named(
    environment: dict[str, str], engine: ScriptedEngine, window: Editor
) -> None:
    _write(environment["INFILL_LS_CONFIG"], "[completion\n")
    await window.initialize(visual_studio_code())
    await window.ready()
    assert environment["INFILL_LS_CONFIG"] in window.messages[0]


async def test_later_settings_win_and_live_changes_apply(
    environment: dict[str, str], engine: ScriptedEngine, window: Editor
) -> None:
    _write(environment["INFILL_LS_CONFIG"], "[completion]\nmax_tokens = 11\nseed = 1\ntop_p = 0.5\n")
    window.client.set_configuration({"infill": {"completion": {"top_p": 0.7, "seed": None}}})
    await window.initialize(visual_studio_code(), {"completion": {"max_tokens": 22, "top_p": 0.6}})
    await window.ready()
    await window.open("x = |\n").ghosts(by_key=True)
    request = engine.wait_for_request(1)
    assert (request.max_tokens, request.seed, request.top_p) == (22, 1, 0.7)

    window.client.set_configuration({"infill": {"completion": {"max_tokens": 33}}})
    window.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))
    buffer = window.open("# another\ny = |\n", "file:///w/b.py")
    await window.wait_for_question(types.WORKSPACE_CONFIGURATION, 2)
    await buffer.ghosts(by_key=True)
    assert next(request for request in engine.requests if "another" in request.prefix).max_tokens == 33


async def test_a_changed_settings_file_applies_to_the_next_request(
    environment: dict[str, str], engine: ScriptedEngine, editor: Editor
) -> None:
    engine.default = "1"
    assert await editor.open("x = |\n").ghosts()
    file = environment["INFILL_LS_CONFIG"]
    _write(file, "[completion]\ndeadline_ms = 60000\nmax_tokens = 33\n")
    assert await editor.open("# another\ny = |\n", "file:///w/b.py").ghosts()
    assert next(request for request in engine.requests if "another" in request.prefix).max_tokens == 33
    _write(file, "[completion]\nenabled = false\n")
    assert not await editor.open("z = |\n", "file:///w/c.py").ghosts()
    assert editor.statuses[-1]["kind"] == "Inactive"
    _write(file, "[completion\n")
    assert not await editor.open("a = |\n", "file:///w/d.py").ghosts()  # The former settings stay.
    [message] = editor.messages
    assert file in message


async def test_dotted_settings_that_a_client_pushes_apply(engine: ScriptedEngine, window: Editor) -> None:
    capabilities = neovim()
    assert capabilities.workspace is not None
    capabilities.workspace.configuration = False
    await window.initialize(capabilities, {"infill.completion.max_tokens": 7})
    await window.ready()
    await window.open("y = |\n", "file:///w/b.py").ghosts(by_key=True)
    assert engine.wait_for_request(1).max_tokens == 7
    window.client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams(settings={"infill.completion.enabled": False, "python.enabled": True})
    )
    assert not await window.open("x = |\n").ghosts()
    assert window.statuses[-1]["kind"] == "Inactive"
    assert not window.messages


async def test_settings_that_a_client_pushes_apply(engine: ScriptedEngine, window: Editor) -> None:
    capabilities = neovim()
    assert capabilities.workspace is not None
    capabilities.workspace.configuration = False
    await window.initialize(capabilities)
    await window.ready()
    window.client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams(settings={"infill": {"completion": {"languages": {"python": False}}}})
    )
    assert not await window.open("x = |\n").ghosts()
    assert window.statuses[-1]["kind"] == "Inactive"
    assert "completion.languages" in window.statuses[-1]["reason"]


async def test_toggle_switches_automatic_suggestions_off_and_on(editor: Editor, engine: ScriptedEngine) -> None:
    engine.default = "1"
    buffer = editor.open("x = |\n")
    assert await editor.command("infill.toggle") == {"enabled": False}
    assert editor.statuses[-1]["kind"] == "Inactive"
    assert not await buffer.ghosts()
    assert await buffer.ghosts(by_key=True)
    assert await editor.command("infill.toggle") == {"enabled": True}
    assert editor.statuses[-1]["kind"] == "Normal"
    assert await buffer.ghosts()


async def test_snooze_lasts_for_its_minutes_and_ends_when_told(editor: Editor, engine: ScriptedEngine) -> None:
    engine.default = "1"
    buffer = editor.open("x = |\n")
    before = time.time()
    until = (await editor.command("infill.snooze", 30))["until"]
    assert before + 1790 < until < time.time() + 1810
    assert editor.statuses[-1]["kind"] == "Inactive"
    assert "snoozed until" in editor.statuses[-1]["reason"]
    assert not await buffer.ghosts()
    assert not (await buffer.popup(by_key=False)).items
    assert "snoozed" in (await editor.command("infill.explain"))["reason"]
    assert await buffer.ghosts(by_key=True)  # asked for, it comes
    assert "snoozed until" in editor.statuses[-1]["reason"]
    assert await editor.command("infill.snooze", 0) == {"until": None}
    assert editor.statuses[-1]["kind"] == "Normal"
    assert await buffer.ghosts()


async def test_snooze_ends_by_itself(editor: Editor, engine: ScriptedEngine) -> None:
    engine.default = "1"
    seen = len(editor.statuses)
    await editor.command("infill.snooze", 0.001)
    await editor.wait_for_kind("Inactive", seen)
    await editor.wait_for_kind("Normal", seen + 1)
    assert await editor.open("x = |\n").ghosts()


async def test_snooze_takes_ten_minutes_by_default(editor: Editor) -> None:
    before = time.time()
    assert (await editor.command("infill.snooze"))["until"] >= before + 590


@pytest.mark.parametrize("minutes", ["10", -1, 1e9, True, [], {}])
async def test_snooze_refuses_what_is_no_number_of_minutes(editor: Editor, minutes: Any) -> None:
    with pytest.raises(JsonRpcException, match=r"infill\.snooze takes a number of minutes from 0 to 1440"):
        await editor.command("infill.snooze", minutes)


async def test_a_setting_of_the_editor_overrides_the_toggle(engine: ScriptedEngine, window: Editor) -> None:
    engine.default = "1"
    capabilities = neovim()
    assert capabilities.workspace is not None
    capabilities.workspace.configuration = False
    await window.initialize(capabilities)
    await window.ready()
    assert await window.command("infill.toggle") == {"enabled": False}
    for seed in (1, 2):  # a change of another setting keeps the toggle
        settings: dict[str, Any] = {"infill": {"completion": {"seed": seed}}}
        window.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=settings))
    assert not await window.open("x = |\n").ghosts()
    settings = {"infill": {"completion": {"enabled": True}}}
    window.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=settings))
    assert await window.open("y = |\n", "file:///w/b.py").ghosts()
    assert window.statuses[-1]["kind"] == "Normal"


async def test_the_status_is_switched_off_from_the_start(engine: ScriptedEngine, window: Editor) -> None:
    engine.default = "1"
    await window.initialize(visual_studio_code(), {"completion": {"enabled": False}})
    await window.wait_for_kind("Inactive")
    assert await window.open("x = |\n").ghosts(by_key=True)
    assert not any(status["kind"] == "Normal" for status in window.statuses)


async def test_settings_of_other_servers_are_ignored(engine: ScriptedEngine, window: Editor) -> None:
    capabilities = neovim()
    assert capabilities.workspace is not None
    capabilities.workspace.configuration = False
    await window.initialize(capabilities, {"completion": {"seed": 5}})
    await window.ready()
    settings: dict[str, Any] = {"pylsp": {"plugins": {}}, "gopls": {}}
    window.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=settings))
    await window.open("x = |\n").ghosts()
    assert engine.wait_for_request(1).seed == 5
    assert window.messages == []


async def test_explain_shows_the_prompt_and_the_raw_output(editor: Editor, engine: ScriptedEngine) -> None:
    engine.default = "1"
    assert await editor.command("infill.explain") is None
    buffer = editor.open("x = |\n")
    await buffer.ghosts()
    explained = await editor.command("infill.explain")
    place = {"textDocument": {"uri": buffer.uri}, "position": {"line": 0, "character": 4}}
    for explanation in (explained, await editor.command("infill.explain", place)):
        assert explanation["prefix"] == "x = "
        assert explanation["candidates"][0]["raw"] == "1"


async def test_busy_is_shown_while_a_request_takes_long(editor: Editor, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.says(Reply([gate, "1"]))
    asked = editor.open("x = |\n").ask_inline()
    await editor.wait_for(lambda: editor.statuses[-1]["busy"] or None)
    gate.set()
    await asked
    await editor.wait_for(lambda: not editor.statuses[-1]["busy"] or None)


async def test_an_engine_that_went_away_is_found_again_by_a_later_request(
    environment: dict[str, str], window: Editor
) -> None:
    first = ScriptedEngine(default="1")
    with first:
        await window.initialize(visual_studio_code())
        await window.ready()
        assert await window.open("x = |\n").ghosts()
    with ScriptedEngine(default="2"):
        buffer = window.open("# later\ny = |\n", "file:///w/b.py")
        before = len(window.statuses)
        ghosts = await buffer.ghosts()
        if not ghosts:  # this request noticed that the engine was gone
            await window.wait_for_kind("Normal", since=before)
            ghosts = await buffer.ghosts()
        assert ghosts[0].insert_text == "y = 2"


async def test_changed_engine_settings_start_another_engine(
    environment: dict[str, str], engine: ScriptedEngine, window: Editor
) -> None:
    with ScriptedEngine(EngineSettings(context_tokens=2048), default="2") as other:
        await window.initialize(visual_studio_code())
        await window.ready()
        window.client.set_configuration({"infill": {"engine": {"context_tokens": 2048}}})
        before = len(window.statuses)
        window.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))
        await window.wait_for_kind("Warning", since=before)
        await window.wait_for_kind("Normal", since=before)
        assert await window.open("x = |\n").ghosts()
        assert other.requests
        assert not engine.requests


async def test_a_killed_editor_leaves_no_server_behind(environment: dict[str, str], engine: ScriptedEngine) -> None:
    ours, theirs = await asyncio.create_subprocess_exec("sleep", "600"), Editor()
    await theirs.start(environment)
    hello = types.InitializeParams(capabilities=visual_studio_code(), process_id=ours.pid)
    await theirs.client.initialize_session(hello)
    await theirs.ready()
    server = psutil.Process(theirs.pid)
    ours.kill()  # the pipe stays open, as if another process had inherited it
    await ours.wait()
    assert await theirs.exit_code() == 1
    assert not server.is_running()
    await theirs.client.stop()


async def test_the_server_uses_little_memory_and_loads_no_tensor_library(
    editor: Editor, engine: ScriptedEngine
) -> None:
    engine.default = "1"
    assert await editor.open("x = |\n").ghosts()
    server = psutil.Process(editor.pid)
    assert server.memory_info().rss < 80 * 1024 * 1024
    mapped = " ".join(library.path for library in server.memory_maps())
    assert not any(name in mapped for name in ("torch", "tokenizers", "numpy", "safetensors"))
