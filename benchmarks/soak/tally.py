"""What a soak test counts, and what of it is a failure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

# Growth of one server between the second and the last quarter of a run, after all of its caches are full.
MAX_GROWTH_MB = 40.0
# Shorter runs say nothing about growth.
LEAST_SAMPLES = 60


@dataclass
class Tally:
    """The figures of one run.

    Attributes:
        counts: Actions, answers and faults, by name.
        problems: What must not happen, in sentences.
        latencies_ms: The time of each answered request.
        memory_mb: The resident memory of each server that ran from start to end, by its number: one value a sample.
        engine_mb: The resident memory of the engine.
    """

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    memory_mb: dict[int, list[float]] = field(default_factory=dict)
    engine_mb: list[float] = field(default_factory=list)

    def problem(self, sentence: str) -> None:
        """Record what must not happen."""
        self.problems.append(sentence)

    def growth_mb(self) -> dict[int, float]:
        """Return by how much the memory of each server grew from the second quarter of the run to the last."""
        return {
            number: mean(values[-(len(values) // 4) :]) - mean(values[len(values) // 4 : len(values) // 2])
            for number, values in self.memory_mb.items()
            if len(values) >= LEAST_SAMPLES
        }

    def check_memory(self) -> None:
        """Record servers whose memory is not flat."""
        for number, growth in self.growth_mb().items():
            if growth > MAX_GROWTH_MB:
                self.problem(f"The memory of server {number} grew by {growth:.0f} MB.")

    def to_json(self) -> dict[str, Any]:
        """Return all figures."""
        ordered = sorted(self.latencies_ms) or [0.0]
        return {
            "counts": dict(sorted(self.counts.items())),
            "problems": self.problems,
            "latency_ms": {
                "median": round(ordered[len(ordered) // 2], 1),
                "p99": round(ordered[int(len(ordered) * 0.99)], 1),
                "max": round(ordered[-1], 1),
            },
            "server_mb": {
                "last": [round(values[-1], 1) for values in self.memory_mb.values() if values],
                "growth": [round(growth, 1) for growth in self.growth_mb().values()],
            },
            "engine_mb": {"max": round(max(self.engine_mb, default=0.0), 1)},
        }
