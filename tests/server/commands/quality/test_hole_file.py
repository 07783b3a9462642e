"""Files of holes: written, read again, and refused with the number of the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_server.commands.bench.quality.hole import CodeHole, HoleKind
from infill_server.commands.bench.quality.hole_file import read_holes, write_holes
from infill_server.errors import UsageError

GOOD: dict[str, Any] = {"path": "a.py", "prefix": "x = ", "middle": "1", "suffix": "\n"}


def written(folder: Path, *lines: bytes) -> Path:
    file = folder / "holes.jsonl"
    file.write_bytes(b"".join(lines))
    return file


def line(**changes: Any) -> bytes:
    return json.dumps({name: text for name, text in (GOOD | changes).items() if text is not None}).encode() + b"\n"


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"{\n", "Invalid JSON."),
        (b"\xff\xfe{}\n", "Invalid JSON."),
        (b"[" * 100_000 + b"\n", "Invalid JSON."),
        (b"[1]\n", "Not a JSON object."),
        (b"null\n", "Not a JSON object."),
        (line(prefix=None), "`prefix` is missing."),
        (line(middle=None), "`middle` is missing."),
        (line(suffix=None), "`suffix` is missing."),
        (line(path=None), "`path` or `language` is missing."),
        (line(prefix=7), "`prefix` must be text."),
        (line(middle=["1"]), "`middle` must be text."),
        (line(middle=" \t"), "`middle` has nothing to complete."),
        (line(middle="1\n2"), "`middle` has several lines, which only the kind `block` may have."),
        (line(middle="1\r2", kind="line"), "`middle` has several lines, which only the kind `block` may have."),
        (line(kind="word"), "`kind` must be one of rest, line, block."),
        (line(kind=None, path="a\0b"), "`path` is not a path."),
        (line(language="python\n"), "`language` is not a language id, such as python."),
        (line(language="\x1b[2J"), "`language` is not a language id, such as python."),
        (line(prefix="\ud800"), "half of a surrogate pair; write whole characters."),
    ],
)
def test_a_bad_line_is_one_sentence_with_its_number(tmp_path: Path, bad: bytes, says: str) -> None:
    file = written(tmp_path, line(), b"\n", bad, line())
    with pytest.raises(UsageError) as error:
        read_holes(file, tmp_path)
    assert str(error.value) == f"{file}, line 3: {says}"


def test_good_lines_are_read_as_they_are_meant(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        b"\xef\xbb\xbf" + line(prefix="a\r\nb = "),
        b"\r\n",
        line(path=None, language="go", source="elsewhere", number=4),
        line(kind="block", middle="a\n  b", commit="1234"),
        line(middle="'\u2028'", suffix="").rstrip(),
    )
    first, second, third, fourth = read_holes(file, Path("/w"))
    assert (first.prefix, first.language_id, first.path) == ("a\nb = ", "python", Path("/w/a.py"))
    assert (second.language_id, second.kind) == ("go", HoleKind.REST)
    assert (third.kind, third.expected, third.commit) == (HoleKind.BLOCK, "a\n  b", "1234")
    assert fourth.expected == "'\u2028'"


def test_holes_without_a_path_are_in_files_of_their_own(tmp_path: Path) -> None:
    """Else all of them would count as one file, whose holes resemble each other."""
    read = read_holes(written(tmp_path, line(path=None, language="go"), line(path="", language="go")), Path("/w"))
    assert [(hole.path, hole.language_id) for hole in read] == [
        (Path("/w/untitled-1"), "go"), (Path("/w/untitled-2"), "go"),
    ]  # fmt: skip


@pytest.mark.parametrize("data", [b"", b"\n \n\t\r\n"])
def test_a_file_without_holes_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UsageError, match="has no holes"):
        read_holes(written(tmp_path, data), tmp_path)


def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    for read in (tmp_path / "gone.jsonl", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            read_holes(read, tmp_path)
    with pytest.raises(UsageError, match="cannot be written"):
        write_holes(tmp_path, [], tmp_path)


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infill_server.commands.bench.quality.hole_file.MAX_LINE_BYTES", 1000)
    with pytest.raises(UsageError, match="line 2: more than 1,000 bytes"):
        read_holes(written(tmp_path, line(), b" " * 5000), tmp_path)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=30)


@given(st.data())
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("holes")
    kind = data.draw(st.sampled_from(list(HoleKind)))
    middle = data.draw(TEXT.filter(lambda text: bool(text.strip())))
    middle = middle if kind is HoleKind.BLOCK else middle.replace("\n", "_")
    hole = CodeHole(folder / "src" / "a.rs", data.draw(TEXT), middle, data.draw(TEXT), kind, "rust", "abc")
    write_holes(folder / "holes.jsonl", [hole, hole], folder)
    assert read_holes(folder / "holes.jsonl", folder) == [hole, hole]
