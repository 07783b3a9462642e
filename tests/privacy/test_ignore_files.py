"""Ignore files count as Git counts them, and `.infillignore` before them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from infill_completion.privacy.git import files as rule_files
from infill_completion.privacy.git import patterns as git_patterns
from infill_completion.privacy.git.patterns import Patterns, lines_of
from infill_completion.privacy.git.wildmatch import Wildcard, compiled
from infill_completion.privacy.ignore_files import Rule
from infill_completion.privacy.rules import Privacy
from infill_completion.suggest.policy import privacy_message
from tests.privacy.git_cases import compare

CASES, SEED = 10_000, 20


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder without configuration of Git."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder))
    for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return folder


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Return the top folder of a repository."""
    folder = tmp_path / "work"
    (folder / ".git" / "info").mkdir(parents=True)
    return folder


def put(file: Path, text: str | bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())


def rule(top: Path, name: str, opened: Path | None = None) -> Rule | None:
    return Privacy(()).rule_for((top / name).as_uri(), [opened or top])


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_generated_rules_agree_with_git(tmp_path: Path) -> None:
    folder = tmp_path / "generated"
    folder.mkdir()
    count, differences = compare(CASES, SEED, folder)
    assert count >= CASES
    assert not differences, "\n".join(map(str, differences[:5]))


@pytest.mark.parametrize(
    ("config", "ignored"),
    [
        ("[core]\n\texcludesFile = ~/mine\n", True),
        ('[core]\n\texcludesfile = "~/mi\\\nne" # and a comment\n', True),
        ("[CORE] EXCLUDESFILE=~/mine;comment\n", True),
        ("[core]\r\n  excludesFile = ~/mine\r\n", True),
        ("[core]\nexcludesFile = ~/other\nexcludesFile = ~/mine\n", True),
        ("[core]\nexcludesFile = ~/mine\nexcludesFile = ~/other\n", False),
        ('[include]\n\tpath = more\n[core]\nbare = "\n', True),
        ('[includeIf "gitdir:/somewhere/else/"]\n\tpath = more\n', True),
        ("this is no configuration\n[core\n[core]\nexcludesFile = ~/mine\n", True),
        ("[core]\nexcludesFile = \n", False),
        ("[other]\nexcludesFile = ~/mine\n", False),
        ('[core "sub"]\nexcludesFile = ~/mine\n', False),
        ("\ufeff[core]\nexcludesFile = ~/mine\n", True),
        (b"[user]\nname = \xff\xfe\n[core]\nexcludesFile = ~/mine\n", True),
        ("[include]\npath = .gitconfig\n[core]\nexcludesFile = ~/mine\n", True),
    ],
)
def test_the_excludes_file_of_the_user_counts(home: Path, top: Path, config: str | bytes, ignored: bool) -> None:
    put(home / "mine", "notes.txt\n")
    put(home / "more", "[core]\n\texcludesFile = ~/mine\n")
    put(home / ".gitconfig", config)
    assert (rule(top, "notes.txt") is not None) == ignored
    assert rule(top, "main.py") is None


def test_the_default_excludes_file_counts_until_another_is_named(
    home: Path, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home / ".config" / "git" / "ignore", "notes.txt\n")
    assert str(rule(top, "notes.txt")) == f"notes.txt ({home}/.config/git/ignore)"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    assert rule(top, "notes.txt") is None
    put(home / "xdg" / "git" / "ignore", "notes.txt\n")
    assert rule(top, "notes.txt") is not None
    put(top / ".git" / "config", "[core]\nexcludesFile = /dev/null\n")
    assert rule(top, "notes.txt") is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="a home directory is looked up by user id")
def test_a_user_without_a_home_directory_has_the_rules_of_the_repository(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)  # as in a container that runs under an unknown user id
    put(top / ".git" / "config", "[core]\n\texcludesFile = ~/ignored\n")
    put(top / ".gitignore", "a.py\n")
    assert rule(top, "a.py")
    assert rule(top, "b.py") is None


