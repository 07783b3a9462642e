"""Projects that no corpus of ours holds, and the holes in them."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from infill_server.commands.bench.quality.cutting import holes, read_sources
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind
from infill_server.commands.bench.source_files import source_files
from training.corpus import NewFiles, readable
from training.sources import is_test, repository_files, sources

PROJECTS = {
    "python": ("psf/requests", "httpie/cli", "nvbn/thefuck"),
    "script": ("colinhacks/zod", "expressjs/express"),
    "go": ("gin-gonic/gin", "spf13/cobra"),
    "rust": ("BurntSushi/ripgrep", "sharkdp/fd"),
    "java": ("google/gson", "brettwooldridge/HikariCP"),
    "c": ("antirez/kilo", "DaveGamble/cJSON", "jqlang/jq"),
    "cpp": ("yhirose/cpp-httplib", "ninja-build/ninja"),
}
NAMES = {
    "python": "Python", "script": "JavaScript and TypeScript", "go": "Go", "rust": "Rust", "java": "Java", "c": "C",
    "cpp": "C++",
}  # fmt: skip
SUFFIXES = {
    "python": (".py",),
    "script": (".ts", ".tsx", ".js", ".mjs"),
    "go": (".go",),
    "rust": (".rs",),
    "java": (".java",),
    "c": (".c", ".h"),
    "cpp": (".cc", ".cpp", ".h"),
}
MIN_CHARS = 1_000
SEED = 7


def git_directory(repositories: Path, project: str) -> Path:
    """Return where the git directory of a project is, as ``owner+name/repo``."""
    return repositories / project.replace("/", "+") / "repo"


def commit_of(repositories: Path, project: str) -> str:
    """Return the commit that is measured."""
    command = ["git", f"--git-dir={git_directory(repositories, project)}", "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def line_holes(
    repositories: Path, language: str, count: int, folder: Path, kind: HoleKind = HoleKind.REST
) -> list[CodeHole]:
    """Write the files of a language to ``folder`` and return holes in them, always the same ones.

    Raises:
        ValueError: A project is in the corpus.
    """
    known = {source.name for source in sources()}.intersection(PROJECTS[language])
    if known:
        raise ValueError(f"{', '.join(sorted(known))} is part of the corpus, so it cannot be measured on.")
    _write_files(repositories, language, folder)
    paths = source_files(folder)
    random.Random(SEED).shuffle(paths)
    return holes(read_sources(paths), count, SEED, kind)


def _write_files(repositories: Path, language: str, folder: Path) -> None:
    """Write the readable files of a language's projects, without tests and copies, to ``folder``."""
    new = NewFiles()
    for project in PROJECTS[language]:
        for name, data in repository_files(git_directory(repositories, project), "HEAD"):
            text = readable(data) if name.endswith(SUFFIXES[language]) and not is_test(name) else None
            if text is not None and len(text) >= MIN_CHARS and new.add(text):
                path = folder / project.replace("/", "+") / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
