"""The environment of an editor's user: the configuration in editors/README.md, ``infill-ls`` on PATH, an engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.drivers.installation import home, infill
from infill_completion.api import CompletionRequest
from infill_completion.settings import EngineSettings
from tests.editors.sample import CODE
from tests.scripted_engine import Reply, Script, ScriptedEngine

README = Path(__file__).parents[2] / "editors" / "README.md"

Configure = Callable[[dict[str, str]], None]
"""Writes an editor's configuration into an environment."""


def documented(section: str, language: str) -> str:
    """Return the first block of code in ``language`` below the heading ``section`` of editors/README.md."""
    lines = README.read_text(encoding="utf-8").split(f"\n{section}\n", 1)[1]
    return lines.split(f"```{language}\n", 1)[1].split("```", 1)[0]


@contextmanager
def with_the_embedded_model(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the whole environment of a user whose model is already loaded."""
    with home(folder) as environment:
        sample = folder / "sample.py"
        sample.write_bytes(CODE)
        infill(environment, "complete", f"{sample}:6:9")
        assert "ready" in infill(environment, "engine", "status")
        yield _whole(folder, environment)


@contextmanager
def with_a_scripted_model(folder: Path, script: Script) -> Iterator[dict[str, str]]:
    """Yield the whole environment of a user whose model answers from a script."""
    with pytest.MonkeyPatch.context() as patch, home(folder) as environment:
        for name, value in environment.items():
            patch.setenv(name, value)
        with ScriptedEngine(EngineSettings(model="embedded"), default=script):
            yield _whole(folder, environment)


def replies(says: Mapping[str, Sequence[str]]) -> Script:
    """Return a script that answers with the pieces whose key ends the prefix, and with nothing if there is none."""

    def reply(request: CompletionRequest) -> Reply:
        return Reply(next((list(pieces) for end, pieces in says.items() if request.prefix.endswith(end)), []))

    return reply


def embedded_fixture(configure: Configure) -> Callable[[pytest.TempPathFactory], Iterator[dict[str, str]]]:
    """Return a module's fixture: a configured environment with the embedded model."""

    @pytest.fixture(scope="module")
    def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
        with with_the_embedded_model(tmp_path_factory.mktemp("embedded")) as environment:
            configure(environment)
            yield environment

    return embedded


def scripted_fixture(
    says: Mapping[str, Sequence[str]], configure: Configure
) -> Callable[[pytest.TempPathFactory], Iterator[dict[str, str]]]:
    """Return a module's fixture: a configured environment with a model that answers from ``says``."""

    @pytest.fixture(scope="module")
    def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
        with with_a_scripted_model(tmp_path_factory.mktemp("scripted"), replies(says)) as environment:
            configure(environment)
            yield environment

    return scripted


def _whole(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    # Nothing of the user who runs the tests may have an effect: no configuration, no language, no colours.
    own = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "STATE")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, **own, "HOME": str(folder), "LC_ALL": "C.UTF-8", "PATH": path, "COLORTERM": "", **environment}
