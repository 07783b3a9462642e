"""Memory that the system gets back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from infill_completion.engine.memory import _large_code

_SCRIPT = """
import pathlib
import torch
from infill_completion.engine import memory

def resident():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) << 10

rows = torch.arange(12.0).reshape(3, 4)
wanted = torch.softmax(rows @ rows.T, 0)
before = resident()
done = memory.unmap_code()
print(done, before - resident(), torch.equal(torch.softmax(rows @ rows.T, 0), wanted))
"""
_HOLES = """
import ctypes
import pathlib
from infill_completion.engine import memory

def resident():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) << 10

memory.give_back_large()
ctypes.create_string_buffer(b"x", 3 << 20)  # once one has gone, glibc would keep those that are no larger
before = resident()
pieces = [ctypes.create_string_buffer(b"x", 2 << 20) for _ in range(60)]
held = resident() - before
del pieces[::2]  # what stays lies between what goes
print(held, held - (resident() - before))
"""
_SMAPS = """\
7f0000000000-7f0000800000 {permissions} 00001000 fe:00 4242{file}
Size:               8192 kB
Rss:                {resident} kB
Private_Dirty:         0 kB
Anonymous:          {changed} kB
VmFlags: rd ex mr mw me
7ffc4a1f2000-7ffc4a1f4000 r-xp 00000000 00:00 0                          [vdso]
Size:                  8 kB
Rss:                   4 kB
Anonymous:             0 kB
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
"""
_LIBRARY = "       /usr/lib/a library.so"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_code_leaves_memory_and_still_runs() -> None:
    shown = subprocess.run(
        [sys.executable, "-P", "-c", _SCRIPT], capture_output=True, text=True, check=True, timeout=300
    ).stdout.split()
    unmapped, freed, is_equal = int(shown[0]), int(shown[1]), shown[2]
    assert unmapped > 20 << 20  # most of what importing torch ran
    assert freed > unmapped / 2  # reading the figure runs a little of it again
    assert is_equal == "True"


@pytest.mark.skipif(sys.platform != "linux" or not platform.libc_ver()[0], reason="needs glibc")
def test_large_pieces_go_back_one_by_one() -> None:
    shown = subprocess.run(
        [sys.executable, "-P", "-c", _HOLES], capture_output=True, text=True, check=True, timeout=300
    ).stdout.split()
    held, freed = int(shown[0]), int(shown[1])
    assert held > 100 << 20
    assert freed == pytest.approx(held / 2, rel=0.1)


@pytest.mark.parametrize(
    ("permissions", "file", "resident", "changed", "is_found"),
    [
        pytest.param("r-xp", _LIBRARY, 6144, 0, True, id="code of a library"),
        pytest.param("r-xp", _LIBRARY, 6144, 4, False, id="code that was changed, as by a debugger"),
        pytest.param("r--p", _LIBRARY, 6144, 0, False, id="constants"),
        pytest.param("rw-p", _LIBRARY, 6144, 0, False, id="data"),
        pytest.param("rwxp", _LIBRARY, 6144, 0, False, id="code that may be written"),
        pytest.param("r-xs", _LIBRARY, 6144, 0, False, id="shared with a device"),
        pytest.param("r-xp", "", 6144, 0, False, id="code made by a compiler in memory"),
        pytest.param("r-xp", "   [heap]", 6144, 0, False, id="no file"),
        pytest.param("r-xp", _LIBRARY, 512, 0, False, id="too small to matter"),
    ],
)
def test_only_unchanged_code_of_large_files_is_unmapped(
    permissions: str, file: str, resident: int, changed: int, is_found: bool
) -> None:
    smaps = _SMAPS.format(permissions=permissions, file=file, resident=resident, changed=changed)
    assert list(_large_code(smaps)) == ([(0x7F0000000000, 8 << 20, resident << 10)] if is_found else [])