def test_the_repository_excludes_files_that_are_in_no_commit(top: Path) -> None:
    put(top / ".git" / "info" / "exclude", "/notes.txt\n")
    assert rule(top, "notes.txt") is not None
    assert rule(top, "src/notes.txt") is None


@pytest.mark.parametrize("kind", ["worktree", "submodule"])
def test_a_working_tree_elsewhere_has_the_excludes_of_its_repository(top: Path, tmp_path: Path, kind: str) -> None:
    kept = top / ".git" / ("worktrees/more" if kind == "worktree" else "modules/more")
    tree = tmp_path / "more"
    put(tree / ".git", f"gitdir: {kept if kind == 'worktree' else os.path.relpath(kept, tree)}\n")
    if kind == "worktree":
        put(kept / "commondir", "../..\n")
    common = top / ".git" if kind == "worktree" else kept
    put(common / "info" / "exclude", "notes.txt\n")
    assert rule(tree, "notes.txt") is not None
    assert rule(tree, "main.py") is None


def test_a_repository_in_the_workspace_has_its_own_rules_and_those_around_it(top: Path) -> None:
    put(top / ".gitignore", "*.log\n")
    put(top / "lib" / ".git" / "info" / "exclude", "notes.txt\n")
    assert rule(top, "lib/notes.txt") is not None
    assert rule(top, "lib/a.log") is not None
    assert rule(top, "lib/main.py") is None
    assert rule(top, "notes.txt") is None


@pytest.mark.parametrize(
    ("files", "name", "ignored"),
    [
        ({".gitignore": "build/\n!build/keep.py\n"}, "build/keep.py", True),
        ({".gitignore": "build/*\n!build/keep.py\n"}, "build/keep.py", False),
        ({".gitignore": "build/\n", "build/.gitignore": "!*\n"}, "build/keep.py", True),
        ({".gitignore": "\ufeffvault.py\n"}, "vault.py", True),
        ({".infillignore": "\ufeffvault.py\r\n"}, "vault.py", True),
        ({".infillignore": "vault.py\n", "src/.gitignore": "!vault.py\n"}, "src/vault.py", True),
        ({".infillignore": "src/\n", "src/.gitignore": "!*\n", "src/.infillignore": "!*\n"}, "src/vault.py", True),
        ({".infillignore": "vault.py\n", "src/.infillignore": "!vault.py\n"}, "src/vault.py", False),
        ({".gitignore": "made.py\n", ".infillignore": "!made.py\n"}, "made.py", False),
        ({".gitignore": "made/\n", ".infillignore": "!made/\n"}, "made/a.py", False),
        ({".gitignore": "made/\n", ".infillignore": "!made/a.py\n"}, "made/a.py", True),
        ({".gitignore": "a\\ \nb \n\\#c\n\\!d\n"}, "a ", True),
        ({".gitignore": "a\\ \nb \n\\#c\n\\!d\n"}, "b", True),
        ({".gitignore": "a\\ \nb \n\\#c\n\\!d\n"}, "#c", True),
        ({".gitignore": "a\\ \nb \n\\#c\n\\!d\n"}, "!d", True),
        ({".gitignore": "vault.py"}, "vault.py", True),
        ({".gitignore": "***/vault.py\n"}, "vault.py", True),
        ({".gitignore": "src/**/vault.py\n"}, "src/vault.py", True),
        ({".gitignore": "?rc/**/vault.py\n"}, "src/a/b/vault.py", True),
        ({".gitignore": "Vault.py\n"}, "vault.py", False),
        ({".gitignore": "Vault.py\n", ".git/config": "[core]\nignoreCase\n"}, "vault.py", True),
        ({".gitignore": "a\\\n[\n[z-a]\n[[:no:]]\nvault.py\n"}, "vault.py", True),
        ({".git/info/exclude": "vault.py\n", ".gitignore": "!vault.py\n"}, "vault.py", False),
    ],
)
def test_the_strongest_rule_decides(top: Path, files: dict[str, str], name: str, ignored: bool) -> None:
    for file, text in files.items():
        put(top / file, text)
    assert (rule(top, name) is not None) == ignored
    assert rule(top, "main.py") is None


