"""Editors with a scripted server and the log of that server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.drivers.neovim import Neovim

SERVER = Path(__file__).with_name("scripted_server.py")
TAB = "require('infill').map('<Tab>', 'accept')"


@dataclass
class Scripted:
    """The events that the scripted server received."""

    log: Path

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of one kind so far."""
        if not self.log.exists():
            return []
        rows = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
        return [row for row in rows if row["event"] == name]


@dataclass
class Stage:
    """An editor and the log of its server."""

    editor: Neovim
    server: Scripted

    def until_heard(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until the server received ``count`` events of a kind and return them."""
        self.editor.until(lambda: len(self.server.events(event)) >= count, f"{count} times {event}")
        return self.server.events(event)


StageMaker = Callable[..., Stage]


def set_stage(root: Path, name: str, rules: tuple[dict[str, Any], ...], init: str, more: dict[str, Any]) -> Stage:
    """Start an editor in ``root/name``."""
    workspace = root / name
    workspace.mkdir()
    script = root / f"{name}.json"
    script.write_text(json.dumps({"rules": rules, **more}), encoding="utf-8")
    log = root / f"{name}.log"
    environment = {"SCRIPTED_RULES": str(script), "SCRIPTED_LOG": str(log)}
    editor = Neovim(workspace, [sys.executable, str(SERVER)], environment, init)
    return Stage(editor, Scripted(log))
