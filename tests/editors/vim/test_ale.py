"""Vim with ALE: the real editor in a terminal, the real server, the lines of editors/README.md."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("pyte", reason="needs PyPI's pyte (make test-editors installs it)")

from tests.editors.sample import CODE
from tests.editors.terminal import Terminal
from tests.editors.user_environment import documented, embedded_fixture, scripted_fixture

HAS_ALE = any(Path("/usr/share/vim/vimfiles/pack").glob("*/*/ale"))

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(shutil.which("vim") is None or not HAS_ALE, reason="needs Debian's vim and vim-ale"),
]

BLOCK = CODE + b"\n\ndef read_lines(path):\n    lines = []\n"
SAYS = {
    "def add(left, right):\n    ": ["total = left + right\n", "    return total"],
    "total = lar": ["gest(names)"],
}
ENTRY = re.compile(r"~? *(\S.*?) +v (?:infill-tiny|scripted) · \d+%")


class Vim(Terminal):
    """One editor with one file, in insert mode on a new line below its last."""

    def __init__(self, file: Path, content: bytes, environment: Mapping[str, str]) -> None:
        file.write_bytes(content)
        self.file = file
        log = file.with_suffix(".log")
        super().__init__(["vim", "--cmd", f"call ch_logfile('{log}', 'w')", file.name], file.parent, environment)
        ready = '"infill/status","jsonrpc":"2.0","params":{"kind":"Normal","busy":false'
        self.until(lambda: log.exists() and ready in log.read_text(errors="replace"), "the model is ready", 60)
        self.type("Go")
        self.until_shown("-- INSERT --")

    def accept(self) -> str:
        """Wait for the popup, accept its first entry and return it."""
        shown = self.until(lambda: next(filter(None, map(ENTRY.match, self.lines())), None), "the popup", 30)
        self.type("\x0e")  # Control-n
        self.until_shown("The only match")
        self.type("\x19")  # Control-y
        self.until(lambda: not any(map(ENTRY.match, self.lines())), "the popup is closed")
        return shown.group(1)

    def save(self) -> bytes:
        """Leave insert mode, save and return the bytes on disk."""
        self.type("\x1b")
        # A key sent right after Escape would be read as part of an escape sequence.
        self.until(lambda: not any("-- INSERT --" in line for line in self.lines()), "insert mode is left")
        self.type(":w\r")
        self.until_shown("written")
        return self.file.read_bytes()


@contextmanager
def vim(file: Path, content: bytes, environment: Mapping[str, str]) -> Iterator[Vim]:
    """Open a file in Vim, and close Vim at the end of the context."""
    editor = Vim(file, content, environment)
    try:
        yield editor
    finally:
        editor.close()


def configure(environment: dict[str, str]) -> None:
    lines = f"filetype plugin on\npackadd! ale\n{documented('### ALE', 'vim')}"
    (Path(environment["HOME"]) / ".vimrc").write_text(lines, encoding="utf-8")


embedded = embedded_fixture(configure)
scripted = scripted_fixture(SAYS, configure)


def test_the_popup_opens_while_typing_and_its_entry_is_inserted(embedded: dict[str, str], tmp_path: Path) -> None:
    with vim(tmp_path / "names.py", BLOCK, embedded) as editor:
        editor.type("    with open(path, enc")
        entry = editor.accept()
        assert entry.startswith("encoding=")
        assert editor.save() == BLOCK + f"    with open(path, {entry}\n".encode()


def test_line_ends_stay_and_an_emoji_before_the_cursor_shifts_nothing(embedded: dict[str, str], tmp_path: Path) -> None:
    content = BLOCK.replace(b"\n", b"\r\n")
    with vim(tmp_path / "names.py", content, embedded) as editor:
        editor.type("    名, file = '🙂', open(path, enc")
        entry = editor.accept()
        assert editor.save() == content + f"    名, file = '🙂', open(path, {entry}\r\n".encode()


def test_an_entry_has_one_line_because_ale_would_write_the_end_of_a_line_as_a_null(
    scripted: dict[str, str], tmp_path: Path
) -> None:
    with vim(tmp_path / "names.py", b"def add(left, right):\n", scripted) as editor:
        editor.type("    ")
        editor.until_shown(" 2,5 ")
        # Control-\\ Control-o; when invoked, ALE shows a menu of one entry only with this option.
        editor.type("\x1c\x0f:set completeopt=menuone | ALEComplete\r")
        assert editor.accept() == "total = left + right"
        assert editor.save() == b"def add(left, right):\n    total = left + right\n"


def test_ale_inserts_the_text_before_a_parenthesis(scripted: dict[str, str], tmp_path: Path) -> None:
    with vim(tmp_path / "names.py", b"import json\n", scripted) as editor:
        editor.type("total = lar")
        assert editor.accept() == "largest"
        assert editor.save() == b"import json\ntotal = largest\n"
