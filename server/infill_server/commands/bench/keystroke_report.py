"""The figures of a keystroke replay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from infill_server.errors import MeasurementError


@dataclass
class KeystrokeReport:
    """The figures of a replay; times are in milliseconds from the key to the answer.

    ``processor_ms`` is the processor time of server and engine for all keys; None where the system does not say.
    """

    keystrokes: int = 0
    answered: int = 0
    cancelled: int = 0
    unanswered: int = 0
    with_suggestion: int = 0
    accepted: int = 0
    typed_chars: int = 0
    saved_chars: int = 0
    latency_ms: list[float] = field(default_factory=list)
    engine: dict[str, float] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    append_only: dict[str, float] = field(default_factory=dict)
    overhead_ms: list[float] = field(default_factory=list)
    processor_ms: float | None = None

    def check(self) -> None:
        """Verify that the figures are about answers of the engine.

        Raises:
            MeasurementError: The server never asked the engine, or a key in ten found it unavailable.
        """
        from_engine = self.answers.get("engine", 0) + self.answers.get("joined", 0)
        if self.keystrokes and not from_engine:
            raise MeasurementError("No key was answered by the engine; run `infill-ls doctor`.")
        if self.answers.get("unavailable", 0) * 10 > self.keystrokes:
            raise MeasurementError(
                f"The engine was not available at {self.answers['unavailable']} of {self.keystrokes} keys; "
                "run `infill-ls doctor`."
            )

    def summary(self) -> dict[str, Any]:
        """Return the figures as JSON; shares are between 0 and 1."""
        figures = asdict(self)
        figures.pop("latency_ms")
        figures.pop("overhead_ms")
        processor_ms = figures.pop("processor_ms")
        keys = max(1, self.keystrokes)
        return figures | {
            "p50_ms": percentile(self.latency_ms, 0.50),
            "p95_ms": percentile(self.latency_ms, 0.95),
            "p99_ms": percentile(self.latency_ms, 0.99),
            # A request overtaken by the next key counts as not answered.
            "without_model_share": round(self.answers.get("memory", 0) / keys, 4),
            "joined_share": round(self.answers.get("joined", 0) / keys, 4),
            "requests_a_key": round(self.engine.get("requests", 0.0) / keys, 2),
            "processor_ms_a_key": None if processor_ms is None else round(processor_ms / keys, 1),
            "reused_prompt_share": _share(self.engine, "cached_tokens", "prompt_tokens"),
            "append_only_reused_share": _share(self.append_only, "cached_tokens", "prompt_tokens"),
            "recomputed_tokens_a_key": round(
                (self.engine.get("prompt_tokens", 0.0) - self.engine.get("cached_tokens", 0.0)) / keys, 2
            ),
            "engine_cancelled_share": _share(self.engine, "cancelled_requests", "requests"),
            "overhead_p50_ms": percentile(self.overhead_ms, 0.50),
            "overhead_p95_ms": percentile(self.overhead_ms, 0.95),
            "saved_share": round(self.saved_chars / max(1, self.saved_chars + self.typed_chars), 4),
        }


def _share(counts: Mapping[str, float], part: str, whole: str) -> float:
    return round(counts.get(part, 0.0) / counts[whole], 4) if counts.get(whole) else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of ``values`` that at least ``share`` of them do not exceed; 0 if there are none."""
    if not values:
        return 0.0
    return round(sorted(values)[max(0, math.ceil(share * len(values)) - 1)], 2)
