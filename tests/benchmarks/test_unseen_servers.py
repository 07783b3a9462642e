"""Rows of the table that a language server answers, here our own over a scripted engine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.unseen.__main__ import finished, measure, settings
from benchmarks.unseen.journal import Journal
from benchmarks.unseen.servers import ServerAnswers
from infill_server.commands.bench.quality.hole import CodeHole
from infill_server.errors import MeasurementError
from infill_server.harness import SERVER
from tests.run_directory import run_directory_in
from tests.scripted_engine import ScriptedEngine


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run directory and a state of the test's own, and a folder of files."""
    for name in ("run", "cache", "state", "files"):
        (tmp_path / name).mkdir(mode=0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("INFILL_LS_CONFIG", str(tmp_path / "config.toml"))
    with run_directory_in(tmp_path / "run"):
        yield tmp_path / "files"


async def test_a_server_is_asked_at_each_hole_and_does_not_remember_the_last_one(home: Path) -> None:
    holes = [CodeHole(home / "a.py", f"x = {n}\ny = ", f"value_{n}", "\nz = 0\n") for n in range(3)]
    with ScriptedEngine(settings().engine) as engine:
        for n in (0, 7, 2):
            engine.says(f"value_{n}")
        journal, server = Journal(None, {}), ServerAnswers(shlex.join(SERVER))
        journal.begin("ours", server.subject)
        try:
            await measure({"ours": server}, "python", holes, journal, home)
        finally:
            await server.aclose()
        assert [request.prefix.splitlines()[-2] for request in engine.requests] == ["x = 0", "x = 1", "x = 2"]
    assert finished(["ours"], "python", holes, journal)["ours"]["hits"] == 2
    assert server.subject == {"server": Path(sys.executable).name, "arguments": list(SERVER[1:])}


async def test_a_server_without_a_model_ends_the_run(home: Path) -> None:
    hole, server = CodeHole(home / "a.py", "x = ", "1", "\n"), ServerAnswers(shlex.join(SERVER))
    with ScriptedEngine(settings().engine, load_error="The disk is on fire."):
        try:
            with pytest.raises(MeasurementError, match=r"has no model: .*on fire"):
                await server.answer(hole, 0, home)
        finally:
            await server.aclose()
