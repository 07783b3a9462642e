"""What several folders of tests share: time to spare, and models that are loaded once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from infill_completion.settings import EngineSettings
from tests.properties import REPEATABLE

if TYPE_CHECKING:
    from infill_completion.engine.checkpoints.tokenizer import Tokenizer
    from infill_completion.engine.decoding.generator import Generator

# Chance must not decide whether a change passes; `make fuzz` asks for "random" with --hypothesis-profile.
settings.load_profile(REPEATABLE)
# Others are set by libraries, some of them when they are first used.
_OURS = ("INFILL_", "XDG_", "HOME", "PATH", "PYTHON")


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """Fail a test that leaves the environment changed, for later tests and for the processes that they start."""
    before = _our_variables()
    yield
    after = _our_variables()
    for name in after.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)
    assert after == before


def _our_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_OURS)}


@pytest.fixture(autouse=True)
def patience(same_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every gathering of context and every parse enough time, however busy the machine is."""
    from infill_completion.context import gather
    from infill_completion.languages.syntax import parser

    monkeypatch.setattr(gather, "MAX_MS", 60_000.0)
    monkeypatch.setattr(parser, "MAX_MS", 60_000.0)


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a short path: that of a socket has at most 103 bytes, whoever runs the tests, and where."""
    return tmp_path_factory.mktemp("t")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Let torch use one thread in each test; to load a model sets another number for the whole process."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what engines measure here, also those in other processes, out of the developer's own folders.

    Models that the developer has fetched would change what ``auto`` means.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session")
def shared_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all processes of this run share, for what each would build again."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own  # one of several, started by xdist


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """Return the embedded model's tokenizer."""
    from infill_completion.engine.checkpoints.selection import EMBEDDED
    from infill_completion.engine.checkpoints.tokenizer import Tokenizer

    return Tokenizer.load(EMBEDDED)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a checkpoint with random weights and few of them."""
    from tests.engine.tiny import save_tiny

    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Iterator[Generator]:
    """Load the tiny checkpoint without quantization."""
    yield from _loaded(EngineSettings(model=str(tiny_folder), device="cpu", quantization="none"))


@pytest.fixture(scope="session")
def embedded() -> Iterator[Generator]:
    """Load the embedded model as it ships."""
    yield from _loaded(EngineSettings(model="embedded", device="cpu"))


@pytest.fixture(scope="session")
def exact() -> Iterator[Generator]:
    """Load the embedded model in float32, where one token at a time and several at once give the same numbers."""
    yield from _loaded(EngineSettings(model="embedded", device="cpu", quantization="none"))


def _loaded(chosen: EngineSettings) -> Iterator[Generator]:
    """Load a model for all tests; if one of them closes it or a copy of it, that is what fails."""
    from infill_completion.engine.decoding.generator import Generator

    generator, closed_by = Generator.load(chosen, lambda share, doing: None), list[str]()
    with pytest.MonkeyPatch.context() as patch:
        test = "PYTEST_CURRENT_TEST"
        patch.setattr(generator.model.forward_pass, "close", lambda: closed_by.append(os.environ[test]))
        yield generator
    generator.close()
    assert not closed_by, "These tests close a model that others use; they need one of their own."
