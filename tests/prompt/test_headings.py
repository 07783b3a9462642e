"""The line that names another file in a prompt: a comment as the registry of languages describes it."""

from __future__ import annotations

import pytest

from infill_completion.languages.registry import LANGUAGES
from infill_completion.prompt.formats import format_of_model
from infill_completion.prompt.headings import file_heading, path_comment


@pytest.mark.parametrize(
    ("mark", "endings"),
    [
        ("#", ".py .rb .sh .yml .toml .jl .ex .r .pl .ps1"),
        ("//", ".c .cc .cpp .cs .cxx .dart .go .h .hpp .java .js .jsx .kt .less .mjs .php .proto .rs .scala .scss"),
        ("//", ".swift .ts .tsx .zig .json"),
        ("--", ".ada .elm .hs .lua .sql .vhd .vhdl"),
        (";", ".clj"),
        ("%", ".tex"),
        ('"', ".vim"),
    ],
)
def test_a_file_is_named_by_a_line_comment_of_its_language(mark: str, endings: str) -> None:
    assert [path_comment(f"lib/a{ending}") for ending in endings.split()] == [
        f"{mark} lib/a{ending}\n" for ending in endings.split()
    ]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.css", "/* a.css */\n"),
        ("a.html", "<!-- a.html -->\n"),
        ("a.xml", "<!-- a.xml -->\n"),
        ("a.ml", "(* a.ml *)\n"),
    ],
)
def test_a_language_without_line_comments_has_its_own_kind_of_comment(path: str, line: str) -> None:
    assert path_comment(path) == line


@pytest.mark.parametrize("path", ["Makefile", "Dockerfile", "README.md", "notes.txt", "LICENSE", "a.unknown"])
def test_any_other_file_is_named_after_a_hash(path: str) -> None:
    assert path_comment(path) == f"# {path}\n"


def test_the_cells_of_a_notebook_are_code_and_not_json() -> None:
    assert path_comment("model.ipynb") == "# model.ipynb\n"


def test_every_registered_ending_gives_one_line() -> None:
    paths = [f"a{ending}" for language in LANGUAGES for ending in language.endings]
    assert all(path in path_comment(path) and path_comment(path).count("\n") == 1 for path in paths)


def test_a_format_with_a_marker_for_files_uses_that() -> None:
    form = format_of_model("Qwen/Qwen2.5-Coder-0.5B")
    assert form is not None
    assert file_heading("a.py", form) != path_comment("a.py")
    assert file_heading("a.py", None) == "# a.py\n"
