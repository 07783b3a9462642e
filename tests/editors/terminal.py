"""A program in a pseudo terminal: keys go in, the screen comes out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pyte

T = TypeVar("T")

DEADLINE_S = 10.0
COLUMNS, LINES = 110, 30

# Sequences that pyte would draw as text or fail on: control strings, private queries, colours with colons.
_UNKNOWN = re.compile(
    rb"\x1b[P_^X].*?\x1b\\|\x1b\[[<=>?][\d;:$ ]*[^hl\d;:$ ]|\x1b\[[\d;]*:[\d;:]*[@-~]",
    re.DOTALL,
)
_UNFINISHED = re.compile(rb"\x1b(?:[P_^X](?:(?!\x1b\\).)*|\[[0-?]*[ -/]*)?\Z", re.DOTALL)


class _Screen(pyte.Screen):
    """A screen that answers the program's queries to the terminal."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(COLUMNS, LINES)
        self._descriptor = descriptor

    def write_process_input(self, data: str) -> None:
        os.write(self._descriptor, data.encode())


class Terminal:
    """One program in a pseudo terminal.

    Args:
        command: The program and its arguments.
        folder: Its working directory.
        environment: Its whole environment except TERM.
    """

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._pid, self._descriptor = pty.fork()
        if self._pid == 0:
            try:
                os.chdir(folder)
                os.execvpe(command[0], list(command), {**environment, "TERM": "xterm-256color"})
            finally:
                os._exit(127)
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._screen = _Screen(self._descriptor)
        self._stream = pyte.ByteStream(self._screen)
        self._unfinished = b""
        self._ended = False

    def type(self, keys: str) -> None:
        """Press keys, encoded as a terminal sends them."""
        os.write(self._descriptor, keys.encode())

    def lines(self) -> list[str]:
        """Return the lines of the screen without trailing blanks."""
        return [line.rstrip() for line in self._screen.display]

    def until(self, condition: Callable[[], T | None], what: str, deadline_s: float = DEADLINE_S) -> T:
        """Return the first true value of ``condition``; fail with ``what`` and the screen at the deadline.

        The condition is checked whenever the program draws, and every 0.1 s for what is not drawn.
        """
        end = time.monotonic() + deadline_s
        while not (value := condition()):
            if time.monotonic() > end or self._ended:
                ended = ", the program has ended" if self._ended else ""
                raise AssertionError(f"not within {deadline_s:g} s{ended}: {what}\n" + "\n".join(self.lines()).rstrip())
            self._draw(0.1)
        return value

    def until_shown(self, text: str, deadline_s: float = DEADLINE_S) -> None:
        """Wait until a line of the screen contains ``text``."""
        self.until(lambda: any(text in line for line in self.lines()), f"{text!r} on the screen", deadline_s)

    def close(self) -> None:
        """Kill the program."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._descriptor)

    def _draw(self, patience_s: float) -> None:
        if not select.select([self._descriptor], [], [], patience_s)[0]:
            return
        try:
            said = os.read(self._descriptor, 1 << 16)
        except OSError:  # on Linux: the program has ended
            said = b""
        self._ended = not said
        said = _UNKNOWN.sub(b"", self._unfinished + said)
        rest = _UNFINISHED.search(said)
        self._unfinished = rest.group() if rest else b""
        self._stream.feed(said[: rest.start()] if rest else said)
