"""What a repository lets a model learn: nothing private, and nothing of the commits that it is examined on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infill_completion.engine.learning import history as history_module
from infill_completion.engine.learning.exam import MAX_PATHS_OF_COMMIT
from infill_completion.engine.learning.history import (
    MAX_HOLES,
    MIN_HOLES,
    RepositoryHistory,
    files_digest,
    history_of,
    newest_commit,
)
from infill_completion.engine.learning.objects import MAX_BYTES, HistoryError
from infill_completion.privacy.rules import Privacy
from infill_completion.secret_files import SECRET_FILES
from tests.engine.learning.git_repository import (
    commit,
    git,
    lines,
    new_repository,
    repository_with_history,
    sign_newest,
)

KEY = "AKIA" + "IOSFODNN7EXAMPLF"


def public(_path: Path) -> bool:
    return False


def texts(history: RepositoryHistory) -> list[str]:
    return [file.text for file in history.files] + [hole.text for hole in history.holes]


def paths(history: RepositoryHistory) -> list[str]:
    return [file.path for file in history.files] + [hole.path for hole in history.holes]


def rules(top: Path) -> RepositoryHistory:
    privacy = Privacy(SECRET_FILES)
    return history_of(top, lambda path: privacy.rule_for(path.as_uri(), [top]) is not None)


def test_the_examined_commits_are_not_learned(tmp_path: Path) -> None:
    top = repository_with_history(tmp_path / "repo")
    history = history_of(top / ".", public)
    assert MIN_HOLES <= len(history.holes) <= MAX_HOLES
    assert history.examined == 10  # a third of the commits
    newest = {f"part_{number}.py" for number in range(20, 30)}
    assert {hole.path for hole in history.holes} <= newest
    assert {file.path for file in history.files} == {f"part_{number}.py" for number in range(20)}
    assert all(file.is_recent for file in history.files)
    for hole in history.holes:
        assert hole.text[hole.start : hole.end]
        assert "\n" not in hole.text[hole.start : hole.end]
    assert history == history_of(top, public)


def test_a_changed_file_is_learned_as_it_was_before(tmp_path: Path) -> None:
    top = repository_with_history(tmp_path / "repo", 20)
    for number in range(10):
        text = lines("part0", range(12)) + lines("newest", range(8 * number + 8))
        commit(top, {"part_0.py": text})
    history = history_of(top, public)
    assert all("newest" in hole.text.splitlines()[hole.text.count("\n", 0, hole.start)] for hole in history.holes)
    assert all("newest" not in file.text for file in history.files)


@pytest.mark.parametrize("rule", [".gitignore", ".infillignore", "name"])
def test_private_files_are_neither_learned_nor_examined(tmp_path: Path, rule: str) -> None:
    top = repository_with_history(tmp_path / "repo")
    name = ".env.py" if rule == "name" else "hidden.py"
    commit(top, {name: lines("hidden", range(50)), "sub/" + name: lines("hidden", range(50, 90))})
    for number in range(30, 45):
        commit(top, {f"part_{number}.py": lines(f"part{number}", range(12)), name: lines(f"hidden{number}", range(50))})
    if rule != "name":
        (top / rule).write_text("hidden.py\n")  # the rule of today counts, not that of the commit
        found = rules(top)
    else:
        found = history_of(top, lambda path: path.name == name)
    assert found.files
    assert all("hidden" not in text for text in texts(found))


def test_a_rule_that_fails_counts_as_private(tmp_path: Path) -> None:
    top = repository_with_history(tmp_path / "repo")

    def fails(_path: Path) -> bool:
        raise RuntimeError("no")

    with pytest.raises(HistoryError, match="too few lines"):
        history_of(top, fails)


def test_files_with_secrets_binary_files_and_links_are_left_out(tmp_path: Path) -> None:
    top = new_repository(tmp_path / "repo")
    for number in range(3):
        (top / f"link{number}.py").symlink_to(tmp_path / "elsewhere.py")
    (tmp_path / "elsewhere.py").write_text(lines("elsewhere", range(12)))
    for number in range(30):
        commit(top, {
            f"part_{number}.py": lines(f"part{number}", range(12)),
            f"keys_{number}.py": lines("keys", range(12)) + f"AWS = '{KEY}'\n",
            f"binary_{number}.py": lines("binary", range(12)) + "\0",
            f"table_{number}.csv": lines("table", range(12)),
        })  # fmt: skip
    history = history_of(top, public)
    assert {path[:5] for path in paths(history)} == {"part_"}


def test_lines_end_as_in_prompts(tmp_path: Path) -> None:
    top = new_repository(tmp_path / "repo")
    for number in range(30):
        commit(top, {f"ä {number}.py": lines(f"part{number}", range(12)).replace("\n", "\r\n")})
    history = history_of(top, public)
    assert history.files
    assert all("\r" not in text for text in texts(history))


def test_folders_without_enough_history_say_so(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(HistoryError, match="Git repository"):
        history_of(tmp_path / "plain", public)
    empty = new_repository(tmp_path / "empty")
    with pytest.raises(HistoryError, match="Git repository"):
        history_of(empty, public)
    commit(empty, {"a.py": lines("a", range(200))})
    with pytest.raises(HistoryError, match="too few lines"):
        history_of(empty, public)


def test_nothing_of_the_repositorys_configuration_runs(tmp_path: Path) -> None:
    top = repository_with_history(tmp_path / "repo")
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    commit(top, {".gitattributes": "*.py diff=own filter=own\n"})
    for key in ("core.fsmonitor", "diff.external", "diff.own.textconv", "diff.own.command", "filter.own.smudge",
                "core.sshCommand", "core.pager"):  # fmt: skip
        git(top, "config", key, str(program))
    sign_newest(top, program)
    assert history_of(top, public).files
    assert not (tmp_path / "ran").exists()


def test_a_repository_that_names_another_folder_is_refused(tmp_path: Path) -> None:
    top, other = repository_with_history(tmp_path / "repo"), repository_with_history(tmp_path / "other")
    link = tmp_path / "link"
    link.symlink_to(top)
    assert history_of(link, public).top == top
    git(top, "config", "core.worktree", str(other))
    with pytest.raises(HistoryError, match=r"core\.worktree"):
        history_of(top, public)


def test_a_folder_that_names_the_repository_of_another_one_is_refused(tmp_path: Path) -> None:
    top, other = repository_with_history(tmp_path / "repo"), tmp_path / "other"
    other.mkdir()
    (other / ".git").write_text(f"gitdir: {top / '.git'}\n")
    with pytest.raises(HistoryError, match="does not name"):
        history_of(other, public)
    git(top, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"), "HEAD")
    assert history_of(tmp_path / "tree", public).top == tmp_path / "tree"


@pytest.mark.parametrize("by", ["link", "commondir", "own worktree folder", "linked parts", "named folder"])
def test_a_history_that_links_lead_to_is_refused(tmp_path: Path, by: str) -> None:
    top, other = repository_with_history(tmp_path / "repo"), tmp_path / "other"
    own = other / "own" if by == "own worktree folder" else other / ".git"
    own.mkdir(parents=True)
    if by == "link":
        own.rmdir()
        own.symlink_to(top / ".git")
    elif by == "linked parts":
        (own / "HEAD").write_text("ref: refs/heads/main\n")
        for name in ("objects", "refs", "config"):
            (own / name).symlink_to(top / ".git" / name)
    else:
        (own / "commondir").write_text(str(top / ".git"))
        (own / "HEAD").write_text("ref: refs/heads/main\n")
        (own / "gitdir").write_text(str(other / ".git"))
        if by == "commondir":
            (own / "gitdir").unlink()
        elif by == "own worktree folder":
            (other / ".git").write_text("gitdir: own\n")
    with pytest.raises(HistoryError, match=r"does not name|has links out of"):
        history_of(other, public)


def test_working_trees_of_submodules_are_their_own(tmp_path: Path) -> None:
    inner, outer = repository_with_history(tmp_path / "inner"), new_repository(tmp_path / "outer")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    assert history_of(outer / "sub", public).top == outer / "sub"
    git(outer / "sub", "worktree", "add", "-q", "--detach", str(tmp_path / "tree"), "HEAD")
    assert history_of(tmp_path / "tree", public).top == tmp_path / "tree"


def test_what_git_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = repository_with_history(tmp_path / "repo", 3)
    (top / ".git" / "config").write_text("[core\n")
    with pytest.raises(HistoryError, match=r"\(bad config line 1 in file \.git/config\)"):
        history_of(top, public)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HistoryError, match="install it"):
        history_of(top, public)


def test_a_git_in_the_current_folder_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = repository_with_history(tmp_path / "repo")
    program = top / "git"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    monkeypatch.chdir(top)
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}")
    assert history_of(top, public).files
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.name == "nt", reason="names there are Unicode")
def test_a_name_that_is_not_utf_8_is_shown_without_its_bytes(tmp_path: Path) -> None:
    top = new_repository(tmp_path / "repo")
    for number in range(30):
        commit(top, {f"caf\udce9_{number}.py": lines(f"part{number}", range(12))})
    history = history_of(top, public)
    assert history.files
    assert history.holes
    assert all(path.startswith("caf\N{REPLACEMENT CHARACTER}_") for path in paths(history))
    assert all(file.is_recent for file in history.files)


def test_a_large_commit_is_examined_in_part(tmp_path: Path) -> None:
    top = repository_with_history(tmp_path / "repo")
    commit(top, {f"moved_{number}.py": lines(f"moved{number}", range(12)) for number in range(100)})
    asked: set[str] = set()

    def asks(path: Path) -> bool:
        asked.add(path.name)
        return False

    assert history_of(top, asks).holes
    assert len([name for name in asked if name.startswith("moved_")]) == MAX_PATHS_OF_COMMIT


def test_large_files_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = repository_with_history(tmp_path / "repo", 20)
    large = "x = 1\n" * MAX_BYTES
    for number in range(10):
        commit(top, {"large.py": large + f"y = {number}\n", f"more_{number}.py": lines(f"more{number}", range(12))})
    commit(top, {"large.py": lines("large", range(12))})
    run, sizes = subprocess.run, list[int]()

    def runs(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
        done: subprocess.CompletedProcess[bytes] = run(*arguments, **options)
        sizes.append(len(done.stdout))
        return done

    monkeypatch.setattr(subprocess, "run", runs)
    assert history_of(top, public).files
    assert max(sizes) < MAX_BYTES


def test_the_text_to_learn_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = repository_with_history(tmp_path / "repo")
    size = len((top / "part_0.py").read_text())
    monkeypatch.setattr(history_module, "MAX_TEXT_CHARS", 5 * size + 1000)
    assert 4 <= len(history_of(top, public).files) <= 6


def commit_at(top: Path, seconds: int, name: str) -> None:
    """Commit a file by a clock that shows so many seconds since 1970."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_COMMITTER_DATE", f"@{seconds} +0000")
        commit(top, {f"{name}.py": lines(name, range(12))})


