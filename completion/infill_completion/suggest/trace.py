"""The steps on the way to an answer, recorded to explain it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Trace:
    """The steps of one request in order, each with its time.

    Attributes:
        steps: ``(name, milliseconds since the start, details)``.
        started: When the request came in, in seconds of the monotonic clock.
    """

    steps: list[tuple[str, float, dict[str, Any]]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def note(self, name: str, **details: Any) -> None:
        """Add a step."""
        self.steps.append((name, round((time.monotonic() - self.started) * 1000, 3), details))

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the request came in."""
        return (time.monotonic() - self.started) * 1000
