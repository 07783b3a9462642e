"""Private text never reaches the engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from tests.e2e.editor import Editor, visual_studio_code
from tests.scripted_engine import ScriptedEngine

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
