"""Ignore rules against Git itself: generated repositories in which ours and `git check-ignore` must agree.

`python -m tests.privacy.git_cases --cases 1000000 --seed 7` compares as many as there is time for.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from infill_completion.privacy.rules import Privacy

PATHS_A_REPOSITORY = 40
_NAMES = (
    *(b"a", b"b", b"A", b"ab", b"ba", b"abc", b"aab", b"b.c", b".a", b"a.log", b"B.LOG", b"a-b", b"a b", b"a ", b" a"),
    *(b"#a", b"!a", b"a]", b"[a]", b"a*", b"a?", b"a\\", b"a\\b", b"\xff", b"a\xffb", "é".encode(), b"x0", b"a_1"),
    *(b"*", b"**", b"-", b"^a", b"a\tb", b"a\r", b"aaaaaaab", b":a", b"{a}"),
)
_PIECES = (
    *(
        b"a",
        b"b",
        b"A",
        b"c",
        b".",
        b"/",
        b"/",
        b"*",
        b"*",
        b"**",
        b"**/",
        b"/**",
        b"/**/",
        b"***",
        b"?",
        b"\\",
        b"\\a",
    ),
    *(b"\\*", b"\\\\", b"\\ ", b" ", b"[ab]", b"[!a]", b"[^a]", b"[a-c]", b"[A-C]", b"[]a]", b"[]", b"[", b"]", b"-"),
    *(b"[[:alpha:]]", b"[[:upper:]]", b"[![:digit:]]", b"[[:punct:]-a]", b"[[:bad:]]", b"[[:alpha:", b"[a\\]]"),
    *(b"[\\a-c]", b"[a-\\c]", b"[!-.]", b"[--0]", b"[/]", b"[a/b]", b"log", b".log", b"#", b"!", b"\xff", b"[\xff]"),
    *(b"[[:space:]]", b"[[:xdigit:]_]", b"[[]", b"[[:]", b"[[::]", b"\t", "é".encode(), b"ab", b"aa", b"x", b"0", b"^"),
)
_LINE_ENDS = (b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b" \n", b"  \n", b"\t\n", b"\r\r\n")


@dataclass(frozen=True)
class Difference:
    """A path on which ours and Git disagree."""

    path: bytes
    ours: bool
    git: bytes
    files: Mapping[str, bytes]

    def __str__(self) -> str:
        return f"{self.path!r}: ours {self.ours}, Git {self.git!r}, with {dict(self.files)}"


@dataclass(frozen=True)
class Repository:
    """A generated repository: its ignore files, and paths to ask about."""

    files: Mapping[str, bytes]
    paths: Sequence[bytes]
    ignores_case: bool


def generated(random_numbers: random.Random) -> Repository:
    """Return a repository of random ignore files and paths that have a chance to match."""
    names = random_numbers.sample(_NAMES, 8)
    folders = [b""]
    for _ in range(random_numbers.randrange(1, 7)):
        folder = random_numbers.choice(folders)
        folders.append((folder + b"/" if folder else b"") + random_numbers.choice(names))
    paths = {
        (folder + b"/" if folder else b"") + random_numbers.choice(names)
        for folder in random_numbers.choices(folders, k=PATHS_A_REPOSITORY * 3)
    }
    places = [os.fsdecode(folder + b"/.gitignore" if folder else b".gitignore") for folder in folders]
    chosen = {places[0], *random_numbers.choices(places, k=2)}
    chosen |= {name for name in (".git/info/exclude", "excludes") if random_numbers.random() < 0.4}
    files = {name: _ignore_file(random_numbers, names, folders) for name in sorted(chosen)}
    wanted = sorted(path for path in paths if path not in folders)[:PATHS_A_REPOSITORY]
    return Repository(files, wanted, ignores_case=random_numbers.random() < 0.2)


def differences(repository: Repository, home: Path) -> list[Difference]:
    """Write a repository below ``home`` and return the paths on which ours and Git disagree."""
    top = home / "repository"
    shutil.rmtree(top, ignore_errors=True)
    (top / ".git" / "info").mkdir(parents=True)
    (top / ".git" / "objects").mkdir()
    (top / ".git" / "refs").mkdir()
    (top / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    case = "true" if repository.ignores_case else "false"
    (top / ".git" / "config").write_text(f"[core]\n\trepositoryformatversion = 0\n\tignoreCase = {case}\n")
    (home / "gitconfig").write_text(f"[core]\n\texcludesFile = {top}/excludes\n")
    for path in repository.paths:
        os.makedirs(os.path.dirname(os.fsencode(top) + b"/" + path), exist_ok=True)  # noqa: PTH103, PTH120 bytes
    for name, content in repository.files.items():
        if (top / name).parent.is_dir():
            (top / name).write_bytes(content)
    answers = _ask_git(top, home, repository.paths)
    privacy = Privacy(())
    found = []
    for path in repository.paths:
        rule = privacy.rule_for((top / os.fsdecode(path)).as_uri(), [top])
        by_git = answers[path]
        if (rule is not None) != bool(by_git and not by_git.startswith(b"!")):
            found.append(Difference(path, rule is not None, by_git, repository.files))
    return found


def compare(cases: int, seed: int, home: Path) -> tuple[int, list[Difference]]:
    """Compare at least ``cases`` paths; return how many were compared, and the differences."""
    random_numbers = random.Random(seed)
    count, found = 0, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        while count < cases:
            repository = generated(random_numbers)
            found += differences(repository, home)
            count += len(repository.paths)
    return count, found


def _ask_git(top: Path, home: Path, paths: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the pattern that decides on each path, empty if there is none."""
    environment = {**os.environ, "HOME": str(home), "LC_ALL": "C"}
    command = ("git", "check-ignore", "--no-index", "--stdin", "-z", "--verbose", "--non-matching")
    asked = b"".join(b"./" + path + b"\0" for path in paths)  # a colon at the beginning has a meaning
    answer = subprocess.run(command, input=asked, cwd=top, env=environment, capture_output=True, check=False)
    if answer.returncode not in {0, 1}:
        raise RuntimeError(answer.stderr.decode(errors="replace"))
    fields = answer.stdout.split(b"\0")
    return {path[2:]: pattern for pattern, path in zip(fields[2::4], fields[3::4], strict=False)}


