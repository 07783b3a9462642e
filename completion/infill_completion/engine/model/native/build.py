"""Compile the step for this machine's processor, once and in the background, if there is a C compiler.

The library is kept in ``~/.cache/infill-ls/native``, a directory that only its owner may write to, under a hash of the
sources, the flags, the compiler and the processor.  If anything is missing, torch's operators are used.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path

from infill_completion.client.run_directory import RunDirectoryError, native_directory

log = logging.getLogger(__name__)

_HERE = Path(__file__).parent
SOURCES = tuple(_HERE / name for name in ("step.c", "linear.c", "groups.c", "attention.c", "sampler.c"))
HEADERS = (
    *(_HERE / name for name in ("lanes.h", "tile.h", "linear.h", "groups.h", "attention.h", "products.h")),
    *(_HERE / "products" / name for name in ("avx512.h", "avx2.h", "plain.h")),
)
SWITCH = "INFILL_LS_NATIVE"  # 0: use torch's operators only
_COMPILERS = ("cc", "gcc", "clang")
# The parts of -ffast-math that keep the order of sums, so that a token's results do not depend on its batch.
_FLAGS = (
    *("-std=c11", "-O3", "-march=native", "-shared", "-fPIC", "-fno-math-errno", "-fno-trapping-math"),
    "-ffp-contract=fast",
    *("-fno-signed-zeros", "-ffinite-math-only"),
)
# Goes on without the engine, so that one that is killed meanwhile wastes no work and leaves no half file.
_SCRIPT = 'file=$1; shift; "$@" -o "$0" -lm && mv -f "$0" "$file" || { rm -f "$0"; exit 1; }'
_COMPILE_LIMIT_S = 600.0  # at the lowest priority on a busy machine


class Build:
    """A library: ready at once if it was compiled before, else after a second or two, or never.

    Args:
        directory: Where libraries are kept; None: the user's own directory.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._library: ctypes.CDLL | None = None
        self._done = threading.Event()
        compiler = _compiler()
        if compiler is None:
            self._done.set()
            return
        try:
            self._file = (directory or native_directory()) / f"step-{_key(compiler)}.so"
        except (RunDirectoryError, OSError) as error:
            log.warning("The compiled step cannot be stored (%s); torch's operators are used instead.", error)
            self._done.set()
            return
        _remove_abandoned(self._file.parent)
        if self._file.exists():
            self._load()
        else:
            threading.Thread(target=self._compile, args=(compiler,), name="compile step.c", daemon=True).start()

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

    def _compile(self, compiler: str) -> None:
        part = self._file.with_name(f"{self._file.name}.{os.getpid()}.part")
        # A suggestion that is computed meanwhile takes precedence.
        nice = shutil.which("nice")
        command = [*([nice, "-n", "19"] if nice else []), "/bin/sh", "-c", _SCRIPT, str(part), str(self._file)]
        command += [compiler, *_FLAGS, *map(str, SOURCES)]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_COMPILE_LIMIT_S, cwd=part.parent)
        except (OSError, subprocess.SubprocessError) as error:
            log.info(
                "The compiled step could not be built (%s); torch's operators are used instead.", type(error).__name__
            )
            part.unlink(missing_ok=True)
            self._done.set()
            return
        self._load()

    def _load(self) -> None:
        try:
            self._library = ctypes.CDLL(str(self._file))
        except OSError as error:  # a noexec file system, a truncated file
            log.warning("The compiled step cannot be loaded (%s); torch's operators are used instead.", error)
        self._done.set()


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
    return _compiler() is not None


def _compiler() -> str | None:
    """Return the path of a compiler, on Linux only.

    On macOS, running ``cc`` can open a window that offers to install it, and Windows' compiler does not support C11.
    """
    if sys.platform != "linux" or os.environ.get(SWITCH) == "0":
        return None
    return next((path for name in _COMPILERS if (path := shutil.which(name)) and Path(path).is_absolute()), None)


def _key(compiler: str) -> str:
    path = Path(compiler).resolve()
    texts = [file.read_text("utf-8") for file in (*SOURCES, *HEADERS)]
    parts = [*texts, *_FLAGS, str(path), str(path.stat().st_mtime_ns), _processor()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    """Describe the processor's features: different machines may share a home directory."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    wanted = ("flags", "Features", "model name", "CPU part")
    return "\n".join([platform.machine(), *sorted({line for line in lines if line.startswith(wanted)})])
