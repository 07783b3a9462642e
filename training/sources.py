"""The files of other projects: public repositories and wheels, see ``sources.toml``."""

from __future__ import annotations

import re
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

LIST = Path(__file__).parent / "sources.toml"
LANGUAGES = {
    ".py": "python", ".go": "go", ".rs": "rust", ".java": "java", ".c": "c", ".h": "c",
    **dict.fromkeys((".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"), "script"),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx"), "cpp"),
}  # fmt: skip
# Folders of copies from other projects, of output and of test inputs.
_SKIPPED_FOLDERS = re.compile(
    r"(^|/)(\.[^/]+|_?vendor(ed)?|third[-_]?party|node_modules|deps|dist|build|out|extern(al|als)?|"
    r"(__)?fixtures?(__)?|testdata|test[-_]?data|(__)?snapshots?(__)?|generated|gen|migrations|locales?|i18n|"
    r"translations|proto-?gen|sandboxes|codemods|corpus|corpora|baselines?)/",
    re.IGNORECASE,
)
_SKIPPED_NAMES = re.compile(
    r"(\.min\.js|\.pb\.(go|cc|h)|_pb2(_grpc)?\.py|\.gen\.\w+|zz_generated\S*|_generated\.\w+|\.d\.ts|bundle\.js|"
    r"_string\.go|\.snap|amalgamat\S*)$",
    re.IGNORECASE,
)
_TESTS = re.compile(
    r"(^|/)(tests?|testing|__tests__|spec|androidTest|jmh)/|(_test|\.test|\.spec|Tests?)\.\w+$|(^|/)test_"
)


@dataclass(frozen=True)
class Source:
    """A project of ``sources.toml``: a repository at a commit, or a wheel."""

    kind: str
    name: str
    version: str
    licence: str


def sources() -> list[Source]:
    """Return the listed projects."""
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return [Source(kind, **entry) for kind in ("repository", "wheel") for entry in listed[kind]]


def language_of(name: str) -> str | None:
    """Return the language of a file name, or None if it is none of the corpus'."""
    return LANGUAGES.get(PurePosixPath(name).suffix.lower())


def is_wanted(path: str) -> bool:
    """Return whether a path is that of source text which people wrote for this project."""
    return language_of(path) is not None and not _SKIPPED_FOLDERS.search(path) and not _SKIPPED_NAMES.search(path)


def is_test(path: str) -> bool:
    """Return whether a path is that of a test."""
    return _TESTS.search(path) is not None


def repository_files(folder: Path, commit: str) -> Iterator[tuple[str, bytes]]:
    """Yield the wanted files of a git directory at a commit as paths and contents."""
    git = ["git", f"--git-dir={folder}"]
    listing = subprocess.run([*git, "ls-tree", "-r", "-z", commit], check=True, capture_output=True).stdout
    wanted: list[tuple[str, str]] = []
    for entry in listing.decode("utf-8", "replace").split("\0"):
        head, _, path = entry.partition("\t")
        if head.startswith("100") and is_wanted(path):
            wanted.append((path, head.split()[2]))
    asked = "".join(f"{blob}\n" for _, blob in wanted).encode()
    answer = subprocess.run([*git, "cat-file", "--batch"], input=asked, check=True, capture_output=True).stdout
    at = 0
    for path, _ in wanted:
        end = answer.index(b"\n", at)
        head = answer[at:end].decode()
        at = end + 1
        if head.endswith(" missing"):
            continue
        size = int(head.split()[2])
        yield path, answer[at : at + size]
        at += size + 1


def wheel_files(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the wanted files of a wheel as paths and contents."""
    with zipfile.ZipFile(file) as archive:
        for path in sorted(archive.namelist()):
            if is_wanted(path):
                yield path, archive.read(path)


def files_of(source: Source, repositories: Path, wheels: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the wanted files of a project, or nothing if it is not on this machine.

    Args:
        source: The project.
        repositories: Holds git directories named ``owner+name/repo``.
        wheels: Holds wheels.
    """
    if source.kind == "repository":
        folder = repositories / source.name.replace("/", "+") / "repo"
        if folder.exists():
            yield from repository_files(folder, source.version)
    else:
        stem = source.name.lower().replace("-", "_")
        for file in sorted(wheels.glob(f"{stem}-{source.version}-*.whl")):
            yield from wheel_files(file)
