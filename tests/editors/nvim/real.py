"""Neovim with the real language server, the real engine and the embedded model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.editors.nvim.editor import Neovim

INFILL = str(Path(sys.executable).with_name("infill-ls"))
LOAD_S = 120.0

CODE = b"""import json


def read_settings(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read_names(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split()
"""


@contextmanager
def home(folder: Path) -> Iterator[dict[str, str]]:
    """Give the environment of a user with an engine of their own, which ends with the context."""
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    environment = {
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "INFILL_LS_CONFIG": str(folder / "config.toml"),
    }
    (folder / "config.toml").write_text('[engine]\nmodel = "embedded"\n', encoding="utf-8")
    try:
        yield environment
    finally:
        infill(environment, "engine", "stop")


def infill(environment: dict[str, str], *arguments: str) -> str:
    """Run ``infill-ls`` and return what it prints."""
    run = subprocess.run(
        [INFILL, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    return run.stdout


def start(folder: Path, name: str, environment: dict[str, str], init: str = "", *, home: Path | None = None) -> Neovim:
    """Start an editor in ``folder/name`` with what the documentation says and no more: the server is on the PATH.

    With ``home``, the configuration in that folder is the only one.
    """
    workspace = folder / name
    workspace.mkdir(exist_ok=True)
    path = f"{Path(INFILL).parent}:{os.environ['PATH']}"
    init = "require('infill').map('<Tab>', 'accept')\n" + init
    return Neovim(workspace, None, {"PATH": path, **environment}, init, home)


def ready(editor: Neovim) -> None:
    """Wait until the model is ready."""
    editor.until(
        lambda: editor.lua("return require('infill').statusline()") == "infill ✓", "the model is ready", LOAD_S
    )
