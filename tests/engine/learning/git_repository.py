"""Repositories with commits of known lines, for tests of learning."""

from __future__ import annotations

import subprocess
from pathlib import Path

AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    """Run Git in a folder."""
    done = subprocess.run(["git", *AUTHOR, "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def new_repository(folder: Path) -> Path:
    """Make an empty repository."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


def commit(folder: Path, files: dict[str, str]) -> str:
    """Write files, commit everything, and return the commit."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    git(folder, "add", "-Af")
    git(folder, "commit", "-qm", "A change")
    return git(folder, "rev-parse", "HEAD").strip()


def sign_newest(folder: Path, verifier: Path) -> None:
    """Put a signature into the newest commit, and a configuration that lets `git log` run a program to verify it."""
    head, _, rest = git(folder, "cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    file = folder.parent / "signed"
    file.write_text(f"{head}\n{signature}\n\n{rest}")
    git(folder, "update-ref", "HEAD", git(folder, "hash-object", "-t", "commit", "-w", str(file)).strip())
    git(folder, "config", "log.showSignature", "true")
    git(folder, "config", "gpg.program", str(verifier))


def lines(name: str, numbers: range) -> str:
    """Return similar lines of Python."""
    return "".join(f"register_handler('{name}_{number}', priority=LOW, queue=default_queue)\n" for number in numbers)


def repository_with_history(folder: Path, commits: int = 30) -> Path:
    """Make a repository in which every commit adds a file with a few similar lines."""
    new_repository(folder)
    for number in range(commits):
        commit(folder, {f"part_{number}.py": lines(f"part{number}", range(12))})
    return folder
