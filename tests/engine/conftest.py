from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from infill_completion.engine.checkpoint import EMBEDDED
from infill_completion.engine.generator import Generator
from infill_completion.engine.tokenizer import Tokenizer
from infill_completion.settings import EngineSettings
from tests.engine.tiny import save_tiny

# How long one example takes says something about the machine, not about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(EMBEDDED)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Iterator[Generator]:
    generator = Generator.load(
        EngineSettings(model=str(tiny_folder), device="cpu", quantization="none"), lambda share, doing: None
    )
    yield generator
    generator.close()


@pytest.fixture(scope="session")
def embedded() -> Iterator[Generator]:
    generator = Generator.load(EngineSettings(model="embedded", device="cpu"), lambda share, doing: None)
    yield generator
    generator.close()


@pytest.fixture(scope="session")
def exact() -> Iterator[Generator]:
    """The embedded model in float32, where one token at a time and several at once give the same numbers."""
    settings = EngineSettings(model="embedded", device="cpu", quantization="none")
    generator = Generator.load(settings, lambda share, doing: None)
    yield generator
    generator.close()
