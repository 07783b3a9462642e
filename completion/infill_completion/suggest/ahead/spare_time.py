"""Whether the machine has time to spare for answers that nobody has asked for."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

# So much of the time may be spent on them, and so many seconds at once after a pause.
SHARE = 0.5
MOST_SAVED_S = 1.0
# The power supply changes rarely.
_POWER_VALID_S = 30.0
_CPU = Path("/proc/stat")
# Programs leave at least half a core free, or nothing is computed ahead; measured over at least so long.
_LEAST_FREE_CORES = 0.5
_LOAD_VALID_S = 0.5
_POWER = Path("/sys/class/power_supply")


class SpareTime:
    """Decides whether an answer may be computed ahead.

    Args:
        is_busy: Returns whether programs want all cores now.
        is_on_battery: Returns whether the machine runs on battery.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self,
        is_busy: Callable[[], bool] | None = None,
        is_on_battery: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_busy, self._is_on_battery, self._clock = (
            is_busy or CoreLoad().is_full,
            is_on_battery or on_battery,
            clock,
        )
        self._saved_s, self._counted_at = MOST_SAVED_S, clock()
        self._power: tuple[float, bool] | None = None

    def has_any(self, *, is_always: bool) -> bool:
        """Return whether there is time for one more answer now.

        With ``is_always`` only the share of the time counts, not what else the machine does.
        """
        now = self._clock()
        self._saved_s = min(MOST_SAVED_S, self._saved_s + SHARE * (now - self._counted_at))
        self._counted_at = now
        return self._saved_s > 0 and (is_always or not (self._on_battery(now) or self._is_busy()))

    def spend(self, seconds: float) -> None:
        """Record how long an answer took that was computed ahead."""
        self._saved_s -= seconds

    def _on_battery(self, now: float) -> bool:
        if self._power is None or now - self._power[0] >= _POWER_VALID_S:
            self._power = now, self._is_on_battery()
        return self._power[1]


class CoreLoad:
    """How busy the cores have been since the last look.

    Processes with a lowered priority (``nice``) give way by themselves, so that they count as idle.

    Args:
        path: Linux's file of times, https://docs.kernel.org/filesystems/proc.html.
        clock: Returns seconds of a monotonic clock.
        cores: How many cores there are.
    """

    def __init__(
        self, path: Path = _CPU, clock: Callable[[], float] = time.monotonic, cores: int | None = None
    ) -> None:
        self._path, self._clock, self._cores = path, clock, cores or os.cpu_count() or 1
        self._looked_at = clock()
        self._times = self._read()
        self._is_full = False

    def is_full(self) -> bool:
        """Return whether programs leave less than half a core free.

        Without Linux's file, the load of the last minute decides; Windows has neither.
        """
        if self._times is None:
            with contextlib.suppress(OSError, AttributeError):
                return os.getloadavg()[0] > self._cores - _LEAST_FREE_CORES
            return False
        if (now := self._clock()) - self._looked_at >= _LOAD_VALID_S and (times := self._read()) is not None:
            free, total = times[0] - self._times[0], times[1] - self._times[1]
            self._is_full = free * self._cores < _LEAST_FREE_CORES * total
            self._looked_at, self._times = now, times
        return self._is_full

    def _read(self) -> tuple[int, int] | None:
        """Return the free and the total time of all cores since the start of the machine, or None if unknown."""
        try:
            with self._path.open(encoding="ascii") as file:
                user, nice, system, idle, waiting, *others = map(int, file.readline().split()[1:9])
        except (OSError, ValueError):
            return None
        free = nice + idle + waiting
        return free, user + system + free + sum(others)


def on_battery(folder: Path = _POWER) -> bool:
    """Return whether the machine runs on battery; it does not where the system says nothing."""
    is_discharging = False
    with contextlib.suppress(OSError):
        for supply in folder.iterdir():
            kind = _first_line(supply / "type")
            if kind == "Mains" and _first_line(supply / "online") == "1":
                return False
            # The batteries of a mouse or a headset are devices of their own.
            is_own = _first_line(supply / "scope") != "Device"
            is_discharging |= kind == "Battery" and is_own and _first_line(supply / "status") == "Discharging"
    return is_discharging


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
