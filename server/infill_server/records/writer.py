"""Writes rows in the background, so that no request waits for the disk or for another server."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from infill_server.records.row import SuggestionRow

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

# A batch is written so long after its first row: later changes of a row are mostly in it.
INTERVAL_S = 10.0
CLOSE_S = 2.0
MAX_WAITING = 1000


class RecordsWriter:
    """Collects rows and writes them in batches, from a thread that starts with the first row.

    Args:
        on_problem: Called from that thread with a sentence, once for each problem.
        path: The database; by default the user's.
        interval_s: How long rows are collected.
    """

    def __init__(
        self, on_problem: Callable[[str], None], path: Path | None = None, *, interval_s: float = INTERVAL_S
    ) -> None:
        self._on_problem = on_problem
        self._path = path
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._rows: dict[int, SuggestionRow] = {}
        self._has_rows, self._is_closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._reported: set[str] = set()

    def put(self, row: SuggestionRow) -> None:
        """Write ``row`` soon, in the place of the one with its id; returns at once."""
        with self._lock:
            self._rows[row.id] = row
            self._bound()
        self._has_rows.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="suggestion records", daemon=True)
            self._thread.start()

    def discard(self) -> None:
        """Drop what has not been written yet."""
        with self._lock:
            self._rows.clear()

    async def aclose(self) -> None:
        """Write what is left; a database that does not answer in time is given up."""
        self._is_closing.set()
        self._has_rows.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, CLOSE_S)

    def _run(self) -> None:
        while not self._is_closing.is_set():
            self._has_rows.wait()
            self._is_closing.wait(self._interval_s)
            self._has_rows.clear()
            self._write()
        self._write()  # what came while the last rows were being written

    def _write(self) -> None:
        with self._lock:
            batch, self._rows = self._rows, {}
        if not batch:
            return
        try:
            from infill_server.records.database import RecordsDatabase, RecordsError
        except ImportError as error:  # Python may be built without SQLite.
            self._report(f"Suggestions are not recorded: this Python has no SQLite ({error}); install one that does.")
            return
        try:
            RecordsDatabase(self._path).put(batch.values())
        except RecordsError as error:
            if error.is_passing:
                self._put_back(batch)
            self._report(f"Suggestions are not recorded for `infill-ls stats`: {error}")
        except Exception as error:
            log.exception("cannot record suggestions")
            self._report(f"Suggestions are not recorded ({type(error).__name__}); see the server's log.")

    def _put_back(self, batch: dict[int, SuggestionRow]) -> None:
        """Keep rows for the next attempt, unless there is a newer state of them."""
        with self._lock:
            self._rows = {**batch, **self._rows}
            self._bound()
        self._has_rows.set()

    def _bound(self) -> None:
        while len(self._rows) > MAX_WAITING:
            del self._rows[next(iter(self._rows))]

    def _report(self, sentence: str) -> None:
        if sentence not in self._reported:
            self._reported.add(sentence)
            self._on_problem(sentence)
