"""A recorded session gives the same suggestions again, and its trace holds nothing private."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from infill_completion.engine.model.native import build
from tests.e2e.editor import CONSOLE_SCRIPT, Editor, neovim, visual_studio_code
from tests.scripted_engine import Reply, ScriptedEngine

BUILD_S = 600.0
TOKEN = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.fixture
def state(environment: dict[str, str]) -> Path:
    return Path(environment["XDG_STATE_HOME"])


@pytest.fixture
async def project(state: Path, engine: ScriptedEngine, window: Editor, tmp_path: Path) -> Path:
    """Open a project in VS Code with the scripted engine ready."""
    del engine, state
    folder = tmp_path / "alice" / "project"
    folder.mkdir(parents=True)
    await window.initialize(visual_studio_code(), folder=folder)
    await window.ready()
    return folder


async def replay(*arguments: str | Path) -> tuple[int, str]:
    """Run ``infill-ls replay`` and return its exit code and its output."""
    process = await asyncio.create_subprocess_exec(
        CONSOLE_SCRIPT, "replay", *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


def text_of(path: str) -> str:
    return Path(path).read_text()


def events_of(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text_of(path).splitlines()[1:]]


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_a_session_is_recorded_and_replays_with_what_the_model_said(
    window: Editor, engine: ScriptedEngine, project: Path, state: Path
) -> None:
    engine.says("total\n", "first + second\n")
    here = window.open("def add(first, second):\n    |\n", (project / "add.py").as_uri())
    started = await window.command("infill.record")
    assert started["recording"]
    here.type("re")
    assert await here.ghosts()
    here.type("turn ")
    await here.ghosts()
    await here.popup()
    ended = await window.command("infill.record")
    assert not ended["recording"]
    path = Path(ended["path"])
    assert ended["path"] == started["path"]
    assert path.is_relative_to(state)
    assert (permissions(path), permissions(path.parent)) == (0o600, 0o700)
    assert str(path) in window.messages[-1]
    assert "read it" in window.messages[-1]
    code, output = await replay(path, "--recorded", "--json")
    assert code == 0, output
    table = json.loads(output)
    assert table["equal"]
    assert [request["outcome"] for request in table["requests"]] == ["same"] * 3
    assert table["requests"][0]["got"]
    # The last request, for what follows an answer that nobody took, may have been withdrawn before it was sent.
    assert table["prompts"]["different"] == 0
    assert 0 <= table["prompts"]["same"] - len(engine.requests) <= 1


async def test_a_different_answer_is_shown_and_sets_the_exit_code(
    window: Editor, engine: ScriptedEngine, project: Path, tmp_path: Path
) -> None:
    engine.says("one\n")
    await window.command("infill.record")
    here = window.open("x = |\n", (project / "a.py").as_uri())
    assert await here.ghosts(by_key=True)
    ended = await window.command("infill.record")
    changed = tmp_path / "changed.jsonl"
    changed.write_text(text_of(ended["path"]).replace("x = one", "x = two"))
    code, output = await replay(changed, "--recorded")
    assert code == 1
    assert "expected 'x = two'" in output
    assert "got      'x = one'" in output
    assert "1 requests: 0 the same, 1 different, 0 not compared." in output


async def test_a_trace_names_no_person_no_file_and_no_address(
    window: Editor, engine: ScriptedEngine, project: Path, state: Path
) -> None:
    (project / ".infillignore").write_text("vault.py\n")
    config = Path(os.environ["INFILL_LS_CONFIG"])
    config.write_text('[privacy]\nignore = ["alices-notes/**"]\n' + config.read_text())
    engine.default = "1"
    window.open("vault_pin = 99887766|\n", (project / "vault.py").as_uri())
    window.open("SHAPE = 'round'|\n", (project / "pkg" / "shapes.py").as_uri())
    await window.command("infill.record")
    here = window.open("from pkg import shapes\nx = |\n", (project / "pkg" / "secret_plan.py").as_uri())
    assert await here.ghosts(by_key=True)
    private = window.open("more_pins = 55443322 + |\n", (project / "sub" / "vault.py").as_uri())
    assert await private.ghosts(by_key=True) == []
    ended = await window.command("infill.record")
    text = text_of(ended["path"])
    for word in ("alice", "project", "secret_plan", "vault", "99887766", "55443322", "infillignore", str(state)):
        assert word not in text, word
    messages = [event["client"] for event in events_of(ended["path"]) if "client" in event]
    opened = [message["params"]["textDocument"] for message in messages if message["method"].endswith("didOpen")]
    one, other = (Path(item["uri"].removeprefix("file://")) for item in opened)
    assert one.parent == other.parent
    assert one.suffix == other.suffix == ".py"
    code, output = await replay(ended["path"], "--recorded")
    assert code == 0, output


async def test_a_file_that_becomes_private_while_it_is_recorded_is_left_out(
    engine: ScriptedEngine, window: Editor, state: Path, tmp_path: Path
) -> None:
    engine.default = "1"
    folder = tmp_path / "alice" / "project"
    folder.mkdir(parents=True)
    await window.initialize(neovim(), {"completion": {"deadline_ms": 60_000}}, folder)
    await window.ready()
    await window.command("infill.record")
    here = window.open("opened = |\n", (folder / "soon.py").as_uri())
    window.open(f"# see {folder}/notes\nx = |\n", (folder / "other.py").as_uri())
    assert await here.ghosts(by_key=True)
    (folder / ".infillignore").write_text("soon.py\n")
    ended = await window.command("infill.record")
    text = text_of(ended["path"])
    assert "opened" not in text
    assert "alice" not in text
    assert "/notes" in text
    code, output = await replay(ended["path"], "--recorded")
    assert code == 0, output


@pytest.mark.parametrize("typed_before", ["x = 1\n", "é𝒳 = 1; "])
async def test_a_secret_typed_key_by_key_is_nowhere_in_the_trace(
    window: Editor, engine: ScriptedEngine, project: Path, typed_before: str
) -> None:
    engine.default = "1\n"
    await window.command("infill.record")
    here = window.open(f"{typed_before}|\n", (project / "a.py").as_uri())
    for key in f'password = "{TOKEN}"':
        here.type(key)
        if key in "=_9":
            await here.ghosts(by_key=True)
    here.type("\nb = ")
    assert await here.ghosts(by_key=True)
    copied = window.open("|", (project / "b.txt").as_uri())
    copied.type("")
    copied.replace(0, 0, f"see {TOKEN}, twice")
    ended = await window.command("infill.record")
    written = "".join(
        change["text"]
        for event in events_of(ended["path"])
        for change in event.get("client", {}).get("params", {}).get("contentChanges", ())
    )
    assert not any(TOKEN[at : at + 5] in written for at in range(len(TOKEN) - 5))
    assert not any(TOKEN[at : at + 5] in text_of(ended["path"]) for at in range(4, len(TOKEN) - 5))
    code, output = await replay(ended["path"], "--recorded")
    assert code == 0, output
    assert "a secret that is masked here" in output


async def test_a_recording_ends_by_itself_at_its_largest_size(
    window: Editor, engine: ScriptedEngine, project: Path
) -> None:
    await window.command("infill.record")
    here = window.open("|\n", (project / "a.py").as_uri())
    for _ in range(5):
        here.replace(0, 0, "word " * 400_000 + "\n")
    message = await window.wait_for(lambda: next((text for text in window.messages if "largest size" in text), None))
    assert "has ended" in message
    assert (await window.command("infill.record"))["recording"]


async def test_a_session_that_ends_while_it_is_recorded_is_written(
    window: Editor, engine: ScriptedEngine, project: Path, state: Path
) -> None:
    started = await window.command("infill.record")
    window.open("x = |\n", (project / "a.py").as_uri())
    await window.client.shutdown_session()
    assert await window.exit_code() == 0
    assert any("client" in event for event in events_of(started["path"]))


async def test_a_trace_that_cannot_be_written_is_one_sentence(
    window: Editor, engine: ScriptedEngine, project: Path, state: Path
) -> None:
    state.write_text("a file in the way")
    with pytest.raises(Exception, match="cannot be created"):
        await window.command("infill.record")
    engine.default = "1"
    assert await window.open("x = |\n", (project / "a.py").as_uri()).ghosts()


@pytest.mark.parametrize("text", ["", "{}\n", "[1]\n", '{"infill_trace": 1}\n{"ms": 0}\n', "no json", "[" * 99_999])
async def test_a_file_that_is_no_trace_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    code, output = await replay(tmp_path / "a.jsonl")
    assert code == 2
    assert len(output.splitlines()) == 1
    assert "is not a trace" in output


async def test_look_ahead_cancels_and_keys_during_an_answer_replay_in_the_same_order(
    window: Editor, engine: ScriptedEngine, project: Path
) -> None:
    engine.default = Reply(["alpha", " + ", "beta", "\n"])
    await window.command("infill.record")
    here = window.open("def add(alpha, beta):\n    return |\n", (project / "add.py").as_uri())
    asked = [here.ask_inline()]
    for key in "alp":
        await asyncio.sleep(0)  # now it is sent
        here.type(key)
        asked.append(here.ask_inline())
    await asyncio.sleep(0)
    window.cancel_last()
    here.backspace()
    asked.append(here.ask_inline(by_key=True))
    await asyncio.gather(*asked, return_exceptions=True)
    [item] = (await asked[-1]).items[:1]
    assert isinstance(item.command, types.Command)
    here.replace(here.text.rindex("al"), here.offset, "alpha + beta")
    await window.command(item.command.command, *item.command.arguments or ())
    here.type("\n    ")
    await here.ghosts()
    ended = await window.command("infill.record")
    for _ in range(3):
        code, output = await replay(ended["path"], "--recorded")
        assert code == 0, output


async def test_the_embedded_model_says_the_same_again(environment: dict[str, str], state: Path, tmp_path: Path) -> None:
    # An engine begins with torch's operators if the step is not compiled yet, and their sums depend on the batch.
    compiled = build.Build()
    assert compiled.wait(BUILD_S)
    if compiled.library is None:
        pytest.skip("needs a C compiler")
    editor = Editor()
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    try:
        await editor.start(environment, folder=workspace)
        await editor.initialize(neovim(), {"engine": {"model": "embedded"}}, workspace)
        await editor.ready()
        editor.open(
            "class Circle:\n    def area(self):\n        return 3 * self.radius|\n", (workspace / "c.py").as_uri()
        )
        here = editor.open("from c import Circle\n\n\nclass Square:\n    |\n", (workspace / "a.py").as_uri())
        await editor.command("infill.record")
        said = []
        for typed in ("def area(self):\n        ", "re", "turn "):
            here.type(typed)
            said += [str(item.insert_text) for item in await here.ghosts(by_key=True)]
        assert said
        ended = await editor.command("infill.record")
    finally:
        await editor.close()
    code, output = await replay(ended["path"], "--json")
    await (await asyncio.create_subprocess_exec(CONSOLE_SCRIPT, "engine", "stop")).wait()
    assert code == 0, output
    table = json.loads(output)
    assert [item["text"] for request in table["requests"] for item in request["got"]] == said
    assert table["prompts"]["different"] == 0
    assert table["model"]["recorded"] == table["model"]["replayed"]
    assert table["model"]["recorded"]
