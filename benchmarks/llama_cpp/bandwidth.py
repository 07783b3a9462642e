"""The rate at which this machine can read as much memory as a step does, in huge pages as the weights are."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import torch

from infill_completion.engine.model import huge_pages
from infill_completion.engine.model.native import compiler

# Pieces that a thread reads side by side, and the distance of its prefetches in bytes: the best differ by processor.
_ORDERS = [(streams, ahead) for streams in (1, 4, 8) for ahead in (2048, 8192)]
BYTES_BEYOND_CACHES = 1 << 30
_RUNS, _LEAST_BYTES = 3, 1 << 30  # of each order


class Memory:
    """Reads memory.

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
        self._read.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 2, ctypes.c_size_t, ctypes.c_void_p)
        self._read.restype = ctypes.c_int64

    def bytes_per_s(self, size: int, threads: int) -> float:
        """Return the rate at which ``size`` bytes are read over and over, in the fastest order.

        Weights that are smaller than the processor's caches stay in them from step to step, so the rate depends on the
        size.
        """
        data, total = huge_pages.zeros((size,), torch.uint8).fill_(1), ctypes.c_uint64()
        runs = max(_RUNS, _LEAST_BYTES // size)
        times = [
            int(self._read(data.data_ptr(), size, threads, streams, ahead, ctypes.addressof(total)))
            for streams, ahead in _ORDERS
            for _ in range(runs)
        ]
        return size / min(times) * 1e9
