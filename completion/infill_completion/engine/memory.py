"""Memory of this process that the system can have back."""

from __future__ import annotations

import contextlib
import ctypes
import re
import sys
from collections.abc import Iterator
from pathlib import Path

# A line of /proc/PID/smaps that starts a mapping: its first and last address, permissions, and the file (proc(5)).
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(.*)")
_MADV_DONTNEED = 4  # <asm-generic/mman-common.h>; `mmap.madvise` only serves Python's own mappings
_LARGE_KB = 1024
_M_MMAP_THRESHOLD = -3  # <malloc.h>


def return_free() -> None:
    """Give memory back to the system that Python and torch have freed; glibc keeps it otherwise."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another library of C, such as musl
            ctypes.CDLL(None).malloc_trim(0)


def give_back_large() -> None:
    """Let the system have each piece of a megabyte or more back as soon as it is freed, for the rest of the process.

    glibc keeps them apart for each thread otherwise, and those of one size are of no use for another: learning in two
    threads took 1 GB more.  The price is to fill new pages with zeros, a sixth of the time.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_KB << 10)


def unmap_code() -> int:
    """Take the code of large libraries out of resident memory, and return how many bytes that were.

    Importing torch and reading a model run 80 MB of its code that no request runs again.  The pages stay in the
    system's cache of files, so code that does run comes back at less than a microsecond a page.  A mapping with a page
    that this process has changed is left alone.
    """
    if sys.platform != "linux":
        return 0
    done = 0
    with contextlib.suppress(OSError, AttributeError):  # no /proc, or another library of C
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, size, resident in _large_code(
            Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace")
        ):
            done += resident if madvise(start, size, _MADV_DONTNEED) == 0 else 0
    return done


def _large_code(smaps: str) -> Iterator[tuple[int, int, int]]:
    """Yield address, size and resident bytes of each large executable mapping of a file that nobody has written to."""
    found: tuple[str, ...] | None = None
    resident = 0
    for line in smaps.splitlines():
        name, _, value = line.partition(":")
        if mapping := _MAPPING.match(line):
            found = mapping.groups()
        elif name == "Rss":
            resident = int(value.split()[0])
        elif name == "Anonymous" and found is not None:
            start, end, permissions, file = found
            is_code = permissions == "r-xp" and file.startswith("/")
            if is_code and resident >= _LARGE_KB and int(value.split()[0]) == 0:
                yield int(start, 16), int(end, 16) - int(start, 16), resident << 10
