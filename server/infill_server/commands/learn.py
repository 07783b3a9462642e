"""``infill-ls learn now|list|forget``: what models have learned in repositories on this machine."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from infill_completion.catalog import learned
from infill_completion.client.launch import engine_environment, learn_command
from infill_completion.privacy.git.repository import repository_of
from infill_server.commands.user_settings import user_settings
from infill_server.errors import UsageError

_NOTHING = "Nothing was learned on this machine; `infill-ls learn now FOLDER` learns a repository."


def now(options: argparse.Namespace) -> int:
    """Learn the repository of a folder at the lowest priority, and print what came of it."""
    folder = Path(options.folder)
    if not folder.is_dir():
        raise UsageError(f"{options.folder} is not a folder; name a folder in a Git repository.")
    # It ends with its standard input, so it does not go on alone whatever ends us.
    command = learn_command(user_settings(options), folder.absolute(), [Path.cwd()], ordered=True)
    try:
        process = _started(command)
    except OSError as error:
        raise UsageError(f"The engine cannot be started ({error.strerror}); run `infill-ls doctor`.") from error
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.kill()
        process.wait()
        print("infill-ls: Stopped; nothing new was kept.", file=sys.stderr)  # noqa: T201
        return 130
    if code < 0:
        raise UsageError(
            f"Learning was ended by signal {-code}, and nothing new was kept; if memory ran out, lower "
            "engine.learn_memory_mb, or choose a smaller model."
        )
    return code


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a process that leaves Ctrl+C to us; it would end with a traceback."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the process inherits
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, env=engine_environment())
    finally:
        signal.signal(signal.SIGINT, former)


def show(options: argparse.Namespace) -> int:
    """Print what was learned where."""
    found = list(learned.all_learned())
    if options.json:
        rows = [{"folder": str(folder)} | ({} if about is None else asdict(about)) for folder, about in found]
        print(json.dumps(rows, indent=1))  # noqa: T201
        return 0
    for folder, about in found:
        print(_line(folder, about))  # noqa: T201
    if not found:
        print(_NOTHING)  # noqa: T201
    return 0


def _line(folder: Path, about: learned.Learned | None) -> str:
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) / 1e6
    if about is None:
        return f"{folder} cannot be read ({size:.1f} MB); `infill-ls learn forget {folder.name}` deletes it."
    state = "used" if about.is_used else "not better, not used"
    return (
        f"{about.repository}\n  {about.model}, {about.learned_at}, {about.minutes:g} min, {size:.1f} MB: {state}\n"
        f"  on {about.holes} places of the newest commits: loss {about.loss_before:.3f} to {about.loss_after:.3f}, "
        f"right {about.right_before} to {about.right_after}\n"
    )


def forget(options: argparse.Namespace) -> int:
    """Delete what was learned in a repository, or all of it.

    Raises:
        UsageError: There is nothing to delete, or it cannot be deleted.
    """
    found = list(learned.all_learned())
    chosen = found if options.all else [each for each in found if _is_meant(each, options.what)]
    if not options.all and options.what is None:
        raise UsageError("Name a folder in the repository, or --all.")
    if not chosen:
        if options.all:
            print(_NOTHING)  # noqa: T201
            return 0
        raise UsageError(f"Nothing was learned in {options.what}; see `infill-ls learn list`.")
    kept = []
    for folder, about in chosen:
        try:
            learned.forget(folder)
        except OSError as error:
            kept.append(f"{folder} cannot be deleted ({error.strerror})")
            continue
        print(f"Deleted what was learned in {folder if about is None else about.repository}.")  # noqa: T201
    if kept:
        raise UsageError(f"{'; '.join(kept)}; check the permissions.")
    return 0


def _is_meant(found: tuple[Path, learned.Learned | None], what: str | None) -> bool:
    """Return whether a repository is the one that a user names: by a folder in it, or by the name of our folder."""
    folder, _about = found
    if what is None:
        return False
    path = Path(what).absolute()
    top = repository_of(path / "file") or path
    return folder.name == what or folder in {learned.folder_of(path), learned.folder_of(top)}
