"""A real Helix in a terminal, with its log of the server's answers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.editors.terminal import Terminal

LOAD_S = 60.0
_FETCHED = Path(__file__).parents[3] / ".cache" / "newer" / "root" / "usr" / "bin" / "hx"


def binary() -> str | None:
    """Return the Helix to run: ``$HX_BIN``, else the one that newer.sh fetched, else the one on PATH."""
    fetched = str(_FETCHED) if _FETCHED.exists() else None
    return os.environ.get("HX_BIN") or fetched or shutil.which("hx") or shutil.which("helix")


class Helix(Terminal):
    """One editor with one file, in insert mode on a new line below its last."""

    def __init__(self, file: Path, content: bytes, environment: Mapping[str, str]) -> None:
        file.write_bytes(content)
        self.file = file
        self._log = file.with_suffix(".log")
        command = [binary() or "hx", "-v", "--log", str(self._log), file.name]
        super().__init__(command, file.parent, environment)
        ready = '"infill/status","jsonrpc":"2.0","params":{"kind":"Normal","busy":false'
        self.until(lambda: ready in self._said(), "the model is ready", LOAD_S)
        self.type("geo")
        self.until_shown(" INS ")

    def until_answered(self, server: str) -> None:
        """Wait for the first answer of a server; Helix sends it no requests before."""
        self.until(lambda: f" [INFO] {server} <- " in self._said(), f"{server} answers", 30)

    def offered(self, line: str) -> dict[str, Any]:
        """Wait for the popup after ``line``, the line of the cursor; return the server's first entry."""
        entry = self.until(lambda: self._entry(len(line.encode())), f"an entry after {line!r}", 30)
        self.until_shown(f" {entry['label']} ", 30)
        return entry

    def accept(self, entry: Mapping[str, Any]) -> None:
        """Select the popup's first entry and accept it."""
        self.type("\x0e")  # Control-n
        # Selecting an entry shows its documentation; accepting it closes the menu.
        self.until_shown(f" {entry['detail']}")
        self.type("\r")
        self.until(lambda: not any(entry["detail"] in line for line in self.lines()), "the popup is closed")

    def row(self, label: str) -> int:
        """Return the row of the popup with this label."""
        return next(row for row, line in enumerate(self.lines()) if f" {label} " in line)

    def leave(self) -> None:
        """Leave insert mode."""
        self.type("\x1b")
        # Escape followed at once by a key would be read as Alt with that key.
        self.until_shown(" NOR ")

    def save(self) -> bytes:
        """Save, in normal mode, and return the bytes on disk."""
        # Helix moves the old file away before it writes the new one; its mark of a changed file disappears at the end.
        self.until_shown(f"{self.file.name} [+]")
        self.type(":w\r")
        self.until(self._is_saved, "the file is saved")
        return self.file.read_bytes()

    def _is_saved(self) -> bool:
        # While the command is typed, its completions cover the line with the mark.
        mark = any(" NOR " in line and self.file.name in line and "[+]" not in line for line in self.lines())
        return mark and any("written" in line for line in self.lines())

    def _entry(self, column: int) -> dict[str, Any] | None:
        """Return the first entry for this column; None if Helix last asked for another, or has no answer yet."""
        asked = [sent for sent in self._messages("->") if sent.get("method") == "textDocument/completion"]
        if not asked or asked[-1]["params"]["position"]["character"] != column:
            return None
        answers = [answer for answer in self._messages("<-") if answer.get("id") == asked[-1]["id"]]
        items = [item for answer in answers if answer.get("result") for item in answer["result"]["items"]]
        return items[0] if items else None

    def _messages(self, direction: str) -> list[dict[str, Any]]:
        begin = f" [INFO] infill-ls {direction} "
        whole = self._said().split("\n")[:-1]
        return [json.loads(line.split(begin, 1)[1]) for line in whole if begin in line]

    def _said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""


@contextmanager
def helix(file: Path, content: bytes, environment: Mapping[str, str]) -> Iterator[Helix]:
    """Open a file in Helix, and close Helix at the end of the context."""
    editor = Helix(file, content, environment)
    try:
        yield editor
    finally:
        editor.close()
