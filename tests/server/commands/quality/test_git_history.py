"""Holes from Git histories: what was added, how it was, and histories that are odd."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from infill_completion.privacy.rules import Privacy
from infill_server.commands.bench.git import GitError
from infill_server.commands.bench.quality.cutting import HoleSource, holes
from infill_server.commands.bench.quality.git_history import GitHistory
from infill_server.commands.bench.quality.hole import HoleKind

OLD = "".join(f"def old{n}(value):\n    return value + {n}\n\n\n" for n in range(12))
NEW = "def new(value):\n    total = value * 2\n    return total\n\n\n"


class Repository:
    """A repository in a folder; commits are made in order, a minute apart."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._minute = folder, 0
        folder.mkdir()
        self("init", "-q", "-b", "main")

    def __call__(self, *arguments: str) -> str:
        when = f"2026-01-01T00:{self._minute:02}:00 +0000"
        names = {f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "GIT_CONFIG_GLOBAL": os.devnull}
        command = ["git", "-c", "protocol.file.allow=always", "-C", str(self.folder), *arguments]
        done = subprocess.run(command, env=os.environ | names | dates, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, files: dict[str, str | bytes]) -> str:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        self("add", "-A", "-f")
        self._minute += 1
        self("commit", "-q", "-m", "c")
        return self("rev-parse", "HEAD")

    def sources(self, revisions: str = "", *, below: str = "", count: int = 50, seed: int = 0) -> list[HoleSource]:
        folder = self.folder / below if below else self.folder
        return GitHistory(folder, revisions, Privacy((".env*", "secret*"))).sources(count, seed)

    def added(self, revisions: str = "", **options: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for source in self.sources(revisions, **options):  # type: ignore[arg-type]
            lines = {source.lines[number] for number in source.places if source.lines[number].strip()}
            found.setdefault(source.path.relative_to(self.folder).as_posix(), set()).update(lines)
        return found


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.commit({"a.py": OLD})
    return made


def test_the_added_lines_are_cut_in_the_file_as_it_was(repository: Repository) -> None:
    then = repository.commit({"a.py": NEW + OLD})
    repository.commit({"a.py": OLD.replace("old", "young")})
    (source,) = [each for each in repository.sources() if each.commit == then]
    assert source.text == NEW + OLD
    assert {source.lines[number] for number in source.places} == set(NEW.split("\n"))
    (block,) = holes([source], 5, 0, HoleKind.BLOCK)
    assert block.expected == "total = value * 2\n    return total"
    assert block.prefix + block.expected + block.suffix == NEW + OLD
    assert (block.commit, block.language_id) == (then, "python")


def test_a_range_and_a_folder_limit_what_is_read(repository: Repository) -> None:
    repository.commit({"b/b.py": NEW + OLD})
    repository.commit({"c.py": NEW + OLD})
    assert set(repository.added()) == {"a.py", "b/b.py", "c.py"}
    assert set(repository.added("HEAD~1..")) == {"c.py"}
    assert set(repository.added("HEAD ^HEAD~2")) == {"b/b.py", "c.py"}
    assert set(repository.added(below="b")) == {"b/b.py"}
    assert set(repository.added(below="b/b.py")) == {"b/b.py"}
    with pytest.raises(GitError, match="No commit there added lines"):
        repository.added("HEAD~1..", below="b")


def test_the_same_seed_gives_the_same_files_and_the_newest_commits_come_first(repository: Repository) -> None:
    for number in range(30):
        repository.commit({f"m{number}.py": NEW.replace("new", f"n{number}") + OLD})
    found = repository.sources(count=3)
    assert found == repository.sources(count=3)
    assert found[0].path.name == "m29.py"
    assert len(found) < 10
    many: dict[str, str | bytes] = {f"v{number}.py": NEW.replace("new", f"w{number}") + OLD for number in range(60)}
    repository.commit(many)
    bulk = [source.path.name for source in repository.sources("HEAD~1..", count=3, seed=1)]
    assert len(bulk) == 20
    assert bulk == [source.path.name for source in repository.sources("HEAD~1..", count=3, seed=1)]
    assert bulk != [source.path.name for source in repository.sources("HEAD~1..", count=3, seed=2)]


def test_a_rename_and_a_new_indentation_add_nothing(repository: Repository) -> None:
    repository("mv", "a.py", "moved.py")
    repository.commit({"moved.py": OLD + NEW})
    assert repository.added("HEAD~1..") == {"moved.py": set(NEW.split("\n")) - {""}}
    repository.commit({"moved.py": "if True:\n" + "".join(f"    {line}\n" for line in (OLD + NEW).split("\n"))})
    assert repository.added("HEAD~1..") == {"moved.py": {"if True:"}}
    crlf = "if True:\r\n" + "".join(f"    {line}\r\n" for line in (OLD + NEW).split("\n")) + "last = 1\r\n"
    repository.commit({"moved.py": crlf})
    assert repository.added("HEAD~1..") == {"moved.py": {"last = 1"}}


def test_a_file_that_moved_into_the_folder_adds_nothing(repository: Repository) -> None:
    (repository.folder / "src").mkdir()
    repository("mv", "a.py", "src/a.py")
    repository.commit({"src/a.py": OLD + NEW, "srcs.py": NEW + OLD})
    for below in ("src", "src/a.py"):
        assert repository.added("HEAD~1..", below=below) == {"src/a.py": set(NEW.split("\n")) - {""}}


@pytest.mark.parametrize("setting", ["diff.interHunkContext=5", "diff.orderFile=nowhere", "core.bigFileThreshold=1"])
def test_settings_of_the_repository_change_nothing(repository: Repository, setting: str) -> None:
    lines = OLD.split("\n")
    lines[4], lines[8] = "def first(value):", "def second(value):"
    repository.commit({"a.py": "\n".join(lines)})
    repository("config", *setting.split("="))
    assert repository.added("HEAD~1..") == {"a.py": {lines[4], lines[8]}}


def test_a_change_that_was_made_twice_counts_once(repository: Repository) -> None:
    for text in (NEW + OLD, OLD, NEW + OLD):
        newest = repository.commit({"a.py": text})
    assert [source.commit for source in repository.sources("HEAD~3..")] == [newest]


def test_what_is_not_source_text_is_left_out(repository: Repository) -> None:
    (repository.folder / "link.py").symlink_to("a.py")
    repository.commit(
        {
            "image.py": b"\0\1\2" * 500, "latin.py": ("é = 1\n" * 200).encode("latin-1"), "notes.md": OLD,
            "huge.py": "x = 1\n" * 50_000, "data.json": "[1]\n" * 300, "mac.py": OLD.replace("\n", "\r"),
            "secret.py": OLD, ".env.py": OLD, "utf16.py": OLD.encode("utf-16"), "tiny.py": "x = 1\n",
            "mark.py": "\ufeff" + NEW + OLD, "\u00e9 \n\t\"'.py": NEW + OLD,
        }
    )  # fmt: skip
    assert set(repository.added("HEAD~1..")) == {"mark.py", "\u00e9 \n\t\"'.py"}
    assert repository.sources("HEAD~1..", count=50)[0].text.startswith("def new")


def test_merges_and_submodules_are_left_out(repository: Repository, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner")
    inner.commit({"i.py": NEW + OLD})
    repository("checkout", "-q", "-b", "side")
    repository.commit({"s.py": NEW + OLD})
    repository("checkout", "-q", "main")
    repository.commit({"m.py": NEW + OLD})
    repository("merge", "-q", "--no-ff", "-m", "merged", "side")
    repository("submodule", "--quiet", "add", str(inner.folder), "inner")
    repository.commit({"after.py": NEW + OLD})
    assert set(repository.added("HEAD~1..")) == {"after.py"}
    assert set(repository.added("HEAD~2..HEAD~1")) == {"s.py"}  # by the commit itself, not by the merge
    assert set(repository.added("HEAD~3..")) == {"after.py", "s.py", "m.py"}
    below = GitHistory(repository.folder / "inner", "", Privacy(())).sources(5, 0)
    assert [source.path.name for source in below] == ["i.py"]


def test_where_a_shallow_clone_ends_nothing_was_added(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"b.py": NEW + OLD})
    shallow = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", repository.folder.as_uri(), str(shallow)],
        check=True,
        capture_output=True,
    )
    with pytest.raises(GitError, match="No commit there added lines"):
        GitHistory(shallow, "", Privacy(())).sources(5, 0)
    repository.commit({"c.py": NEW + OLD})
    subprocess.run(["git", "-C", str(shallow), "pull", "-q", "--depth", "2"], check=True, capture_output=True)
    assert [source.path.name for source in GitHistory(shallow, "", Privacy(())).sources(5, 0)] == ["c.py"]


