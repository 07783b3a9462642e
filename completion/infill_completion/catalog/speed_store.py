"""The measured speeds of this machine, in ``speeds.json`` of the user's state folder.

They are kept by device, model and quantization, and hold names and numbers only.  An entry counts for a week and for
the version that measured it: a machine that was busy once, or an engine that has become faster, gets another try.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infill_completion import __version__
from infill_completion.catalog.speed import DeviceSpeed, ModelSpeed
from infill_completion.folders import state_folder

MAX_AGE_S = 7 * 24 * 3600.0
_MAX_BYTES = 1 << 20
_MAX_ENTRIES = 200


class SpeedStore:
    """Reads and writes the file; a missing or damaged one holds nothing, and one that cannot be written is left alone.

    Args:
        path: The file; default: in the user's state folder.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path or state_folder() / "speeds.json", clock

    def speed(self, device: str, model: str, quantization: str) -> ModelSpeed | None:
        """Return the measured speed of a model, or None."""
        numbers = self._numbers(f"{device}|{model}|{quantization}", "step_ms", "prefill_tokens_per_s")
        return None if numbers is None else ModelSpeed(*numbers, is_measured=True)

    def device_speed(self, device: str) -> DeviceSpeed | None:
        """Return what a device can do, or None if it was never measured."""
        numbers = self._numbers(device, "bytes_per_s", "operations_per_s")
        return None if numbers is None else DeviceSpeed(*numbers)

    def keep_speed(self, device: str, model: str, quantization: str, speed: ModelSpeed) -> None:
        """Write the measured speed of a model."""
        numbers = {"step_ms": speed.step_ms, "prefill_tokens_per_s": speed.prefill_tokens_per_s}
        self._write(f"{device}|{model}|{quantization}", numbers)

    def keep_device_speed(self, device: str, speed: DeviceSpeed) -> None:
        """Write what a device can do."""
        self._write(device, {"bytes_per_s": speed.bytes_per_s, "operations_per_s": speed.operations_per_s})

    def _numbers(self, key: str, *names: str) -> tuple[float, float] | None:
        entry = self._read().get(key)
        if not isinstance(entry, dict) or entry.get("version") != __version__:
            return None
        first, second, measured_at_s = (_positive(entry.get(name)) for name in (*names, "measured_at_s"))
        if not (first and second and measured_at_s):
            return None
        return (first, second) if 0 <= self._clock() - measured_at_s <= MAX_AGE_S else None

    def _read(self) -> dict[str, Any]:
        try:
            if self._path.stat().st_size > _MAX_BYTES:
                return {}
            entries = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return entries if isinstance(entries, dict) else {}

    def _write(self, key: str, numbers: dict[str, float]) -> None:
        entries = self._read()
        entries.pop(key, None)
        kept = dict(list(entries.items())[-_MAX_ENTRIES + 1 :])  # the oldest come first
        kept[key] = {**numbers, "version": __version__, "measured_at_s": int(self._clock())}
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(kept, indent=1), "utf-8")
            temporary.replace(self._path)


def _positive(value: object) -> float:
    """Return a number of the file, or 0 if it is none that can be meant."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e30:
        return 0.0
    return float(value)
