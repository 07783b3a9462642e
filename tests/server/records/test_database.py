"""The database of suggestions: bounded, private, and safe on anything that may be wrong with it."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from infill_server.records.database import MAX_AGE_S, RecordsDatabase, RecordsError
from infill_server.records.row import SuggestionOutcome, SuggestionRow, language_label, model_label
from infill_server.records.writer import MAX_WAITING, RecordsWriter

NOW = int(time.time()) + 86_400  # after all that the tests forget
ROW = SuggestionRow(NOW, "python", "org/model", "inline", "automatic", "engine", 12.5, -0.5, None, 8, 1)


def row(number: int, *, time_s: int = NOW) -> SuggestionRow:
    """Return a row with an id of its own."""
    return replace(ROW, id=number, time_s=time_s)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "suggestions.sqlite3"


def test_rows_come_back_as_they_were_written(path: Path) -> None:
    database = RecordsDatabase(path)
    assert database.rows() == []
    rows = [row(1), replace(row(2, time_s=NOW + 1), outcome=SuggestionOutcome.PARTLY, kept_30s=0.5, first_logprob=-1.0)]
    database.put(rows)
    assert database.rows() == rows
    assert database.rows(since_s=NOW + 1) == rows[1:]


def test_a_row_is_written_in_the_place_of_the_one_with_its_id(path: Path) -> None:
    database = RecordsDatabase(path)
    database.put([row(1)])
    database.put([replace(row(1), kept_30s=1.0)])
    assert database.rows() == [replace(row(1), kept_30s=1.0)]


def test_only_the_user_may_read_it(path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o644)
    RecordsDatabase(path).put([row(1)])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_old_rows_are_removed(path: Path) -> None:
    database = RecordsDatabase(path, max_rows=3)
    database.put([row(number, time_s=NOW + number) for number in range(6)])
    assert [found.id for found in database.rows()] == [3, 4, 5]
    database.put([row(9, time_s=NOW - MAX_AGE_S - 1000)])
    assert [found.id for found in database.rows()] == [3, 4, 5]


def test_what_is_forgotten_does_not_come_back(path: Path) -> None:
    database = RecordsDatabase(path)
    before = int(time.time())
    database.put([row(1, time_s=before)])
    database.forget()
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    assert database.rows() == []
    database.put([replace(row(1, time_s=before), kept_300s=1.0), row(2)])
    assert [found.id for found in database.rows()] == [2]


def test_forgetting_nothing_leaves_nothing(path: Path) -> None:
    RecordsDatabase(path).forget()
    assert not path.exists()


def damage(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 20)


def no_database(path: Path) -> None:
    path.write_text("hello " * 1000)


def other_version(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (damage, "damaged"),
        (no_database, "damaged"),
        (other_version, "another version"),
        (folder, "cannot be written"),
        (link, "cannot be written"),
    ],
)
def test_a_broken_database_is_one_sentence_with_the_next_step(
    path: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    database = RecordsDatabase(path)
    database.put([row(1)])
    spoil(path)
    with pytest.raises(RecordsError, match=sentence) as caught:
        database.put([row(2)])
    assert "; " in str(caught.value)
    assert "infill-ls stats --forget" in str(caught.value) or "privacy.statistics" in str(caught.value)


@pytest.mark.parametrize("spoil", [damage, no_database, other_version])
def test_forgetting_mends_a_broken_database(path: Path, spoil: Callable[[Path], None]) -> None:
    database = RecordsDatabase(path)
    database.put([row(1)])
    spoil(path)
    with pytest.raises(RecordsError, match="stats --forget"):
        database.rows()
    database.forget()
    database.put([row(2, time_s=NOW + 10)])
    assert [found.id for found in database.rows()] == [2]


def test_a_locked_database_is_worth_another_try(path: Path) -> None:
    database = RecordsDatabase(path, busy_s=0)
    database.put([row(1)])
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RecordsError, match="in use") as caught:
        database.put([row(2)])
    assert caught.value.is_passing
    assert [found.id for found in database.rows()] == [1]  # readers do not wait for it
    other.rollback()
    other.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_folder_that_cannot_be_written_is_still_read(path: Path) -> None:
    database = RecordsDatabase(path)
    database.put([row(1)])
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        assert [found.id for found in database.rows()] == [1]
        with pytest.raises(RecordsError, match="cannot be written"):
            database.put([row(2)])
    finally:
        path.parent.chmod(0o700)


def test_a_full_disk_is_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = RecordsDatabase(path)
    database.put([row(1)])
    opened = database._opened

    def small() -> sqlite3.Connection:
        connection = opened()
        connection.execute("PRAGMA max_page_count = 1")  # SQLite's own limit raises the error of a full disk
        return connection

    monkeypatch.setattr(database, "_opened", small)
    with pytest.raises(RecordsError, match="make room on the disk"):
        database.put([row(number) for number in range(2000)])
    assert [found.id for found in RecordsDatabase(path).rows()] == [1]


def test_rows_that_no_server_wrote_are_left_out(path: Path) -> None:
    database = RecordsDatabase(path)
    database.put([row(number) for number in range(1, 7)])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE shown SET outcome = 'eaten' WHERE id = 2")
        connection.execute("UPDATE shown SET latency_ms = 'soon' WHERE id = 3")
        connection.execute("UPDATE shown SET time_s = 1 << 45 WHERE id = 4")
        connection.execute("UPDATE shown SET latency_ms = 9e999 WHERE id = 5")
        connection.execute("UPDATE shown SET kept_30s = -9e999 WHERE id = 6")
    assert [found.id for found in database.rows()] == [1]


def test_a_server_that_writes_while_all_is_forgotten_harms_nothing(path: Path) -> None:
    database = RecordsDatabase(path)
    database.put([row(1)])
    with closing(sqlite3.connect(path)) as another:
        assert another.execute("SELECT count(*) FROM shown").fetchone() == (1,)
        database.forget()
        assert another.execute("SELECT count(*) FROM shown").fetchone() == (0,)
    database.put([row(2)])  # shown later, by the clock of `NOW`
    assert [found.id for found in database.rows()] == [2]


def test_several_servers_write_at_once(path: Path) -> None:
    def write(first: int) -> None:
        for number in range(first, first + 20):
            RecordsDatabase(path, busy_s=60).put([row(number)])

    threads = [threading.Thread(target=write, args=(100 * part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(RecordsDatabase(path).rows()) == 80


class Problems(list[str]):
    """The sentences that a writer reports."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()

    def report(self, sentence: str) -> None:
        """Take a sentence."""
        self.append(sentence)
        self.came.set()


