"""CUDA kernels on a CPU: the same sources, compiled as C++, with a fiber for each thread of a block."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from infill_completion.engine.model.cuda import kernels
from tests.engine.model.cuda.emulator.buffers import Buffers, EmulationError, Span

HERE = Path(__file__).parent
KERNELS = Path(kernels.__file__).parent / "sources"
COMPILE_LIMIT_S = 120.0
MAX_SHARED_BYTES = 99 * 1024  # of sm_86 and sm_89, which have the least; sm_80 has 163 KiB, sm_90 227
FLAGS = (
    "-std=c++17",
    "-O2",
    "-g1",
    "-fPIC",
    "-fvisibility=hidden",
    "-U_FORTIFY_SOURCE",  # it takes jumps between fibers for mistakes
    "-fstack-clash-protection",  # a fiber's stack may not jump over the page below it
    "-ffp-contract=off",
    "-Wall",
)
# What a device does not forgive either; device.cpp and races.cpp have what the checks call.
CHECKS = "thread,bounds,alignment,shift-exponent,integer-divide-by-zero,signed-integer-overflow,return,unreachable"
_ENTRY = re.compile(r'extern\s+"C"\s+(?:__global__|void\b|__launch_bounds__\s*\([^)]*\)|\s)+(\w+)\s*\(([^)]*)\)')


class _Launch(ctypes.Structure):
    _fields_ = (
        ("grid", ctypes.c_uint * 3),
        ("threads", ctypes.c_uint),
        ("shared_bytes", ctypes.c_uint),
        ("seed", ctypes.c_uint),
        ("limit_s", ctypes.c_uint),
    )


@cache
def compiler() -> str | None:
    """Return the C++ compiler, if this is Linux and there is one."""
    if sys.platform != "linux":
        return None
    return next(filter(None, map(shutil.which, (os.environ.get("CXX", "g++"), "g++", "clang++"))), None)


class EmulatedKernels:
    """A :class:`~infill_completion.engine.model.cuda.kernels.launcher.Launcher` for tensors on the CPU.

    Args:
        build_folder: Where compiled libraries are kept; they are found there again by the hash of their source.
        half: Whether a ``number`` is a float16, not a bfloat16.
        sources: A folder of ``.cu`` files, or one such file.
        seed: Of the order in which blocks, and threads of a block, run. Results must not depend on it.
        defines: Further macros, such as ``ROWS=8``.

    Attributes:
        limit_s: Processor time after which a launch ends as a mistake.
    """

    def __init__(
        self,
        build_folder: Path,
        *,
        half: bool = False,
        sources: Path = KERNELS,
        seed: int = 0,
        defines: tuple[str, ...] = (),
    ) -> None:
        self._build_folder = build_folder
        self._sources = sources
        self._flags = (*FLAGS, *(f"-D{define}" for define in (*defines, *(["HALF"] if half else []))))
        self._libraries: dict[Path, ctypes.CDLL] = {}
        self._changing: dict[Span, Tensor] = {}  # kept, so that no other tensor gets their addresses
        self.seed = seed
        self.limit_s = 60

    def launch(
        self, name: str, grid: tuple[int, int, int], block: int, shared_bytes: int, *arguments: Tensor | int | float
    ) -> None:
        """Run a kernel to its end.

        Raises:
            EmulationError: There is no such kernel, the arguments do not fit it, or it did something wrong: a deadlock,
                memory that is not its own, changing memory before ``wait_for_previous()``.
        """
        source, names = self._found(name)
        library = self._library(source)
        kinds_of = getattr(library, f"kinds_of_{name}")
        kinds_of.restype = ctypes.c_char_p
        kinds = kinds_of().decode()
        _check(name, grid, block, shared_bytes, arguments, kinds)
        if len(names) != len(arguments):  # a macro stands for them
            names = [f"argument {i}" for i in range(len(arguments))]
        spans = [Span.of(label, one) for label, one in zip(names, arguments, strict=True) if isinstance(one, Tensor)]
        written = [one for one, kind in zip(arguments, kinds, strict=True) if isinstance(one, Tensor) and kind == "p"]
        self.changing(*written)
        buffers = Buffers(library, spans, [Span.of("", one) for one in written], self._changing)
        try:
            values = [buffers.passed(argument) for argument in arguments]
            addresses = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
            run = getattr(library, f"run_{name}")
            run.restype = ctypes.c_char_p
            fault = run(ctypes.byref(_Launch(grid, block, shared_bytes, self.seed, self.limit_s)), addresses)
        finally:
            spoiled = buffers.close()
        if fault is not None:
            raise EmulationError(fault.decode() + _places(library))
        if spoiled:
            raise EmulationError(f"{name} wrote beside {spoiled}")

    def changing(self, *tensors: Tensor) -> None:
        """Name tensors that the previous kernel writes, so that they may only be read after ``wait_for_previous()``.

        Those that a kernel takes as pointers to what is not constant are known to be changing, from that launch on.
        """
        self._changing |= {Span.of("", tensor): tensor for tensor in tensors}

    def _found(self, name: str) -> tuple[Path, list[str]]:
        """Return the source of a kernel and the names of its parameters."""
        for path in [self._sources] if self._sources.is_file() else sorted(self._sources.glob("*.cu")):
            for entry, parameters in _ENTRY.findall(path.read_text(encoding="utf-8")):
                if entry == name:
                    return path, re.findall(r"(\w+)\s*(?:,|$)", parameters)
        raise EmulationError(f"no kernel of {self._sources} is called {name}")

    def _library(self, source: Path) -> ctypes.CDLL:
        if source not in self._libraries:
            self._libraries[source] = ctypes.CDLL(str(build(source, self._build_folder, self._flags)))
            self._libraries[source].new_region.restype = ctypes.c_void_p
        return self._libraries[source]


def build(source: Path, folder: Path, flags: tuple[str, ...]) -> Path:
    """Compile a ``.cu`` file as a library, unless the folder has it already.

    Raises:
        EmulationError: It does not compile; the message is the compiler's.
    """
    parts = [source, *sorted(source.parent.glob("*.cuh")), *sorted(KERNELS.glob("*.cuh"))]
    parts += [*HERE.glob("*.h"), *HERE.glob("*.cpp")]
    digest = hashlib.sha256(repr(flags).encode() + b"".join(path.read_bytes() for path in parts)).hexdigest()[:16]
    library = folder / f"{source.stem}-{digest}.so"
    with _alone(library.with_suffix(".lock")):
        if not library.exists():
            _build(source, library, flags)
    return library


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Let one process at a time build: another one that runs tests may need the same library."""
    import fcntl  # Windows has none, and no emulated kernels

    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(source: Path, library: Path, flags: tuple[str, ...]) -> None:
    exports = "".join(f"EXPORT_KERNEL({name})\n" for name, _ in _ENTRY.findall(source.read_text(encoding="utf-8")))
    wrapper = library.with_suffix(".cpp")
    wrapper.write_text(f'#include "cuda_on_cpu.h"\nnamespace {{\n#include "{source}"\n}}\n{exports}', encoding="utf-8")
    command = [compiler() or "c++", *flags, f"-I{HERE}", f"-I{KERNELS}"]
    partial, compiled = library.with_suffix(".part.so"), library.with_suffix(".o")
    checks = [f"-fsanitize={CHECKS}", "-fno-sanitize-recover=all"]
    _compile(source, [*command, *checks, "-c", "-o", str(compiled), str(wrapper)])
    # The checks' own library isn't linked.
    device = [str(path) for path in sorted(HERE.glob("*.cpp"))]
    _compile(source, [*command, "-shared", "-o", str(partial), str(compiled), *device])
    partial.replace(library)


