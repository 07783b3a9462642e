"""When the device failed so that only a new process could use it again; kept in a file, across these processes.

One such failure may be chance: a driver that was updated, a machine that slept.  After a second one within minutes a
third is likely, and each costs a load of the model and a request.  The start between the two does without the engine's
own CUDA kernels, because one of them may be the cause.  Falling back to the CPU would hide the fault behind answers
that take a hundred times as long, or need memory that is not there; so the engine says what happened instead.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from infill_completion.engine.errors import first_line

WINDOW_S = 600.0
_MOST = 2


class DeviceFailures:
    """The recent failures of the device of one engine.

    Args:
        path: The file; None remembers nothing.
        clock: Returns the time in seconds since the epoch, which other processes share.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock

    def record(self, error: BaseException) -> str:
        """Record a failure, and return what to tell the user: one sentence with the next step."""
        reason, recent = first_line(error), [*self._recent(), self._clock()]
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.write_text("".join(f"{when:.0f}\n" for when in recent), encoding="ascii")
        if len(recent) < _MOST:
            return f"The device failed ({reason}); the next request starts a new engine."
        return f"The device failed again ({reason}); {self._advice(recent)}"

    @property
    def is_suspect(self) -> bool:
        """Whether the device failed lately, so that it should be used with care."""
        return bool(self._recent())

    def problem(self) -> str:
        """Return why the device should not be used now, as one sentence with the next step; empty if it may be."""
        recent = self._recent()
        return "" if len(recent) < _MOST else f"The device failed {len(recent)} times; {self._advice(recent)}"

    def _advice(self, recent: list[float]) -> str:
        minutes = max(1, round((recent[-_MOST] + WINDOW_S - self._clock()) / 60))
        return (
            "set engine.device to `cpu`, or update the device's driver or restart the machine, and then the engine; "
            f"otherwise it is tried again in {minutes} min."
        )

    def _recent(self) -> list[float]:
        """Return when the failures were; none where the file is missing or holds something else."""
        if self._path is None:
            return []
        try:
            times = [float(line) for line in self._path.read_text(encoding="ascii").split()]
        except (OSError, ValueError):
            return []
        now = self._clock()
        return [when for when in times if now - WINDOW_S < when <= now]
