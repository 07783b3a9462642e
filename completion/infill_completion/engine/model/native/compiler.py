"""The C compiler of this machine, and its flags for types of processor.

``python -m`` of this module prints, as JSON, what is used and why nothing is; ``infill-ls doctor`` shows it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
SOURCES, HEADERS = tuple(sorted(_HERE.rglob("*.c"))), tuple(sorted(_HERE.rglob("*.h")))
SWITCH = "INFILL_LS_NATIVE"  # 0: use torch's operators only; a name of FLAGS: build for that type of processor
NATIVE, PLAIN = "native", "plain"
_COMPILERS = ("cc", "gcc", "clang")
_LIMIT_S = 10.0
# The parts of -ffast-math that keep the order of sums, so that a token's results do not depend on its batch.
COMMON_FLAGS = (
    *("-std=c11", "-O3", "-shared", "-fPIC", "-pthread", "-fno-math-errno", "-fno-trapping-math"),
    *("-ffp-contract=fast", "-fno-signed-zeros", "-ffinite-math-only"),
)
_AVX2 = ("-mavx2", "-mfma", "-mf16c", "-mbmi", "-mbmi2")
FLAGS = {
    # clang of Apple names the processor itself on ARM.
    NATIVE: ("-mcpu=native",) if sys.platform == "darwin" and platform.machine() == "arm64" else ("-march=native",),
    "avx512": (*_AVX2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni"),
    "avxvnni": (*_AVX2, "-mavxvnni"),
    "avx2": _AVX2,
    "i8mm": ("-march=armv8.2-a+dotprod+i8mm",),
    "neon": ("-march=armv8.2-a+dotprod",),
    PLAIN: ("-DPRODUCTS_PLAIN",),
}


def targets() -> tuple[str, ...]:
    """Return the names of :data:`FLAGS` to try, the fastest first."""
    wanted = os.environ.get(SWITCH, "")
    if wanted in FLAGS:
        return (wanted,)
    machine = platform.machine().lower()
    between = {"x86_64": "avx2", "amd64": "avx2", "aarch64": "neon", "arm64": "neon"}.get(machine)
    return (NATIVE, between, PLAIN) if between else (NATIVE, PLAIN)


def is_off() -> bool:
    """Return whether the user wants torch's operators only."""
    return os.environ.get(SWITCH) == "0"


def find() -> str | None:
    """Return the path of a compiler, or None if there is none; nothing is ever installed or asked for.

    On macOS without the command line tools, ``cc`` only opens a window. Windows' own compiler does not know C11.
    """
    if is_off() or sys.platform not in {"linux", "darwin"}:
        return None
    if sys.platform == "darwin" and not _has_command_line_tools():
        return None
    return next((path for name in _COMPILERS if (path := shutil.which(name)) and Path(path).is_absolute()), None)


def why_not() -> tuple[str, str]:
    """Return why there is no compiled step, and the next step; both are empty if there is a compiler."""
    if find() is not None:
        return "", ""
    slower = "models on the CPU run with torch's operators, which takes several times as long"
    if is_off():
        return f"{SWITCH} is 0: {slower}.", f"Remove {SWITCH} from the environment."
    system: str = sys.platform
    if system == "darwin":
        return f"No command line tools: {slower}.", "Install them: `xcode-select --install`."
    if system == "linux":
        return f"No C compiler: {slower}.", "Install gcc or clang (Debian and Ubuntu: `apt install gcc libc6-dev`)."
    return f"Nothing is compiled on {platform.system()}: {slower}.", "Linux in WSL has the faster step."


@cache
def _has_command_line_tools() -> bool:
    return bool(folder := _output("xcode-select", "-p")) and Path(folder).is_dir()


def suffix() -> str:
    """Return the suffix of a library."""
    return ".dylib" if sys.platform == "darwin" else ".so"


@cache
def processor() -> str:
    """Describe the processor and the kernel: different machines may share a home directory."""
    about = [platform.machine(), platform.release()]  # the kernel decides which registers may be used
    if sys.platform == "darwin":
        return "\n".join([*about, _output("sysctl", "-n", "machdep.cpu.brand_string")])
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    wanted = ("flags", "Features", "model name", "CPU part")
    return "\n".join([*about, *sorted({line for line in lines if line.startswith(wanted)})])


def _output(*command: str) -> str:
    """Return what a program of the system writes; empty if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return ""
    return done.stdout.strip()


if __name__ == "__main__":
    reason, next_step = why_not()
    print(json.dumps({"compiler": find(), "targets": targets(), "reason": reason, "next_step": next_step}))  # noqa: T201
