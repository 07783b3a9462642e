"""Kate: the real editor on a screen in memory, the real server, the lines of editors/README.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("PIL", reason="needs PyPI's pillow (make test-editors installs it)")

from tests.editors.kate.kate import kate, missing, screen
from tests.editors.sample import CODE
from tests.editors.user_environment import documented, embedded_fixture, scripted_fixture

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(bool(missing()), reason=f"needs {', '.join(missing())} (make test-editors tries to get them)"),
]

BLOCK = CODE.decode() + "\n\ndef read_lines(path):\n    lines = []\n"
SAYS = {
    "def add(left, right):": ["\n", "    total = left + right\n", "    return total"],
    "label = for": ['mat_price(f"${price} $1")'],
}
# The switches of editors/README.md, and the answer to Kate's question whether the server may run.
SWITCHES = """\
[KTextEditor View]
Auto Brackets=false
Word Completion=false
Keyword Completion=false

[lspclient]
CompletionParens=false
AllowedServerCommandLines={server}
"""


def configure(environment: dict[str, str]) -> None:
    settings = Path(environment["XDG_CONFIG_HOME"]) / "kate" / "lspclient" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(documented("## Kate", "json"), encoding="utf-8")


def allow(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """Return the environment in which Kate may start the server of this test."""
    switches = SWITCHES.format(server=folder / "bin" / "infill-ls")
    (Path(environment["XDG_CONFIG_HOME"]) / "katerc").write_text(switches, encoding="utf-8")
    return environment


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    with screen() as name:
        yield name


embedded = embedded_fixture(configure)
scripted = scripted_fixture(SAYS, configure)


def columns(text: str) -> int:
    """Return the column, as Kate counts, of the end of a text's last line."""
    return len(text.rsplit("\n", 1)[-1].encode("utf-16-le")) // 2


def test_the_popup_opens_while_typing_and_its_entry_is_inserted(
    embedded: dict[str, str], display: str, tmp_path: Path
) -> None:
    content = BLOCK + "    with open(path, "
    with kate(tmp_path / "names.py", content.encode(), display, allow(embedded, tmp_path)) as editor:
        editor.type("enc")
        entry = editor.offered(columns(content + "enc"))
        editor.accept()
        assert editor.save().decode() == content + entry["textEdit"]["newText"] + "\n"


def test_line_ends_stay_and_an_emoji_before_the_cursor_shifts_nothing(
    embedded: dict[str, str], display: str, tmp_path: Path
) -> None:
    content = (BLOCK + "    名, file = '🙂', open(path, ").replace("\n", "\r\n")
    with kate(tmp_path / "names.py", content.encode(), display, allow(embedded, tmp_path)) as editor:
        editor.type("enc")
        entry = editor.offered(columns(content + "enc"))
        editor.accept()
        assert editor.save().decode() == content + entry["textEdit"]["newText"] + "\r\n"


def test_an_entry_of_several_lines_is_inserted_whole(scripted: dict[str, str], display: str, tmp_path: Path) -> None:
    content = "import json\n\n\ndef add(left, right)"
    with kate(tmp_path / "add.py", content.encode(), display, allow(scripted, tmp_path)) as editor:
        editor.type(":")
        editor.offered(columns(content + ":"))
        editor.accept()
        assert editor.save().decode() == content + ":\n    total = left + right\n    return total\n"


def test_dollars_stay_if_parentheses_are_not_added(scripted: dict[str, str], display: str, tmp_path: Path) -> None:
    content = "import json\n\nlabel = "
    with kate(tmp_path / "label.py", content.encode(), display, allow(scripted, tmp_path)) as editor:
        editor.type("for")
        editor.offered(columns(content + "for"))
        editor.accept()
        assert editor.save().decode() == content + 'format_price(f"${price} $1")\n'
