"""One step of the run on a device: a command, its time limit and what came of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_LAST_LINES = 20


@dataclass(frozen=True)
class StepResult:
    """What came of a step; ``rc`` is None if it was not started."""

    step: str
    command: list[str]
    rc: int | None
    seconds: float
    timed_out: bool
    last_lines: list[str] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        """Whether the step ran to its end without an error."""
        return self.rc == 0


@dataclass(frozen=True)
class Step:
    """A command in its own process: an error of the device that stays, such as an illegal access, ends with it.

    Attributes:
        name: Letter and title.
        command: The command line.
        limit_s: Seconds after which the process and its children are killed.
    """

    name: str
    command: Sequence[str]
    limit_s: float

    def run(self, left_s: float, log: Path) -> StepResult:
        """Run the command for at most ``left_s`` seconds too; its output goes to the file ``log``."""
        started = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
            timed_out = False
            try:
                process.wait(min(self.limit_s, left_s))
            except subprocess.TimeoutExpired:
                timed_out = True
            finally:  # also if this process is told to end
                _kill(process)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        seconds = round(time.monotonic() - started, 1)
        return StepResult(self.name, list(self.command), process.returncode, seconds, timed_out, lines[-_LAST_LINES:])

    def left_out(self) -> StepResult:
        """Return the result for a step that has no time left."""
        return StepResult(self.name, list(self.command), None, 0.0, False, ["not started: out of time"])


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and its children, if there are any left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