def test_bare_repositories_further_working_trees_and_detached_heads_are_read(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit({"b.py": NEW + OLD})
    subprocess.run(["git", "clone", "-q", "--bare", str(repository.folder), str(tmp_path / "bare")], check=True)
    repository("worktree", "add", "-q", "--detach", str(tmp_path / "tree"), "HEAD")
    for folder in (tmp_path / "bare", tmp_path / "tree"):
        found = GitHistory(folder, "HEAD~1..", Privacy(())).sources(5, 0)
        assert [source.path for source in found] == [folder / "b.py"]


def test_what_a_partial_clone_lacks_is_not_fetched(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"b.py": NEW + OLD})
    repository("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    clone = ["git", "clone", "-q", "--filter=blob:none", "--no-checkout", repository.folder.as_uri(), str(partial)]
    subprocess.run(clone, check=True, capture_output=True)
    before = sorted(path.name for path in (partial / ".git" / "objects").rglob("*"))
    with pytest.raises(GitError):
        GitHistory(partial, "", Privacy(())).sources(5, 0)
    assert sorted(path.name for path in (partial / ".git" / "objects").rglob("*")) == before


def _empty(repository: Repository, tmp_path: Path) -> Path:
    return Repository(tmp_path / "empty").folder


def _none(repository: Repository, tmp_path: Path) -> Path:
    (tmp_path / "none").mkdir()
    return tmp_path / "none"


def _broken(repository: Repository, tmp_path: Path) -> Path:
    shutil.rmtree(repository.folder / ".git" / "objects")
    (repository.folder / ".git" / "objects").mkdir()
    return repository.folder


@pytest.mark.parametrize("made", [_empty, _none, _broken])
def test_a_folder_without_a_history_is_one_sentence(
    repository: Repository, tmp_path: Path, made: Callable[[Repository, Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(GitError) as error:
        GitHistory(made(repository, tmp_path), "", Privacy(())).sources(5, 0)
    assert str(error.value).startswith("Git refused (")
    assert str(error.value).endswith("; name another folder or range.")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("revisions", ["--output=x", "-p", "HEAD --all", "no-such-branch", "HEAD..nowhere", "a\0b"])
def test_a_range_that_is_none_is_one_sentence(repository: Repository, revisions: str) -> None:
    with pytest.raises(GitError) as error:
        repository.sources(revisions)
    assert "\n" not in str(error.value)
    assert not (repository.folder / "x").exists()


def test_without_git_the_sentence_says_so(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(GitError, match="needs Git, which was not found"):
        repository.sources()


def test_the_repository_is_not_touched_and_none_of_its_programs_runs(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    for name in ("diff.external", "core.fsmonitor", "core.pager", "diff.d.textconv", "diff.d.command", "gpg.program"):
        repository("config", name, str(program))
    repository("config", "log.showSignature", "true")
    repository.commit({".gitattributes": "*.py diff=d\n", "a.py": NEW + OLD})
    (repository.folder / "a.py").write_text("x = 1  # not committed\n")
    (repository.folder / ".git" / "index").touch()
    mark.unlink(missing_ok=True)
    before = {path: path.stat().st_mtime_ns for path in repository.folder.rglob("*")}
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(program))
    assert repository.sources("HEAD~1..")[0].text == NEW + OLD
    assert {path: path.stat().st_mtime_ns for path in repository.folder.rglob("*")} == before
    assert not mark.exists()


def test_a_submodule_is_read(repository: Repository, tmp_path: Path) -> None:
    outer = Repository(tmp_path / "outer")
    outer("submodule", "--quiet", "add", str(repository.folder), "inner")
    inner = tmp_path / "outer" / "inner"
    assert (inner / ".git").is_file()
    assert {source.path.parent for source in GitHistory(inner, "", Privacy(())).sources(5, 0)} == {inner}


@pytest.mark.parametrize("how", ["core.worktree", "gitdir", "gitdir of a further working tree"])
def test_the_history_of_another_folder_is_refused(repository: Repository, tmp_path: Path, how: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    kept = repository.folder / ".git"
    if how == "core.worktree":
        repository("config", "core.worktree", str(other))
        other = repository.folder
    elif how == "gitdir":
        (other / ".git").write_text(f"gitdir: {kept}\n")
    else:
        repository("worktree", "add", "-q", "--detach", str(tmp_path / "tree"), "HEAD")
        (other / ".git").write_text(f"gitdir: {kept / 'worktrees' / 'tree'}\n")
    with pytest.raises(GitError, match="name another folder"):
        GitHistory(other, "", Privacy(())).sources(5, 0)