async def test_a_writer_writes_what_is_left_when_it_closes(path: Path) -> None:
    problems = Problems()
    writer = RecordsWriter(problems.report, path, interval_s=3600)
    for number in (1, 2, 1):
        writer.put(row(number))
    assert not path.exists()
    await writer.aclose()
    assert [found.id for found in RecordsDatabase(path).rows()] == [1, 2]
    assert problems == []


async def test_a_writer_drops_what_the_user_no_longer_wants(path: Path) -> None:
    writer = RecordsWriter(Problems().report, path, interval_s=3600)
    writer.put(row(1))
    writer.discard()
    await writer.aclose()
    assert not path.exists()


async def test_a_writer_without_rows_starts_no_thread(path: Path) -> None:
    before = threading.active_count()
    writer = RecordsWriter(Problems().report, path)
    assert threading.active_count() == before
    await writer.aclose()
    assert not path.exists()


async def test_a_writer_reports_a_problem_once_and_goes_on(path: Path) -> None:
    path.parent.mkdir()
    no_database(path)
    problems = Problems()
    writer = RecordsWriter(problems.report, path, interval_s=0)
    writer.put(row(1))
    assert problems.came.wait(60)
    writer.put(row(2))
    path.unlink()
    writer.put(row(3, time_s=NOW + 10))
    await writer.aclose()
    assert len(problems) == 1
    assert "damaged" in problems[0]
    assert 3 in [found.id for found in RecordsDatabase(path).rows()]


def test_a_writer_holds_a_bounded_number_of_rows(path: Path) -> None:
    writer = RecordsWriter(Problems().report, path, interval_s=3600)
    for number in range(MAX_WAITING + 50):
        writer.put(row(number))
    assert len(writer._rows) == MAX_WAITING
    assert min(writer._rows) == 50
    writer.discard()


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("codellama/CodeLlama-7b-hf", "codellama/CodeLlama-7b-hf"),
        ("embedded", "embedded"),
        ("qwen2.5-coder:7b", "qwen2.5-coder:7b"),
        ("", "unknown"),
        ("/home/alice/models/secret", "file "),
        (r"C:\Users\alice\secret", "file "),
        ("C:/models", "file "),
        ("secret.gguf", "file "),
        ("models/secret.GGUF", "file "),
        ("../secret", "file "),
        ("~/secret", "file "),
        ("http://host/secret", "file "),
        ("a b", "file "),
        ("x" * 500, "file "),
    ],
)
def test_a_model_is_named_but_a_path_is_not(name: str, label: str) -> None:
    found = model_label(name)
    assert found.startswith(label)
    assert label != "file " or ("secret" not in found and len(found) == 13)


@pytest.mark.parametrize(
    ("language_id", "label"),
    [("python", "python"), ("c++", "c++"), ("", "other"), ("/home/a", "other"), ("x" * 50, "other")],
)
def test_a_language_is_an_id(language_id: str, label: str) -> None:
    assert language_label(language_id) == label


def test_a_database_of_the_first_version_gets_its_new_column(path: Path) -> None:
    database = RecordsDatabase(path)
    database.put([row(1)])
    with sqlite3.connect(path) as connection:
        connection.executescript("ALTER TABLE shown DROP COLUMN estimate; PRAGMA user_version = 1;")
    connection.close()
    assert database.rows() == [row(1)]
    database.put([replace(row(2), estimate=0.25)])
    assert database.rows() == [row(1), replace(row(2), estimate=0.25)]
