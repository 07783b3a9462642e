"""The rate at which this machine's memory can be read, in huge pages as the weights are."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import torch

from infill_completion.engine.model import huge_pages
from infill_completion.engine.model.native import compiler

_BYTES = 512 << 20  # more than the caches of a core
_RUNS = 5


class Memory:
    """Memory to read.

    Args:
        folder: Where the compiled reader is put.

    Raises:
        SystemExit: There is no C compiler.
    """

    def __init__(self, folder: Path) -> None:
        if (found := compiler.find()) is None:
            raise SystemExit("Measuring the memory needs a C compiler; install gcc or clang.")
        library = folder / "read.so"
        source = Path(__file__).with_name("read.c")
        flags = ["-std=gnu11", "-O3", "-march=native", "-shared", "-fPIC", "-pthread"]
        subprocess.run([found, *flags, str(source), "-o", str(library)], check=True)
        self._read = ctypes.CDLL(str(library)).read_ns
        self._read.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p)
        self._read.restype = ctypes.c_int64
        self._bytes = huge_pages.zeros((_BYTES,), torch.uint8).fill_(1)

    def bytes_per_s(self, threads: int) -> float:
        """Return the rate of the fastest of a few runs."""
        total = ctypes.c_uint64()
        times = [
            int(self._read(self._bytes.data_ptr(), _BYTES, threads, ctypes.addressof(total))) for _ in range(_RUNS)
        ]
        return _BYTES / min(times) * 1e9
