"""What was learned in repositories that are gone."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infill_completion.catalog import learned
from infill_completion.catalog.learned import Learned

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def learned_in(repository: Path) -> Path:
    about = Learned(str(repository), "small", "c", "f", THEN.isoformat(), 1.0, 2, 3, 2.0, 1.0, 1, 2, True)
    folder = learned.prepared_folder(repository)
    (folder / learned.adapter_name(about)).write_bytes(b"x")
    learned.describe(folder, about)
    return folder


LONG_AFTER = THEN + timedelta(days=400)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.parametrize(
    ("is_gone", "days", "is_kept"), [(False, 400, True), (True, 29, True), (True, 31, False)],
    ids=["a repository that is there", "one that may come back", "one that is gone"],
)  # fmt: skip
def test_what_was_learned_goes_some_time_after_its_repository(
    tmp_path: Path, is_gone: bool, days: int, is_kept: bool
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    folder, lock = learned_in(repository), learned.lock_of(repository)
    lock.touch()
    unreadable = learned.prepared_folder(tmp_path / "other")
    (unreadable / learned.ABOUT).write_text("[]")
    if is_gone:
        shutil.rmtree(repository)
    learned.forget_vanished(LONG_AFTER)  # the repository was there until now
    assert folder.exists()
    learned.forget_vanished(LONG_AFTER + timedelta(days=days))
    assert folder.exists() is is_kept
    assert lock.exists() is is_kept
    assert unreadable.exists()  # nobody can tell whose it is


def test_a_repository_that_comes_back_counts_as_gone_from_its_next_absence_on(tmp_path: Path) -> None:
    folder = learned_in(tmp_path / "disk")
    learned.forget_vanished(LONG_AFTER)
    (tmp_path / "disk").mkdir()
    learned.forget_vanished(LONG_AFTER + timedelta(days=20))
    (tmp_path / "disk").rmdir()
    learned.forget_vanished(LONG_AFTER + timedelta(days=40))
    learned.forget_vanished(LONG_AFTER + timedelta(days=69))
    assert folder.exists()
    learned.forget_vanished(LONG_AFTER + timedelta(days=70))
    assert not folder.exists()


def test_a_clock_that_was_wrong_does_not_count(tmp_path: Path) -> None:
    folder = learned_in(tmp_path / "gone")
    learned.forget_vanished(LONG_AFTER + timedelta(days=9999))  # that clock was ahead
    learned.forget_vanished(LONG_AFTER)
    learned.forget_vanished(LONG_AFTER + timedelta(days=29))
    assert folder.exists()
    for noted in ("yesterday", "2026-01-02T03:04:05", ""):
        (folder / "gone").write_text(noted)
        learned.forget_vanished(LONG_AFTER)
        assert folder.exists()