def test_what_is_learned_is_not_examined_where_a_clock_was_wrong(tmp_path: Path) -> None:
    top = new_repository(tmp_path / "repo")
    for number in range(35):
        commit_at(top, 1_600_000_000 + number, f"part_{number}")
    for number in range(4):
        commit_at(top, 1_900_000_000 + number, f"ahead_{number}")
    git(top, "checkout", "-qb", "side")
    commit_at(top, 1_900_000_010, "side")
    git(top, "checkout", "-q", "main")
    for number in range(12):
        commit_at(top, 1_700_000_000 + number, f"newer_{number}")
    git(top, "merge", "-q", "-m", "Merge", "side")
    history = history_of(top, public)
    assert "ahead_0.py" in {file.path for file in history.files}
    assert not {hole.path for hole in history.holes} & {file.path for file in history.files}


def test_a_history_that_was_joined_lately_can_be_learned(tmp_path: Path) -> None:
    top, other = new_repository(tmp_path / "repo"), new_repository(tmp_path / "other")
    for number in range(27):
        commit_at(top, 1_600_000_000 + number, f"part_{number}")
    commit_at(other, 1_700_000_000, "first")  # has nothing before it
    git(top, "fetch", "-q", str(other), "main")
    git(top, "merge", "-q", "--allow-unrelated-histories", "-m", "Merge", "FETCH_HEAD")
    for number in range(12):
        commit_at(top, 1_800_000_000 + number, f"newer_{number}")
    history = history_of(top, public)
    assert history.examined == 13  # the oldest of them is the first one of the other history
    assert not {hole.path for hole in history.holes} & {file.path for file in history.files}


