"""Compile the step for this machine's processor, once and in the background, if there is a C compiler.

A library is kept in ``~/.cache/infill-ls/native``, a directory that only its owner may write to, under a hash of the
sources, the flags, the compiler and the processor. Before it is used, its first products are computed in a process of
their own: some machines announce instructions and fault at them. Then the next target is tried; if none works, torch's
operators are used.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path

from infill_completion.client.run_directory import RunDirectoryError, native_directory
from infill_completion.engine.model.native import compiler as native_compiler

log = logging.getLogger(__name__)

_COMPILE_LIMIT_S = 600.0  # at the lowest priority on a busy machine
_AMX, _FAULTY = ".amx", ".faulty"  # suffixes of empty files beside a library, or in place of one
# Calls a function of a library that returns 0 if all is well.
_PROBE = "import ctypes, sys; sys.exit(getattr(ctypes.CDLL(sys.argv[1]), sys.argv[2])() != 0)"
# Goes on without the engine, so that one that is killed meanwhile wastes no work and leaves no half file.
_SCRIPT = """
part=$0 file=$1 python=$2 probe=$3
shift 3
fail() { rm -f "$part"; exit 1; }
ulimit -c 0
"$@" -o "$part" -lm && [ -s "$part" ] || fail
"$python" -I -S -c "$probe" "$part" infill_probe
case $? in
  0) ;;
  1 | 132 | 135 | 136 | 139) : >"$file.faulty"; fail ;; # wrong, SIGILL, SIGBUS, SIGFPE, SIGSEGV
  *) fail ;; # killed: try again next time
esac
if "$python" -I -S -c "$probe" "$part" infill_probe_amx; then : >"$file.amx"; fi
mv -f "$part" "$file" || fail
"""


class Build:
    """A library: ready at once if it was compiled before, else after some seconds, or never.

    Args:
        directory: Where libraries are kept; None: the user's own directory.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._library: ctypes.CDLL | None = None
        self._done = threading.Event()
        compiler = native_compiler.find()
        if compiler is None:
            self._done.set()
            return
        try:
            folder = directory or native_directory()
            files = {target: folder / _name(compiler, target) for target in native_compiler.targets()}
        except (RunDirectoryError, OSError) as error:
            log.warning("The compiled step cannot be stored (%s); torch's operators are used instead.", error)
            self._done.set()
            return
        _remove_abandoned(folder)
        files = {target: file for target, file in files.items() if not _beside(file, _FAULTY).exists()}
        best = next(iter(files.values()), None)
        if best is None or best.exists():
            self._end(best)
        else:
            thread = threading.Thread(target=self._compile, args=(compiler, files), name="compile step.c", daemon=True)
            thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until compilation has ended; return False if it takes longer."""
        return self._done.wait(timeout_s)

    @property
    def pending(self) -> bool:
        """Whether the compiler is still running."""
        return not self._done.is_set()

    @property
    def library(self) -> ctypes.CDLL | None:
        """The library, or None if there is none (yet)."""
        return self._library if self._done.is_set() else None

    def _compile(self, compiler: str, files: dict[str, Path]) -> None:
        built = (file for target, file in files.items() if file.exists() or _compiled(compiler, target, file))
        self._end(next(built, None))

    def _end(self, file: Path | None) -> None:
        """Load a library if there is one; then what waits for it may go on."""
        if file is None:
            log.info("The compiled step could not be built; torch's operators are used instead.")
        else:
            self._library = _loaded(file)
        self._done.set()


def _compiled(compiler: str, target: str, file: Path) -> bool:
    """Compile a library and try it; return whether it works."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    nice = shutil.which("nice")  # a suggestion that is computed meanwhile takes precedence
    command = [*([nice, "-n", "19"] if nice else []), "/bin/sh", "-c", _SCRIPT, str(part), str(file)]
    command += [sys.executable, _PROBE, compiler, *native_compiler.FLAGS[target], *native_compiler.COMMON_FLAGS]
    command += map(str, native_compiler.SOURCES)
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_COMPILE_LIMIT_S, cwd=part.parent)
    except (OSError, subprocess.SubprocessError) as error:
        reason = "it fails when it is tried" if _beside(file, _FAULTY).exists() else type(error).__name__
        log.info("The compiled step cannot be used as built for %s (%s).", target, reason)
        part.unlink(missing_ok=True)
        return False
    return True


def _loaded(file: Path) -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(str(file))
    except OSError as error:  # a noexec file system, a truncated file
        log.warning("The compiled step cannot be loaded (%s); torch's operators are used instead.", error)
        return None
    if _beside(file, _AMX).exists():
        library.infill_use_amx()
    return library


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def _remove_abandoned(directory: Path) -> None:
    """Remove what compilers that were killed have left behind."""
    for part in directory.glob("step-*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > _COMPILE_LIMIT_S:
                part.unlink()


@cache
def shared() -> Build:
    """Return the build of this process; the first call starts it."""
    return Build()


def is_possible() -> bool:
    """Return whether there is a compiler and the step is not switched off."""
    return native_compiler.find() is not None


def _name(compiler: str, target: str) -> str:
    """Return the name of a library's file."""
    path = Path(compiler).resolve()
    texts = [file.read_text("utf-8") for file in (*native_compiler.SOURCES, *native_compiler.HEADERS)]
    flags = (*native_compiler.FLAGS[target], *native_compiler.COMMON_FLAGS)
    parts = [*texts, *flags, str(path), str(path.stat().st_mtime_ns), native_compiler.processor()]
    return f"step-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:16]}{native_compiler.suffix()}"
