"""The database of what became of suggestions: one SQLite file in the user's state folder, for all servers.

It is opened for each batch of rows and closed again, so that it can be removed at any time, on Windows too.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from infill_completion.folders import state_folder
from infill_server.records.row import FIELDS, SuggestionRow

MAX_ROWS = 100_000
MAX_AGE_S = 400 * 24 * 3600
# How long to wait for another server that is writing.
BUSY_S = 5.0
_VERSION = 2
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS shown (
    time_s INTEGER, language TEXT, model TEXT, face TEXT, "trigger" TEXT, source TEXT, latency_ms REAL,
    mean_logprob REAL, first_logprob REAL, characters INTEGER, lines INTEGER, shown_ms INTEGER, outcome TEXT,
    taken_characters INTEGER, kept_30s REAL, kept_300s REAL, estimate REAL, id INTEGER PRIMARY KEY);
CREATE INDEX IF NOT EXISTS shown_time ON shown (time_s);
CREATE TABLE IF NOT EXISTS forgotten (time_s INTEGER);
PRAGMA user_version = {_VERSION};
"""
# What brings the tables of each earlier version to the next one.
_MIGRATIONS = {1: "ALTER TABLE shown ADD COLUMN estimate REAL; PRAGMA user_version = 2;"}
_COLUMNS = ", ".join(f'"{name}"' for name in FIELDS)
# A row from before the user had everything forgotten must not come back.
_PUT = (
    f"INSERT OR REPLACE INTO shown ({_COLUMNS}) SELECT {', '.join('?' * len(FIELDS))} "  # noqa: S608
    "WHERE ? > coalesce((SELECT max(time_s) FROM forgotten), 0)"
)
_BOUND = (
    "DELETE FROM shown WHERE time_s < ?",
    "DELETE FROM shown WHERE time_s < (SELECT time_s FROM shown ORDER BY time_s DESC LIMIT 1 OFFSET ?)",
)


class RecordsError(Exception):
    """The database cannot be used; the message is a sentence with the next step.

    Attributes:
        is_passing: Whether it is worth trying again later.
    """

    def __init__(self, message: str, *, is_passing: bool = False) -> None:
        super().__init__(message)
        self.is_passing = is_passing


def database_path() -> Path:
    """Return the path of the database."""
    return state_folder() / "suggestions.sqlite3"


class RecordsDatabase:
    """The rows of all servers of this user.

    Args:
        path: The file.
        busy_s: How long to wait for another process that is writing.
        max_rows: The oldest rows beyond that many are removed.
    """

    def __init__(self, path: Path | None = None, *, busy_s: float = BUSY_S, max_rows: int = MAX_ROWS) -> None:
        self.path = path or database_path()
        self._busy_s = busy_s
        self._max_rows = max_rows

    def put(self, rows: Iterable[SuggestionRow]) -> None:
        """Write rows, each in the place of a former one with its id; old ones are removed.

        Raises:
            RecordsError: They cannot be written.
        """
        with self._explained("written"), closing(self._opened()) as connection, connection:
            connection.executemany(_PUT, [(*row.values(), row.time_s) for row in rows])
            oldest, by_number = _BOUND
            connection.execute(oldest, (int(time.time()) - MAX_AGE_S,))
            connection.execute(by_number, (self._max_rows - 1,))

    def rows(self, since_s: float = 0, newest: int | None = None) -> list[SuggestionRow]:
        """Return the rows since a time, oldest first; none if there is no database.

        Args:
            since_s: The seconds since 1970 of the oldest one.
            newest: The number of the newest ones to read; all if None.

        Raises:
            RecordsError: It cannot be read.
        """
        if not self.path.exists():
            return []
        query = f"SELECT {_COLUMNS} FROM shown WHERE time_s >= ? ORDER BY time_s DESC, id DESC LIMIT ?"  # noqa: S608
        with self._explained("read"), closing(self._opened_to_read()) as connection:
            version = _version(connection)
            if version == 0:
                return []  # A server is about to fill it.
            if version in _MIGRATIONS:
                self._opened().close()
            self._check_version(connection)
            found = connection.execute(query, (since_s, -1 if newest is None else newest)).fetchall()
        return [row for row in map(SuggestionRow.read, reversed(found)) if row is not None]

    def forget(self) -> None:
        """Remove all rows, and keep servers from writing those of suggestions that have been shown by now.

        Raises:
            RecordsError: They cannot be removed.
        """
        with self._explained("removed"):
            if self.path.exists():
                try:
                    with closing(self._opened()) as connection:
                        self._erase(connection)
                except (sqlite3.Error, RecordsError) as error:
                    if not isinstance(error, RecordsError) and _code(error) not in _DAMAGED:
                        raise
                    self._replace()  # nobody can write there

    def _erase(self, connection: sqlite3.Connection) -> None:
        """Remove all rows, and their bytes from the files; other servers may be writing."""
        with connection:
            connection.execute("DELETE FROM shown")
            connection.execute("DELETE FROM forgotten")
            connection.execute("INSERT INTO forgotten VALUES (?)", (int(time.time()),))
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _replace(self) -> None:
        """Begin a new database in the place of one that is damaged or of another version."""
        for end in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        with closing(self._opened()) as connection:
            self._erase(connection)

    def _opened(self) -> sqlite3.Connection:
        """Return a connection that may write; the file and its folder belong to the user alone."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.path, flags, 0o600)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600)  # SQLite gives its other files the same mode.
        finally:
            os.close(descriptor)
        connection = sqlite3.connect(self.path, timeout=self._busy_s)
        try:
            if _version(connection) == 0:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_SCHEMA)
            while (version := _version(connection)) in _MIGRATIONS:
                _migrate(connection, version)
            connection.execute("PRAGMA synchronous = NORMAL")
            self._check_version(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _opened_to_read(self) -> sqlite3.Connection:
        uri = self.path.absolute().as_uri()
        connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=self._busy_s)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            if _code(error) in _BUSY:
                raise
            # A file in a folder that cannot be written; then nobody writes there either.
            return sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_version(self, connection: sqlite3.Connection) -> None:
        if _version(connection) != _VERSION:
            raise RecordsError(
                f"{self.path} was written by another version of infill-ls; update this one, or remove the file with "
                "`infill-ls stats --forget`."
            )

    @contextlib.contextmanager
    def _explained(self, verb: str) -> Iterator[None]:
        """Raise every failure as a `RecordsError`."""
        try:
            yield
        except sqlite3.Error as error:
            if _code(error) in _BUSY:
                raise RecordsError(
                    f"{self.path} is in use by another program; try again later.", is_passing=True
                ) from error
            if _code(error) in _DAMAGED:
                raise RecordsError(f"{self.path} is damaged; remove it with `infill-ls stats --forget`.") from error
            raise RecordsError(f"{self.path} cannot be {verb} ({error}); {_step(error)}.") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise RecordsError(f"{self.path} cannot be {verb} ({reason}); {_step(error)}.") from error


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a database to the next version, unless another server has just done so."""
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {_MIGRATIONS[version]} COMMIT;")
    except sqlite3.OperationalError:
        connection.rollback()
        if _version(connection) == version:
            raise


def _version(connection: sqlite3.Connection) -> Any:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _code(error: sqlite3.Error) -> Any:
    """Return the primary error code."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def _step(error: Exception) -> str:
    if isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_FULL:
        return "make room on the disk"
    return "correct that, or set privacy.statistics to false"