def _ignore_file(random_numbers: random.Random, names: Sequence[bytes], folders: Sequence[bytes]) -> bytes:
    lines = [_line(random_numbers, names, folders) for _ in range(random_numbers.randrange(1, 7))]
    content = b"".join(line + random_numbers.choice(_LINE_ENDS) for line in lines)
    if random_numbers.random() < 0.1:
        content = b"\xef\xbb\xbf" + content
    return content.rstrip(b"\n") if random_numbers.random() < 0.3 else content


def _line(random_numbers: random.Random, names: Sequence[bytes], folders: Sequence[bytes]) -> bytes:
    """Return a pattern: pieces, or the name of a file or folder, perhaps with some bytes replaced by wildcards."""
    if random_numbers.random() < 0.4:
        line = b"".join(random_numbers.choices(_PIECES, k=random_numbers.randrange(1, 7)))
    else:
        known = random_numbers.choice((*names, *folders))
        line = b"".join(
            random_numbers.choice(_PIECES) if random_numbers.random() < 0.15 else bytes((byte,)) for byte in known
        )
    starts = (b"", b"", b"", b"", b"!", b"!", b"/", b"**/", b"#", b"\\", b" ")
    return (
        random_numbers.choice(starts) + line + random_numbers.choice((b"", b"", b"", b"/", b"/*", b"/**", b" ", b"\\ "))
    )


def main() -> None:
    """Compare as many cases as the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        count, found = compare(options.cases, options.seed, Path(home))
    for difference in found[:20]:
        print(difference)
    print(f"{count} paths compared with Git, {len(found)} differences (seed {options.seed})")
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
