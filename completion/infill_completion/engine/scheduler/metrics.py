"""Counters of the engine, and their text for Prometheus.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4).
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from infill_completion.api import EngineState, Health, Usage

_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Histogram:
    """Counts durations in seconds by upper bound."""

    def __init__(self) -> None:
        self._counts = [0] * len(_BUCKETS_S)
        self._total = 0
        self._sum_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._total += 1
        self._sum_s += seconds
        for index, bound in enumerate(_BUCKETS_S):
            self._counts[index] += seconds <= bound

    def lines(self, name: str) -> list[str]:
        """Return the histogram in the format of Prometheus."""
        counted = zip(_BUCKETS_S, self._counts, strict=True)
        buckets = [f'{name}_bucket{{le="{bound:g}"}} {count}' for bound, count in counted]
        return [
            f"# TYPE {name} histogram",
            *buckets,
            f'{name}_bucket{{le="+Inf"}} {self._total}',
            f"{name}_sum {self._sum_s:.6f}",
            f"{name}_count {self._total}",
        ]


class Metrics:
    """Counters of the engine; written by the model thread, read by the event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self._request_s = Histogram()
        self._first_token_s = Histogram()

    def first_token(self, seconds: float) -> None:
        """Count the time from the start of a request to its first token."""
        with self._lock:
            self._first_token_s.add(seconds)

    def finished(self, outcome: str, usage: Usage | None, seconds: float) -> None:
        """Count one request by its finish reason, with its tokens and its time in the model."""
        with self._lock:
            self._requests[outcome] += 1
            self._request_s.add(seconds)
            if usage:
                self._tokens["prompt"] += usage.prompt_tokens
                self._tokens["cached"] += usage.cached_tokens
                self._tokens["completion"] += usage.completion_tokens

    def text(self, health: Health, waiting: int) -> str:
        """Return the answer of ``GET /metrics``."""
        with self._lock:
            lines = ["# TYPE infill_requests_total counter"]
            lines += [f'infill_requests_total{{outcome="{name}"}} {n}' for name, n in sorted(self._requests.items())]
            lines.append("# TYPE infill_tokens_total counter")
            lines += [f'infill_tokens_total{{kind="{name}"}} {n}' for name, n in sorted(self._tokens.items())]
            lines += self._request_s.lines("infill_request_seconds")
            lines += self._first_token_s.lines("infill_first_token_seconds")
        lines.append("# TYPE infill_engine_state gauge")
        lines += [f'infill_engine_state{{state="{state}"}} {int(state is health.state)}' for state in EngineState]
        lines += ["# TYPE infill_waiting_requests gauge", f"infill_waiting_requests {waiting}"]
        lines += ["# TYPE process_resident_memory_bytes gauge", f"process_resident_memory_bytes {resident_bytes()}"]
        return "\n".join(lines) + "\n"


def resident_bytes() -> int:
    """Return the resident memory of this process; its peak where the system does not report the current value."""
    try:
        # Format: proc(5), statm: sizes in pages, the second is resident.
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError):
        return _peak_bytes()
    import resource

    return pages * resource.getpagesize()


class _MemoryCounters(ctypes.Structure):
    """Windows' ``PROCESS_MEMORY_COUNTERS``."""

    _fields_ = (
        ("size", ctypes.c_uint32), ("page_faults", ctypes.c_uint32), ("peak_working_set", ctypes.c_size_t),
        ("working_set", ctypes.c_size_t), ("others", ctypes.c_size_t * 6),
    )  # fmt: skip


def windows_resident_bytes(kernel: Any) -> int:
    """Return the resident memory of this process by Windows' ``kernel32``; 0 if it does not say."""
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    kernel.K32GetProcessMemoryInfo.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
    counters = _MemoryCounters(size=ctypes.sizeof(_MemoryCounters))
    at = ctypes.addressof(counters)
    is_known = kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), at, counters.size)
    return int(counters.working_set) if is_known else 0


def _peak_bytes() -> int:
    try:
        import resource
    except ImportError:
        return windows_resident_bytes(getattr(ctypes, "windll").kernel32)  # noqa: B009  # only Windows has it
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
