"""The resident memory of this process, as Windows reports it."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from infill_completion.engine.scheduler.metrics import resident_bytes, windows_resident_bytes


class Kernel:
    """Windows' ``kernel32``, as far as it tells about memory."""

    def __init__(self, resident: int) -> None:
        def process() -> int:
            return -1

        def told(process: int, at: int, size: int) -> int:
            assert process == -1
            counters = (ctypes.c_char * size).from_address(at)
            assert int.from_bytes(counters.raw[:4], "little") == size
            before = 2 * ctypes.sizeof(ctypes.c_uint32) + ctypes.sizeof(ctypes.c_size_t)
            ctypes.c_size_t.from_address(at + before).value = resident
            return int(resident > 0)

        self.GetCurrentProcess: Any = process
        self.K32GetProcessMemoryInfo: Any = told


@pytest.mark.parametrize("resident", [0, 4096, 3 << 31])
def test_windows_reports_the_resident_memory(resident: int) -> None:
    assert windows_resident_bytes(Kernel(resident)) == resident


def test_here_it_is_known() -> None:
    assert resident_bytes() > 1 << 20
