"""Files with rules; one that exists and cannot be read keeps everything private that it could name."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

MAX_BYTES = 1_000_000
_MISSING = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG))


class UnreadableRulesError(Exception):
    """A file with rules cannot be used; the message is a sentence with the next step."""

    def __init__(self, file: Path, cause: str) -> None:
        super().__init__(f"{file} {cause}, so what it ignores is not known; correct it or remove it.")
        self.file = file


def stamp_of(file: Path) -> tuple[int, int, int] | None:
    """Return a value that changes with the content of a file of rules; None if there is no such regular file.

    Pipes and devices do not count: to read one could block forever.

    Raises:
        UnreadableRulesError: It may exist, but its folder cannot be read.
    """
    try:
        status = file.stat()
    except ValueError:  # a name that no file can have
        return None
    except OSError as error:
        if error.errno in _MISSING:
            return None
        raise UnreadableRulesError(file, f"cannot be read ({error.strerror})") from error
    return (status.st_mtime_ns, status.st_size, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def read_rules(file: Path) -> bytes | None:
    """Return the content of a file with rules; None if there is no such file.

    Raises:
        UnreadableRulesError: It exists and cannot be read.
    """
    stamp = stamp_of(file)
    if stamp is None:
        return None
    if stamp[1] > MAX_BYTES:
        raise UnreadableRulesError(file, "is too large")
    try:
        return file.read_bytes()
    except OSError as error:
        if error.errno in _MISSING:
            return None
        raise UnreadableRulesError(file, f"cannot be read ({error.strerror})") from error
