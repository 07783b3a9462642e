"""A person with an editor: the configuration that editors/README.md gives, ``infill-ls`` on the PATH, an engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.drivers.installation import home, infill
from infill_completion.settings import EngineSettings
from tests.editors.sample import CODE
from tests.scripted_engine import Script, ScriptedEngine

README = Path(__file__).parents[2] / "editors" / "README.md"


def documented(section: str, language: str) -> str:
    """Return the first block of code in ``language`` below the heading ``section`` of editors/README.md."""
    lines = README.read_text(encoding="utf-8").split(f"\n{section}\n", 1)[1]
    return lines.split(f"```{language}\n", 1)[1].split("```", 1)[0]


@contextmanager
def with_the_embedded_model(folder: Path) -> Iterator[dict[str, str]]:
    """Give the whole environment of a person whose model is loaded already."""
    with home(folder) as environment:
        sample = folder / "sample.py"
        sample.write_bytes(CODE)
        infill(environment, "complete", f"{sample}:6:9")
        assert "ready" in infill(environment, "engine", "status")
        yield _whole(folder, environment)


@contextmanager
def with_a_scripted_model(folder: Path, script: Script) -> Iterator[dict[str, str]]:
    """Give the whole environment of a person whose model says what the script tells it to."""
    with pytest.MonkeyPatch.context() as patch, home(folder) as environment:
        for name, value in environment.items():
            patch.setenv(name, value)
        with ScriptedEngine(EngineSettings(model="embedded"), default=script):
            yield _whole(folder, environment)


def _whole(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    # Nothing of whoever runs the tests may count: no configuration, no language, no colours.
    own = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "STATE")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, **own, "HOME": str(folder), "LC_ALL": "C.UTF-8", "PATH": path, "COLORTERM": "", **environment}