def _compile(source: Path, command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_LIMIT_S, check=False)
    if ended.returncode:
        raise EmulationError(f"{source.name} does not compile as C++:\n{ended.stderr}")


def _places(library: ctypes.CDLL) -> str:
    """Return the lines of the last mistake, as the end of a sentence, if there is a tool that knows them."""
    places = [_place(library, library.fault_offset), _place(library, library.other_fault_offset)]
    return "".join(
        f"{word} {place}" for word, place in zip((", at", "; the other is at"), places, strict=True) if place
    )


def _place(library: ctypes.CDLL, function: Any) -> str:
    function.restype = ctypes.c_size_t
    offset, tool = function(), shutil.which("addr2line")
    if not offset or tool is None:
        return ""
    command = [tool, "-e", library._name, "-i", hex(offset)]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    places = [line.rpartition("/")[2].partition(" ")[0] for line in lines]
    return " in ".join(place for place in places if ".cu" in place)


def _check(
    name: str,
    grid: tuple[int, int, int],
    block: int,
    shared_bytes: int,
    arguments: tuple[Tensor | int | float, ...],
    kinds: str,
) -> None:
    if not (1 <= block <= 1024 and min(grid) >= 1 and max(grid[1:]) <= 65535 and 0 <= shared_bytes <= MAX_SHARED_BYTES):
        raise EmulationError(f"{name}: no device has a grid {grid} of {block} threads and {shared_bytes} bytes")
    given = "".join("p" if isinstance(one, Tensor) else "f" if isinstance(one, float) else "i" for one in arguments)
    if given != kinds.replace("c", "p"):
        raise EmulationError(f"{name} takes {kinds}, not {given} (p, c: pointer, i: int, f: float)")


def number_type(*, half: bool) -> torch.dtype:
    """Return the dtype of a ``number``."""
    return torch.float16 if half else torch.bfloat16
