"""The installed ``infill-ls`` with the embedded model, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INFILL = str(Path(sys.executable).with_name("infill-ls"))


@contextmanager
def home(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the environment variables of a user with an engine of their own, which is stopped at the end."""
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    environment = {
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_STATE_HOME": str(folder / "state"),
        "INFILL_LS_CONFIG": str(folder / "config.toml"),
    }
    (folder / "config.toml").write_text('[engine]\nmodel = "embedded"\n', encoding="utf-8")
    try:
        yield environment
    finally:
        infill(environment, "engine", "stop")


def infill(environment: dict[str, str], *arguments: str) -> str:
    """Run ``infill-ls`` and return its output."""
    run = subprocess.run(
        [INFILL, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    return run.stdout
