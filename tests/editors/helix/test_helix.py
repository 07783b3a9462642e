"""Helix: the real editor in a terminal, the real server, the lines of editors/README.md."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyte", reason="needs PyPI's pyte (make test-editors installs it)")

from tests.editors.helix.helix import binary, helix
from tests.editors.sample import CODE
from tests.editors.user_environment import documented, embedded_fixture, scripted_fixture

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(binary() is None, reason="needs Helix (scripts/newer.sh hx fetches it)"),
]

OTHER = Path(__file__).with_name("other_server.py")
BLOCK = CODE + b"\n\ndef read_lines(path):\n    lines = []\n"
SAYS = {"def add(left, right):": ["\n", "    total = left + right\n", "    return total"]}
# Helix indents it like the line above.
LINE = "    with open(path, enc"


def configure(environment: dict[str, str]) -> None:
    languages = Path(environment["XDG_CONFIG_HOME"]) / "helix" / "languages.toml"
    languages.parent.mkdir(parents=True)
    languages.write_text(documented("## Helix", "toml"), encoding="utf-8")


embedded = embedded_fixture(configure)
scripted = scripted_fixture(SAYS, configure)


def edited(line: str, entry: dict[str, Any]) -> bytes:
    """Return the line as the entry's edit leaves it; Helix has closed its parenthesis automatically."""
    edit, before = entry["textEdit"], line.encode()
    start, end = (int(edit["range"][side]["character"]) for side in ("start", "end"))
    assert before[start:].startswith(b"enc"), "Helix counts in UTF-8, and the entry replaces the word"
    return before[:start] + str(edit["newText"]).encode() + before[end:]


def test_the_popup_opens_while_typing_and_its_entry_is_inserted(embedded: dict[str, str], tmp_path: Path) -> None:
    with helix(tmp_path / "names.py", BLOCK, embedded) as editor:
        editor.type(LINE.strip())
        entry = editor.offered(LINE)
        editor.accept(entry)
        editor.leave()
        assert editor.save() == BLOCK + edited(LINE + ")", entry) + b"\n"


def test_one_undo_takes_the_entry_back(embedded: dict[str, str], tmp_path: Path) -> None:
    with helix(tmp_path / "names.py", BLOCK, embedded) as editor:
        editor.type(LINE.strip())
        editor.accept(editor.offered(LINE))
        editor.leave()
        editor.save()
        editor.type("u")
        assert editor.save() == BLOCK + b"    with open(path, enc)\n"


def test_line_ends_stay_and_an_emoji_before_the_cursor_shifts_nothing(embedded: dict[str, str], tmp_path: Path) -> None:
    content = BLOCK.replace(b"\n", b"\r\n")
    with helix(tmp_path / "names.py", content, embedded) as editor:
        line = "    with open('🙂名' + path, enc"
        editor.type(line.strip())
        entry = editor.offered(line)
        editor.accept(entry)
        editor.leave()
        assert editor.save() == content + edited(line + ")", entry) + b"\r\n"


def test_an_entry_of_several_lines_is_inserted_whole(scripted: dict[str, str], tmp_path: Path) -> None:
    content = "# 名前 🎉\r\nimport json\r\n\r\n".encode()
    with helix(tmp_path / "add.py", content, scripted) as editor:
        line = "def add(left, right):"
        editor.type(line)
        entry = editor.offered(line)
        editor.accept(entry)
        editor.leave()
        block = b"def add(left, right):\r\n    total = left + right\r\n    return total\r\n"
        assert editor.save() == content + block
        editor.type("u")
        assert editor.save() == content + b"def add(left, right):\r\n"


def test_the_entries_of_the_languages_own_server_come_first(embedded: dict[str, str], tmp_path: Path) -> None:
    own = tmp_path / "bin" / "pylsp"
    own.parent.mkdir()
    own.write_text(f"#!{sys.executable}\n" + OTHER.read_text(encoding="utf-8"), encoding="utf-8")
    own.chmod(0o755)
    environment = {**embedded, "PATH": f"{own.parent}:{embedded['PATH']}"}
    with helix(tmp_path / "names.py", BLOCK, environment) as editor:
        editor.until_answered("pylsp")
        editor.type(LINE.strip())
        entry = editor.offered(LINE)
        editor.until_shown(" enclosing ")
        first, second = (editor.row(label) for label in ("enclosing", entry["label"]))
        assert second == first + 1
