"""`infill-ls bench edits` on a small git history."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from infill_completion.api import CompletionRequest
from infill_server.cli import main
from infill_server.commands.bench.edit_verdict import (
    ChangedLines,
    Verdict,
    insertion_verdict,
    verdict,
    verdict_of_added,
)
from infill_server.commands.bench.edits import replay_commits
from tests.engine.learning.git_repository import sign_newest
from tests.scripted_engine import Reply, ScriptedEngine

BEFORE = "def f(count):\n    x = 1\n    return count\n\n\ndef g(a):\n    return a\n"
RENAMED = BEFORE.replace("count", "total")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    _git(tmp_path, "init", "-q")
    return tmp_path


def _git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def _commit(folder: Path, text: str) -> None:
    (folder / "a.py").write_text(text)
    _git(folder, "add", "a.py")
    _git(folder, "commit", "-q", "-m", "change")


def test_a_hunk_that_was_proposed_before_it_was_made_is_right(repository: Path) -> None:
    _commit(repository, BEFORE)
    _commit(repository, RENAMED)
    summary = replay_commits(repository, 10).summary()
    assert (summary["proposals"], summary["precision"], summary["due"], summary["recall"]) == (2, 1.0, 2, 1.0)


def test_a_line_that_changes_further_is_right_but_not_exact(repository: Path) -> None:
    _commit(repository, BEFORE)
    _commit(repository, RENAMED.replace("return total", "return total + 1"))
    summary = replay_commits(repository, 10).summary()
    assert (summary["precision"], summary["exact"], summary["recall"]) == (1.0, 0.0, 0.5)


BEFORE_LINE = "    return count + 1\n"
VERDICTS = {
    "made exactly": ("    return total + 1\n", ("    return total + 1\n",), Verdict.EXACT),
    "made with other blanks": ("    return total + 1\n", ("    return total+1\n",), Verdict.PART),
    "made and more": ("    return total + 1\n", ("    return total + 1 + x\n",), Verdict.PART),
    "made, and the line broken": (
        "    return total + 1\n",
        ("    return (\n", "        total + 1\n", "    )\n"),
        Verdict.PART,
    ),
    "several lines made with other blanks": (
        "    return count + 1,\n    total\n",
        ("    return count  + 1,\n", "    total\n"),
        Verdict.PART,
    ),
    "several lines made otherwise": (
        "    return count + 1,\n    total\n",
        ("    return count + 1,\n", "    size\n"),
        Verdict.OTHER,
    ),
    "another name": ("    return total + 1\n", ("    return size + 1\n",), Verdict.OTHER),
    "the name elsewhere in a new line": ("    return total + 1\n", ("    print(total, file, sep)\n",), Verdict.OTHER),
    "the line removed": ("    return total + 1\n", (), Verdict.REMOVED),
    "the line as it was": ("    return total + 1\n", None, Verdict.UNTOUCHED),
    "removal of a removed line": ("", (), Verdict.EXACT),
    "removal of a changed line": ("", ("    return total\n",), Verdict.EXACT),
    "removal of a line that stays": ("", (BEFORE_LINE, "    x = 1\n"), Verdict.OTHER),
}


@pytest.mark.parametrize(("after", "wanted", "expected"), VERDICTS.values(), ids=VERDICTS)
def test_a_proposal_is_right_if_the_commit_does_the_same_in_these_lines(
    after: str, wanted: tuple[str, ...] | None, expected: Verdict
) -> None:
    lines = ChangedLines(0, (BEFORE_LINE,), tuple(after.splitlines(keepends=True)))
    assert verdict(lines, wanted, "python") is expected


ABOVE, BELOW = ("    self.a = a\n",), ("    return\n",)
ADDED = {
    "added exactly": (("    self.b = b\n",), Verdict.EXACT),
    "added among others": (("    self.z = z\n", "    self.b = b\n"), Verdict.EXACT),
    "added with more": (("    self.b = b or 1\n",), Verdict.PART),
    "added with as much again": (("    self.b = self.b if self.b is not None else b\n",), Verdict.OTHER),
    "another one": (("    self.c = c\n",), Verdict.OTHER),
    "nothing": ((), Verdict.OTHER),
}


@pytest.mark.parametrize(("wanted", "expected"), ADDED.values(), ids=ADDED)
def test_lines_are_right_if_the_commit_adds_them_there(wanted: tuple[str, ...], expected: Verdict) -> None:
    assert verdict_of_added(("    self.b = b",), ABOVE, wanted, BELOW, "python") is expected


def test_any_of_like_lines_may_be_the_new_ones() -> None:
    lines, wanted = ("case 2:", "    break"), ("    break\n", "case 2:\n")
    assert verdict_of_added(lines, ("case 1:\n",), wanted, ("    break\n",), "python") is Verdict.EXACT
    assert verdict_of_added(lines, ("case 2:\n",), ("x\n",), ("    break\n",), "python") is Verdict.OTHER


def test_lines_that_stay_are_not_added() -> None:
    assert ChangedLines(3, ("a\n",), ("a\n", "b\n")).added == (4, ("b",))
    assert ChangedLines(3, ("a\n",), ("b\n", "a\n")).added == (3, ("b",))
    assert ChangedLines(3, ("a\n",), ("b\n", "c\n")).added is None
    assert ChangedLines(3, ("a\n", "b\n"), ("a\n",)).added is None


def test_a_line_that_is_added_where_it_was_proposed_is_right(repository: Path) -> None:
    before = "class A:\n    def __init__(self, a: int, b: int):\n        self.a = a\n        self.b = b\n"
    after = before.replace("b: int", "b: int, c: int") + "        self.c = c\n"
    _commit(repository, before)
    _commit(repository, after)
    report = replay_commits(repository, 10)
    assert report.verdicts == {("field", Verdict.EXACT): 1}
    assert report.found == 1


def test_a_line_that_is_added_nowhere_is_wrong(repository: Path) -> None:
    before = "class A:\n    def __init__(self, a: int, b: int):\n        self.a = a\n        self.b = b\n"
    _commit(repository, before)
    _commit(repository, before.replace("b: int", "b: int, c: int"))
    report = replay_commits(repository, 10)
    assert report.verdicts == {("field", Verdict.UNTOUCHED): 1}
    assert (report.single, report.quiet) == (1, 0)


def test_each_file_is_played_down_and_up(repository: Path) -> None:
    before = "import os\nimport sys\n\nx = os.sep\ny = 1\nz = sys.argv\nw = 2\n"
    after = "import sys\n\nx = 3\ny = 1\nz = sys.path\nw = 2\n"
    _commit(repository, before)
    _commit(repository, after)
    assert replay_commits(repository, 10).summary()["due"] == 4


def test_lines_end_where_editors_end_them(repository: Path) -> None:
    _commit(repository, "# one\x0ctwo\u2028three\n" + BEFORE)
    _commit(repository, "# one\x0ctwo\u2028three\n" + RENAMED)
    summary = replay_commits(repository, 10).summary()
    assert (summary["precision"], summary["recall"]) == (1.0, 1.0)


def test_two_places_on_a_line_that_are_not_taken_count_once(repository: Path) -> None:
    before = "def f(count):\n    a = count + count\n    b = 1\n    c = 2\n    d = 3\n"
    _commit(repository, before)
    after = before.replace("(count)", "(total)").replace("b = 1", "b = total").replace("c = 2", "c = total")
    _commit(repository, after)
    report = replay_commits(repository, 10)
    assert sum(report.verdicts.values()) == len({example.split(" (")[0] for example in report.examples})


IMPORTING = (
    "import sys\n\nx = sys.argv\n\n\ndef f():\n    return 1\n",
    "import os\nimport sys\n\nx = sys.argv\n\n\ndef f():\n    z = os\n    w = z\n    return 1\n",
    "import os\n\ny = os.sep\n",
)


def test_imports_come_from_the_files_before_the_commit(repository: Path) -> None:
    before, after, other = IMPORTING
    (repository / "b.py").write_text(other)
    _git(repository, "add", "b.py")
    _commit(repository, before)
    _commit(repository, after)
    report = replay_commits(repository, 10)
    assert report.of_kind("import") == (1, 1)  # going up


@pytest.mark.parametrize(
    ("inserted", "wanted", "expected"),
    [
        (("import os\n",), ("import os\n", "import re\n"), Verdict.EXACT),
        (("import { a } from 'm';\n",), ("import { a, b } from 'm';\n",), Verdict.PART),
        (("import { a } from 'm';\n",), ("import {\n", "  a,\n", "  b,\n", "} from 'm';\n"), Verdict.PART),
        (("import { a } from 'm';\n",), ("import { a } from 'n';\n", "import { b } from 'm';\n"), Verdict.OTHER),
        (("import a from 'm';\n",), ('import a from "m";\n',), Verdict.PART),
        (("import os\n",), ("x = os\n",), Verdict.OTHER),
    ],
)
def test_an_insertion_is_right_wherever_the_commit_makes_it(
    inserted: tuple[str, ...], wanted: tuple[str, ...], expected: Verdict
) -> None:
    assert insertion_verdict(inserted, wanted, "typescript") is expected


def test_silence_is_right_after_a_single_hunk(repository: Path) -> None:
    _commit(repository, BEFORE)
    _commit(repository, BEFORE.replace("    x = 1\n", "    x = 2\n"))
    summary = replay_commits(repository, 10).summary()
    assert (summary["single_hunk_files"], summary["quiet_rate"], summary["proposals"]) == (1, 1.0, 0)


def test_the_figures_are_printed_and_written(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _commit(repository, BEFORE)
    _commit(repository, RENAMED)
    file = repository / "figures.json"
    assert main(["bench", "edits", str(repository), "--json", str(file), "--wrong"]) == 0
    assert "share of them that the commit makes" in capsys.readouterr().out
    assert '"recall": 1.0' in file.read_text()


def test_nothing_of_the_repositorys_configuration_runs(repository: Path) -> None:
    _commit(repository, BEFORE)
    _commit(repository, RENAMED)
    program, mark = repository / "program", repository / "ran"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    (repository / ".git/info/attributes").write_text("*.py diff=own\n")
    for key in ("core.fsmonitor", "diff.external", "diff.own.textconv", "core.pager"):
        _git(repository, "config", key, str(program))
    sign_newest(repository, program)
    assert replay_commits(repository, 10).files == 1
    assert not mark.exists()


@pytest.mark.parametrize(
    ("command", "how"),
    [
        (["bench", "edits", "."], "gitdir"),
        (["bench", "edits", "."], "gitdir of a bare one"),
        (["bench", "edits", "."], "core.worktree"),
        (["bench", "quality", ".", "--git"], "gitdir of a bare one"),
        (["explain", "--edits", "a.py:1:1"], "gitdir"),
        (["explain", "--edits", "a.py:1:1"], "core.worktree"),
    ],
)
def test_the_history_of_another_folder_is_refused(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], command: list[str], how: str,
) -> None:  # fmt: skip
    _commit(repository, BEFORE)
    _commit(repository, RENAMED)
    other = tmp_path_factory.mktemp("other")
    (other / "a.py").write_text(BEFORE)
    if how == "gitdir of a bare one":
        _git(repository, "config", "core.bare", "true")
    if how != "core.worktree":
        (other / ".git").write_text(f"gitdir: {repository / '.git'}\n")
    else:
        _git(repository, "config", "core.worktree", str(other))
    monkeypatch.chdir(repository if how == "core.worktree" else other)
    assert main(command) == 2
    captured = capsys.readouterr()
    assert "name another folder" in captured.err
    assert "total" not in captured.out


def test_a_folder_without_history_gets_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "edits", str(tmp_path)]) == 2
    assert "Name a folder in a git repository." in capsys.readouterr().err


AREA = "def area(a, b):\n    return a * b\n\n\ndef volume(a, b, c):\n    base = area(a, b)\n    return base * c\n"


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("INFILL_LS_CONFIG", str(tmp_path / "config.toml"))


def test_a_next_edit_model_is_asked_where_the_rules_are_silent(repository: Path, runtime: None, tmp_path: Path) -> None:
    _commit(repository, AREA)
    _commit(repository, AREA.replace("a * b", "a + b").replace("base * c", "base - c"))

    def answer(request: CompletionRequest) -> Reply:
        assert request.rewrite is not None
        return Reply(["\n" + request.rewrite.text.replace("base * c", "base - c")])

    figures = {}
    for options in ([], ["--with-model"]):
        with ScriptedEngine(default=answer, edit_format="Sweep") as engine:
            file = tmp_path / "figures.json"
            assert main(["bench", "edits", str(repository), "--json", str(file), *options]) == 0
            figures[len(options)] = json.loads(file.read_text()), len(engine.requests)
    assert (figures[0][0]["proposals"], figures[0][1]) == (0, 0)
    assert (figures[1][0]["proposals"], figures[1][0]["precision"]) == (1, 1.0)
    assert figures[1][1] > 0


def test_another_model_is_refused_with_the_next_step(
    repository: Path, runtime: None, capsys: pytest.CaptureFixture[str]
) -> None:
    _commit(repository, AREA)
    with ScriptedEngine():
        assert main(["bench", "edits", str(repository), "--with-model"]) == 2
    assert "scripted is no next-edit model by its name" in capsys.readouterr().err