def test_a_name_that_is_not_text_is_matched_by_its_bytes(top: Path) -> None:
    put(top / ".gitignore", b"v\xffult.py\n")
    assert rule(top, os.fsdecode(b"v\xffult.py")) is not None
    assert rule(top, os.fsdecode(b"v\xfeult.py")) is None


@pytest.mark.parametrize("name", [".gitignore", ".infillignore", ".git/info/exclude", ".git/config", "src/.gitignore"])
@pytest.mark.parametrize("fault", ["loop", "large"])
def test_rules_that_cannot_be_read_keep_what_they_could_name_private(
    top: Path, name: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_files, "MAX_BYTES", 1000)
    if fault == "large":
        put(top / name, "# a comment\n" * 100)
    else:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).symlink_to(top / name)
    found = rule(top, "src/main.py")
    assert found is not None
    message = privacy_message(found)
    assert message.startswith(f"{top / name} ")
    assert "correct it or remove it" in message
    assert (rule(top, "main.py") is not None) == (not name.startswith("src/"))


def test_a_pattern_of_a_folder_above_counts_unless_it_ignores_the_whole_workspace(top: Path) -> None:
    put(top / ".gitignore", "*.log\n*\n")
    opened = top / "src"
    assert rule(top, "src/main.py", opened) is None
    assert rule(top, "src/a.log", opened) is not None
    assert rule(top, "src/main.py") is not None


HOSTILE = [
    (b"*a" * 60 + b"[b]", b"a" * 4000, False),
    (b"*a" * 60, b"a" * 4000, True),
    (b"?*" * 200 + b"[b]", b"a" * 4000, False),
    (b"/x/" + b"**/a*/" * 80 + b"[b]", b"x/" + b"aa/" * 1300 + b"c", False),
    (b"x/" + b"**/" * 500 + b"*b*", b"x/" + b"aa/" * 1300 + b"aba", True),
    (b"*[!b]" * 300 + b"[b]", b"a" * 4000, False),
    (b"**a" * 300, b"a" * 4000, True),
]


@pytest.mark.parametrize(("pattern", "path", "matches"), HOSTILE)
def test_matching_takes_one_step_a_byte_whatever_the_pattern(
    pattern: bytes, path: bytes, matches: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    reached = Wildcard._reached

    def counted(self: Wildcard, state: int) -> int:
        nonlocal steps
        steps += 1
        return reached(self, state)

    monkeypatch.setattr(Wildcard, "_reached", counted)
    assert (Patterns((pattern,)).match(path, is_folder=False) is not None) == matches
    assert 0 < steps <= len(path) + 1


def test_a_pattern_grows_by_one_state_a_byte() -> None:
    for pattern, _, _ in HOSTILE:
        wildcard = compiled(pattern, is_path=b"/" in pattern)
        assert wildcard is not None
        assert wildcard._states <= len(pattern)


def test_more_wildcards_than_a_verdict_may_try_keep_a_file_private(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(top / ".gitignore", b"".join(b"*%d*\n" % number for number in range(1000)))
    assert rule(top, "main.py") is None
    monkeypatch.setattr(git_patterns, "MAX_STEPS", 100)
    found = rule(top, "main.py")
    assert found is not None
    assert "too many patterns" in privacy_message(found)
    monkeypatch.undo()
    monkeypatch.setattr(git_patterns, "MAX_PATTERNS", 999)
    assert rule(top, "main.py") is not None


def test_lines_end_as_in_git() -> None:
    assert lines_of(b"\xef\xbb\xbfa\r\n#c\n\n  \n!\nb \\ \r\nc\\\\  \nd\0e\nf") == [
        *(b"a", b"b \\ ", b"c\\\\", b"d", b"f"),
    ]
