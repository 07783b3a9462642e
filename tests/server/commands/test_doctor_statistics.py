"""What ``infill-ls doctor`` says about the statistics."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_server.commands.doctor import Severity, _statistics
from infill_server.records.database import database_path
from tests.server.commands.stats.sample import sample_rows, write_sample


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a database and a settings file of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("INFILL_LS_CONFIG", str(tmp_path / "config.toml"))


def test_it_counts_what_is_recorded() -> None:
    assert (_statistics().level, _statistics().message[:14]) == (Severity.OK, "0 suggestions ")
    write_sample(database_path())
    assert _statistics().message.startswith(f"{len(sample_rows()):,} suggestions in ")


def test_it_says_that_nothing_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[privacy]\nstatistics = false\n")
    assert (_statistics().level, "off" in _statistics().message) == (Severity.OK, True)


def test_it_names_the_next_step_for_a_damaged_database() -> None:
    database_path().parent.mkdir(parents=True)
    database_path().write_text("hello " * 100)
    found = _statistics()
    assert found.level is Severity.PROBLEM
    assert found.message.endswith("is damaged.")
    assert found.next_step == "Remove it with `infill-ls stats --forget`."
