"""What to measure on each model, and within which time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from infill_completion.engine.bench.journal import Journal

DEFAULT = ("decode", "keystroke", "candidates", "speculation", "cancel", "reload")
# Only measured if asked for.
ON_REQUEST = ("rows", "prefill", "kernels", "rewrite")


@dataclass(frozen=True)
class MeasurementPlan:
    """What to measure on each model.

    Attributes:
        contexts: Prompt lengths in tokens, in the order in which they are measured.
        tokens: Tokens to decode in each run.
        repeats: Runs of each measurement.
        reference: Whether to measure transformers' ``generate()`` too.
        until: Time of ``time.monotonic`` after which no measurement starts.
        only: Names of the measurements.
        reference_tokens: Tokens of ``generate()``, which then runs once, without a warm-up; None: as the others.
        journal: Gets each figure when it is known.
    """

    contexts: tuple[int, ...]
    tokens: int
    repeats: int
    reference: bool
    until: float
    only: frozenset[str] = frozenset(DEFAULT)
    reference_tokens: int | None = None
    journal: Journal = field(default_factory=Journal)

    @property
    def compares(self) -> bool:
        """Whether any measurement needs the weights as bitsandbytes reads them."""
        return self.reference or "reload" in self.only

    def in_time(self) -> bool:
        """Return whether there is time for another measurement."""
        return time.monotonic() < self.until
