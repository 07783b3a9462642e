"""A scripted engine, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.engine.http.requests import client_of, wait_ready
from tests.scripted_engine import ScriptedEngine


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedEngine]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with ScriptedEngine() as running:
        wait_ready(running)
        yield running


@pytest.fixture
def http(engine: ScriptedEngine) -> Iterator[httpx.Client]:
    with client_of(engine) as client:
        yield client
