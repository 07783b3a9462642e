"""Git as a program that only reads: nothing of the repository's configuration runs, and no network is asked.

This holds for Git's plumbing, which it is meant for.  Porcelain such as ``git log`` or ``git show`` heeds more of the
configuration, for example ``log.showSignature``, which runs ``gpg.program``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NAME = "git.exe" if sys.platform == "win32" else "git"
_SAFE = (
    "--no-pager", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false",
)  # fmt: skip
# Of Git's own variables only these are kept: with the others a hook or a script would choose another repository.
_KEPT = ("GIT_CONFIG_", "GIT_CEILING_DIRECTORIES")
_ALWAYS = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # for versions that do not know the variable before
    "LC_ALL": "C",
}


def git_command(folder: Path, *arguments: str) -> list[str]:
    """Return the command line that runs Git in a folder.

    Raises:
        FileNotFoundError: Git is not installed.
    """
    return [_program(), *_SAFE, "-C", str(folder), *arguments]


def git_environment() -> dict[str, str]:
    """Return our environment without what would lead Git elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith(_KEPT)}
    return kept | _ALWAYS


def reason_of(errors: bytes) -> str:
    """Return the first line of what Git printed as an error, without its prefix."""
    lines = errors.decode("utf-8", "replace").strip().split("\n")
    line = next((each for each in lines if each.startswith(("fatal: ", "error: "))), lines[0])
    return line.partition(": ")[2].strip().rstrip(".") or line.strip() or "no reason given"


def _program() -> str:
    """Return where Git is; never in the current folder, where Windows looks first and which may be untrusted."""
    folders = (Path(folder) for folder in os.get_exec_path())
    found = (folder / _NAME for folder in folders if folder.is_absolute())
    program = next((path for path in found if path.is_file() and os.access(path, os.X_OK)), None)
    if program is None:
        raise FileNotFoundError(f"{_NAME} is in no folder of PATH")
    return str(program)
