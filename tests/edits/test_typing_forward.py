"""Nothing is proposed while a real file is written from its beginning to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_completion.languages.registry import language_id_of
from tests.edits.marked import Buffer

ROOT = Path(__file__).resolve().parents[2]
KEYS = 1000
FILES = (
    "completion/infill_completion/edits/by_example/likeness.py",
    "completion/infill_completion/edits/names/renaming.py",
    "editors/vscode/src/extension.ts",
    "tests/engine/model/native/driver.c",
)


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_nothing_is_shown_while_a_file_is_typed_forward(path: str, ending: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")[:KEYS]
    buffer = Buffer("", language_id_of(path))
    buffer.files = {f"/{other}": (ROOT / other).read_text(encoding="utf-8") for other in FILES if other != path}
    for key in text:
        end = len(buffer.text)
        buffer.replace(end, end, ending if key == "\n" else key)
        assert buffer.ask().proposals == (), buffer.text[-80:]