def test_files_that_were_deleted_or_moved_by_now_are_not_learned(tmp_path: Path) -> None:
    top = repository_with_history(tmp_path / "repo", 40)
    (top / "private").mkdir()
    git(top, "mv", "part_3.py", "private/part_3.py")
    git(top, "rm", "-q", "part_4.py")
    commit(top, {".infillignore": "private/\n"})
    found = rules(top)
    assert "part_5.py" in paths(found)
    assert not {"part_3.py", "part_4.py", "private/part_3.py"} & set(paths(found))


def test_what_is_not_checked_out_is_not_learned(tmp_path: Path) -> None:
    top = new_repository(tmp_path / "repo")
    for number in range(40):
        name, text = f"part_{number}.py", lines(f"part{number}", range(12))
        commit(top, {name: text, f"internal/{name}": text, "internal/.infillignore": "*.py\n"})
    assert {path[:5] for path in paths(rules(top))} == {"part_"}
    git(top, "sparse-checkout", "set", "--no-cone", "/*", "!/internal/")
    assert not (top / "internal").exists()
    assert {path[:5] for path in paths(rules(top))} == {"part_"}


def test_a_merge_counts_as_the_newest_commit(tmp_path: Path) -> None:
    top = repository_with_history(tmp_path / "repo", 30)
    git(top, "checkout", "-qb", "side", "HEAD~20")
    commit(top, {"side.py": lines("side", range(12))})
    git(top, "checkout", "-q", "main")
    git(top, "merge", "-q", "-m", "Merge", "side")
    head = git(top, "rev-parse", "HEAD").strip()
    assert history_of(top, public).commit == newest_commit(top) == head
    # A rule about a file that the side branch never had changes what may be learned.
    assert files_digest(top, head, public) != files_digest(top, head, lambda path: path.name == "part_25.py")


def test_lines_are_counted_as_git_counts_them(tmp_path: Path) -> None:
    top = new_repository(tmp_path / "repo")
    old = "".join(f"old_{number} = 1\r_also_old_{number} = 1\n" for number in range(100))
    for number in range(30):
        new = lines(f"new{number}", range(12))
        commit(top, {"returns.py": old + new, f"part_{number}.py": new})
    history = history_of(top, public)
    assert {hole.path[:5] for hole in history.holes} == {"part_"}
