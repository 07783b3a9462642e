"""CUDA kernels on a CPU: the same sources, compiled as C++, with a fiber for each thread of a block."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from infill_completion.engine.model.cuda import kernels

HERE = Path(__file__).parent
KERNELS = Path(kernels.__file__).parent
COMPILE_LIMIT_S = 120.0
FLAGS = ("-std=c++17", "-O2", "-g1", "-fPIC", "-fvisibility=hidden", "-U_FORTIFY_SOURCE", "-ffp-contract=off", "-Wall")
_ENTRY = re.compile(r'extern\s+"C"\s+(?:__global__|void\b|__launch_bounds__\s*\([^)]*\)|\s)+(\w+)\s*\(')


class EmulationError(RuntimeError):
    """What a kernel did wrong, or a launch."""


class _Launch(ctypes.Structure):
    _fields_ = (
        ("grid", ctypes.c_uint * 3),
        ("threads", ctypes.c_uint),
        ("shared_bytes", ctypes.c_uint),
        ("seed", ctypes.c_uint),
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
        self.seed = seed

    def launch(
        self, name: str, grid: tuple[int, int, int], block: int, shared_bytes: int, *arguments: Tensor | int | float
    ) -> None:
        """Run a kernel to its end.

        Raises:
            EmulationError: There is no such kernel, the arguments do not fit it, or it did something wrong: a deadlock,
                memory that is not its own.
        """
        library = self._library(self._source_of(name))
        kinds_of = getattr(library, f"kinds_of_{name}")
        kinds_of.restype = ctypes.c_char_p
        _check(name, grid, block, arguments, kinds_of().decode())
        buffers = _Buffers(library, [argument for argument in arguments if isinstance(argument, Tensor)])
        try:
            values = [buffers.passed(argument) for argument in arguments]
            addresses = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
            run = getattr(library, f"run_{name}")
            run.restype = ctypes.c_char_p
            fault = run(ctypes.byref(_Launch(grid, block, shared_bytes, self.seed)), addresses)
        finally:
            spoiled = buffers.close()
        if fault is not None:
            raise EmulationError(fault.decode())
        if spoiled:
            raise EmulationError(f"{name} wrote {spoiled} bytes close to, but outside of, its arguments")

    def _source_of(self, name: str) -> Path:
        for path in [self._sources] if self._sources.is_file() else sorted(self._sources.glob("*.cu")):
            if name in _ENTRY.findall(path.read_text(encoding="utf-8")):
                return path
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
    if library.exists():
        return library
    names = _ENTRY.findall(source.read_text(encoding="utf-8"))
    exports = "".join(f"EXPORT_KERNEL({name})\n" for name in names)
    wrapper = folder / f"{source.stem}-{digest}.cpp"
    wrapper.write_text(f'#include "cuda_on_cpu.h"\nnamespace {{\n#include "{source}"\n}}\n{exports}', encoding="utf-8")
    command = [compiler() or "c++", *flags, "-shared", f"-I{HERE}", f"-I{KERNELS}"]
    partial = library.with_suffix(f".{os.getpid()}")
    ended = subprocess.run(
        [*command, "-o", str(partial), str(wrapper), str(HERE / "device.cpp")],
        capture_output=True,
        text=True,
        timeout=COMPILE_LIMIT_S,
        check=False,
    )
    if ended.returncode:
        raise EmulationError(f"{source.name} does not compile as C++:\n{ended.stderr}")
    partial.replace(library)
    return library


def _check(
    name: str, grid: tuple[int, int, int], block: int, arguments: tuple[Tensor | int | float, ...], kinds: str
) -> None:
    if not (1 <= block <= 1024 and min(grid) >= 1 and max(grid[1:]) <= 65535):
        raise EmulationError(f"{name}: a device has no grid {grid} of {block} threads")
    given = "".join("p" if isinstance(one, Tensor) else "f" if isinstance(one, float) else "i" for one in arguments)
    if given != kinds.replace("c", "p"):
        raise EmulationError(f"{name} takes {kinds}, not {given} (p, c: pointer, i: int, f: float)")


class _Buffers:
    """Copies of tensors that end where memory may not be touched; tensors that share memory share it here too."""

    def __init__(self, library: ctypes.CDLL, tensors: list[Tensor]) -> None:
        self._library = library
        self._spans: list[tuple[int, int, int]] = []  # where a copied span begins and ends, and its copy
        spans: list[tuple[int, int, int]] = []  # begin, end, offset from an aligned address
        for tensor in tensors:
            begin, size = tensor.data_ptr(), _extent(tensor)
            offset = int(tensor.storage_offset()) * tensor.element_size() % 16
            spans.append((begin, begin + size, offset))
        spans.sort()
        merged: list[tuple[int, int, int]] = []
        for begin, end, offset in spans:
            if merged and begin < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end), merged[-1][2])
            else:
                merged.append((begin, end, offset))
        for begin, end, offset in merged:
            label = next(
                f"argument {i} {tuple(tensor.shape)}" for i, tensor in enumerate(tensors) if tensor.data_ptr() == begin
            )
            copied = library.new_region(ctypes.c_size_t(end - begin), ctypes.c_size_t(offset), label.encode())
            ctypes.memmove(copied, begin, end - begin)
            self._spans.append((begin, end, copied))

    def passed(self, argument: Tensor | int | float) -> ctypes.c_void_p | ctypes.c_int32 | ctypes.c_float:
        """Return an argument as C passes it."""
        if isinstance(argument, float):
            return ctypes.c_float(argument)
        if isinstance(argument, int):
            return ctypes.c_int32(argument)
        address = argument.data_ptr()
        return next(
            ctypes.c_void_p(copied + address - begin)
            for begin, end, copied in self._spans
            if begin <= address < max(end, begin + 1)
        )

    def close(self) -> int:
        """Copy everything back; return how many bytes right beside the copies were changed."""
        spoiled = 0
        for begin, end, copied in self._spans:
            ctypes.memmove(begin, copied, end - begin)
            spoiled += self._library.end_region(ctypes.c_void_p(copied))
        return spoiled


def _extent(tensor: Tensor) -> int:
    """Return the bytes from a tensor's first element to its last."""
    if tensor.device.type != "cpu":
        raise EmulationError(f"a tensor is on {tensor.device}, not on the CPU")
    if tensor.numel() == 0:
        return 0
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return (last + 1) * tensor.element_size()


def number_type(*, half: bool) -> torch.dtype:
    """Return the dtype of a ``number``."""
    return torch.float16 if half else torch.bfloat16
