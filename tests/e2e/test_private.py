"""Private text never reaches the engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lsprotocol import types

from tests.e2e.editor import Editor, visual_studio_code
from tests.scripted_engine import DEADLINE_S, ScriptedEngine

VAULT = 'DATABASE_HOST = "db"\nDATABASE_PIN = 99887766\ndef connect_database(host, pin): ...\n'
HERE = "def main():\n    connection = connect_database(DATABASE_HOST, DATABASE_PIN)\n    database = |\n"


@pytest.fixture
async def project(engine: ScriptedEngine, window: Editor, tmp_path: Path) -> Path:
    """Open a project in VS Code with the scripted engine ready."""
    del engine
    folder = tmp_path / "project"
    folder.mkdir()
    await window.initialize(visual_studio_code(), folder=folder)
    await window.ready()
    return folder


@pytest.mark.parametrize(
    "uri",
    [
        "git:{folder}/.env?%7B%22ref%22%3A%22HEAD%22%7D",
        "untitled:{folder}/.env",
        "fugitive://{folder}/.git//0/.env",
        "vscode-remote://ssh-remote+host{folder}/.env",
        "file://{folder}/.ENV",
    ],
)
async def test_a_private_file_is_neither_completed_nor_used_as_context_with_any_uri_scheme(
    window: Editor, engine: ScriptedEngine, project: Path, uri: str
) -> None:
    vault = window.open(VAULT + "DATABASE_|", uri.format(folder=project))
    assert await vault.ghosts() == []
    assert engine.requests == []
    await window.open(HERE, (project / "main.py").as_uri()).ghosts()
    [*requests] = engine.requests
    assert requests
    assert "99887766" not in str(requests)


async def test_a_rule_that_is_set_while_typing_applies_from_the_next_key(
    window: Editor, engine: ScriptedEngine, project: Path
) -> None:
    window.open(VAULT + "|", (project / "vault.py").as_uri())
    buffer = window.open(HERE, (project / "main.py").as_uri())
    await buffer.ghosts()
    assert "99887766" in str(engine.requests)
    asked = sum(method == types.WORKSPACE_CONFIGURATION for method, _ in window.notes)
    window.client.set_configuration({"infill": {"privacy": {"ignore": ["**/vault.py"]}}})
    window.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))
    await window.wait_for_question(types.WORKSPACE_CONFIGURATION, asked + 1)
    count = len(engine.requests)
    buffer.type("c")
    await buffer.ghosts()
    assert len(engine.requests) > count
    assert "99887766" not in str(engine.requests[count:])


async def test_a_token_that_was_just_pasted_is_masked(window: Editor, engine: ScriptedEngine, project: Path) -> None:
    buffer = window.open('API_TOKEN = "|"\n', (project / "main.py").as_uri())
    buffer.type("abcdef1234567890XYZ")
    await buffer.ghosts()
    assert engine.requests
    assert "1234567890" not in str(engine.requests)


async def test_the_engine_counts_the_workspace_without_private_files_secrets_and_names(
    window: Editor, engine: ScriptedEngine, project: Path
) -> None:
    (project / "other.py").write_text('TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"\ndef other(basket): ...\n')
    (project / "vault.py").write_text(VAULT)
    (project / ".infillignore").write_text("vault.py\n")
    buffer = window.open(HERE, (project / "main.py").as_uri())
    await buffer.ghosts()
    await asyncio.to_thread(engine.wait_for, lambda: any(update.texts for update in engine.updates) or None)
    async with asyncio.timeout(DEADLINE_S):
        while not engine.requests[-1].workspace:  # named once the server knows that everything has arrived
            buffer.type("c")
            await buffer.ghosts()
    sent = str(engine.updates)
    assert "def other(basket)" in sent
    for secret in ("99887766", "0123456789", "other.py", str(project)):
        assert secret not in sent


async def test_without_workspace_context_the_engine_gets_no_files(
    window: Editor, engine: ScriptedEngine, project: Path
) -> None:
    (project / "other.py").write_text("def other(basket): ...\n" * 3)
    asked = sum(method == types.WORKSPACE_CONFIGURATION for method, _ in window.notes)
    window.client.set_configuration({"infill": {"context": {"workspace": False}}})
    window.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))
    await window.wait_for_question(types.WORKSPACE_CONFIGURATION, asked + 1)
    buffer = window.open(HERE, (project / "main.py").as_uri())
    for _ in range(3):
        buffer.type("c")
        await buffer.ghosts()
    assert engine.updates == []
    assert not any(request.workspace for request in engine.requests)
