"""`infill-ls explain --edits` on files with uncommitted changes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from infill_server.cli import main

BEFORE = "def f(a, b):\n    return a\n\n\nx = f(1, 2)\ny = 1\n"
CHANGES = {
    "a signature": (BEFORE.replace("f(a, b)", "f(a)"), "1:1", "parameter", "due"),
    "a change below": (BEFORE.replace("y = 1", "y = 2").replace("f(a, b)", "f(a)"), "1:1", "parameter", "due"),
    "in CRLF": (BEFORE.replace("f(a, b)", "f(a)").replace("\n", "\r\n"), "1:1", None, None),
}


def _commit(folder: Path, text: str) -> Path:
    file = folder / "a.py"
    file.write_text(text, encoding="utf-8")
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q"), ("add", "a.py"), ("commit", "-q", "-m", "one")):
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)
    return file


@pytest.mark.parametrize(("after", "place", "kind", "verdict"), CHANGES.values(), ids=CHANGES)
def test_the_uncommitted_change_at_the_place_is_the_example(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], after: str, place: str, kind: str | None, verdict: str | None
) -> None:
    file = _commit(tmp_path, BEFORE)
    file.write_text(after, encoding="utf-8", newline="")
    assert main(["explain", "--edits", "--json", f"{file}:{place}"]) == 0
    explained = json.loads(capsys.readouterr().out)
    if kind is None:  # every line has changed
        assert explained["silence"]
        return
    found = {row["kind"]: [item["verdict"] for item in row["places"]] for row in explained["kinds"]}
    assert found[kind] == [verdict]


def test_the_page_says_what_is_proposed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = _commit(tmp_path, BEFORE)
    file.write_text(CHANGES["a signature"][0], encoding="utf-8")
    assert main(["explain", "--edits", f"{file}:1:1"]) == 0
    out = capsys.readouterr().out
    assert "+ x = f(1)" in out
    assert out.rstrip().endswith("proposed")


@pytest.mark.parametrize(
    ("other", "line"),
    [
        ("import os\n", "import: os: other files import it in one way"),
        ("import m as os\nimport n as os\n", "import: os: other files import other things by this name"),
    ],
)
def test_names_that_others_import_are_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: str, line: str
) -> None:
    file = _commit(tmp_path, BEFORE)
    for index, text in enumerate(other.splitlines()):
        (tmp_path / f"b{index}.py").write_text(text)
    file.write_text(BEFORE + "z = os.sep\n", encoding="utf-8")
    assert main(["explain", "--edits", f"{file}:3:1"]) == 0
    assert line in capsys.readouterr().out


def test_a_file_without_changes_has_no_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = _commit(tmp_path, BEFORE)
    assert main(["explain", "--edits", f"{file}:1:1"]) == 0
    assert "Nothing has been changed yet" in capsys.readouterr().out


def test_a_file_in_no_commit_gets_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new.py"
    file.write_text("x = 1\n")
    assert main(["explain", "--edits", f"{file}:1:1"]) == 2
    assert "is in no commit" in capsys.readouterr().err
