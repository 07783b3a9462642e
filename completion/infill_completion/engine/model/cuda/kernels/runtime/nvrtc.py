"""NVRTC, NVIDIA's compiler as a library: the one that came with this build of torch."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

_ENTRY = re.compile(r"\.entry\s+(\w+)\s*\(([^)]*)\)")
_PARAMETER = re.compile(r"\.param\s+(?:\.align\s+\d+\s+)?\.(\w+)")
# Codes of the module `struct`.  PTX has one type for a pointer and for a 64-bit number; kernels take pointers only.
_CODES = {"u64": "P", "s64": "P", "b64": "P", "u32": "i", "s32": "i", "b32": "i", "f32": "f"}


@dataclass(frozen=True)
class Binary:
    """Machine code for one architecture.

    Attributes:
        cubin: An ELF file that the driver loads.
        parameters: By kernel, a letter for each of its parameters: ``P`` (pointer), ``i`` (32-bit integer), ``f``
            (float32).
    """

    cubin: bytes
    parameters: Mapping[str, str]


class Compiler:
    """Compiles CUDA C++; needs neither a device nor CUDA's headers.

    Attributes:
        version: Major and minor version.

    Raises:
        RuntimeError: This build of torch brings no NVRTC, or it cannot be loaded.
    """

    def __init__(self) -> None:
        self._library = _declared(_loaded())
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._check(self._library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)), "cannot be asked its version")
        self.version = (major.value, minor.value)

    def compile(self, name: str, source: str, headers: Mapping[str, str], options: Sequence[str]) -> Binary:
        """Compile a source, whose includes come from ``headers`` alone.

        Args:
            name: The name of the source in messages.
            source: CUDA C++.
            headers: Text of each header by the name by which it is included.
            options: NVRTC's options; the architecture is an ``sm_XX``.

        Raises:
            RuntimeError: It cannot be compiled; the message ends with the compiler's log.
        """
        program = ctypes.c_void_p()
        names, texts = (_strings(part) for part in (headers.keys(), headers.values()))
        created = self._library.nvrtcCreateProgram(
            ctypes.byref(program), source.encode(), name.encode(), len(headers), texts, names
        )
        self._check(created, f"cannot read {name}")
        try:
            result = self._library.nvrtcCompileProgram(program, len(options), _strings(options))
            if result:
                log = self._output("ProgramLog", program).rstrip(b"\0").decode(errors="replace")
                self._check(result, f"cannot compile {name} with {' '.join(options)}", log)
            ptx = self._output("PTX", program).decode()
            return Binary(self._output("CUBIN", program), parameters_of(ptx))
        finally:
            self._library.nvrtcDestroyProgram(ctypes.byref(program))

    def _output(self, what: str, program: ctypes.c_void_p) -> bytes:
        size = ctypes.c_size_t()
        self._check(getattr(self._library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)), f"has no {what}")
        text = ctypes.create_string_buffer(size.value)
        self._check(getattr(self._library, f"nvrtcGet{what}")(program, text), f"has no {what}")
        return text.raw

    def _check(self, result: int, fault: str, log: str = "") -> None:
        if result:
            error = self._library.nvrtcGetErrorString(result).decode()
            raise RuntimeError(f"NVRTC {fault}: {error}." + f"\n{log}" * bool(log))


@cache
def compiler() -> Compiler:
    """Return the compiler of this process.

    Raises:
        RuntimeError: As for `Compiler`.
    """
    return Compiler()


def parameters_of(ptx: str) -> dict[str, str]:
    """Return the parameters of each kernel in ``ptx``, as in `Binary`.

    Raises:
        RuntimeError: A parameter is none that a launch can pass.
    """
    found: dict[str, str] = {}
    for entry in _ENTRY.finditer(ptx):
        kinds = _PARAMETER.findall(entry[2])
        if unknown := [kind for kind in kinds if kind not in _CODES]:
            raise RuntimeError(
                f"The kernel {entry[1]} has a parameter of the type {unknown[0]}, which cannot be passed."
            )
        found[entry[1]] = "".join(_CODES[kind] for kind in kinds)
    return found


def _strings(texts: Sequence[str] | Any) -> ctypes.Array[ctypes.c_char_p]:
    encoded = [text.encode() for text in texts]
    return (ctypes.c_char_p * len(encoded))(*encoded)


def _declared(library: Any) -> Any:
    """Declare the arguments: a pointer would pass for a 32-bit number otherwise."""
    pointer, integer, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    arguments = {
        "nvrtcVersion": [pointer, pointer],
        "nvrtcCreateProgram": [pointer, text, text, integer, pointer, pointer],
        "nvrtcCompileProgram": [pointer, integer, pointer],
        "nvrtcDestroyProgram": [pointer],
        "nvrtcGetErrorString": [integer],
        **{f"nvrtcGet{what}": [pointer, pointer] for what in ("PTX", "CUBIN", "ProgramLog")},
        **{f"nvrtcGet{what}Size": [pointer, pointer] for what in ("PTX", "CUBIN", "ProgramLog")},
    }
    for name, types in arguments.items():
        function = getattr(library, name)
        function.argtypes, function.restype = types, integer
    library.nvrtcGetErrorString.restype = text
    return library


def _loaded() -> ctypes.CDLL:
    if torch.version.cuda is None:
        raise RuntimeError("This build of torch is not for CUDA, so that it brings no compiler of kernels.")
    major = torch.version.cuda.partition(".")[0]
    for folder in _folders(major):
        for path in sorted(folder.glob(f"nvrtc64_{major}*.dll" if os.name == "nt" else f"libnvrtc*.so.{major}")):
            if ".alt." not in path.name and "builtins" not in path.name:
                return _loaded_with_builtins(path, major)
    try:
        return ctypes.CDLL(f"nvrtc64_{major}0_0.dll" if os.name == "nt" else f"libnvrtc.so.{major}")
    except OSError as error:
        raise RuntimeError(f"NVRTC {major} cannot be found; it comes with torch's wheels for CUDA.") from error


def _loaded_with_builtins(path: Path, major: str) -> ctypes.CDLL:
    """Load NVRTC after its builtins: it looks for them by name only, and does not know its own folder."""
    pattern = f"nvrtc-builtins64_{major}*.dll" if os.name == "nt" else f"libnvrtc-builtins.so.{major}.*"
    try:
        for builtins in path.parent.glob(pattern):
            ctypes.CDLL(str(builtins), mode=ctypes.RTLD_GLOBAL)
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise RuntimeError(f"NVRTC cannot be loaded ({error}).") from error


def _folders(major: str) -> Iterator[Path]:
    """Yield where wheels keep NVRTC: with CUDA 13 all libraries share a folder, with CUDA 12 each has its own."""
    spec = importlib.util.find_spec("nvidia")
    for root in map(Path, (spec and spec.submodule_search_locations) or ()):
        for package in (f"cu{major}", "cuda_nvrtc"):
            for libraries in ("lib", "bin", "bin/x86_64"):
                yield root / package / libraries
    yield Path(torch.__file__).parent / "lib"
