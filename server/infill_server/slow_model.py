"""Notices a model that is too slow for the deadline, and names the next smaller one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from math import ceil
from pathlib import Path

WINDOW_S = 60.0
# A minute of which each quarter was too slow; a machine that was busy for a while is not a slow model.
_QUARTER_S = 15.0
# An answer that was cut at the deadline may arrive a little before it.
_NEARLY = 0.97
_ENOUGH = 10


class SlowModelWatch:
    """Watches how long the engine takes for answers that nobody asked for by hand.

    A model is slow once the 95th percentile of its latest answers has been over the deadline for a minute.

    Args:
        clock: Returns seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: deque[tuple[float, float, float]] = deque()  # time, latency, deadline
        self._over_since: float | None = None
        # What to do about a model, which takes a look at the disk.
        self._advice: tuple[str, str] | None = None

    def add(self, latency_ms: float, deadline_ms: float) -> None:
        """Add an answer of the engine."""
        now = self._clock()
        self._answers.append((now, latency_ms, deadline_ms))
        while self._answers[0][0] < now - WINDOW_S:
            self._answers.popleft()
        if self._p95_ms(_QUARTER_S) < _NEARLY * deadline_ms:
            self._over_since = None
        elif self._over_since is None:
            self._over_since = now

    def clear(self) -> None:
        """Forget all answers, because another model gives the next ones."""
        self._answers.clear()
        self._over_since = self._advice = None

    def _p95_ms(self, seconds: float) -> float:
        """Return the 95th percentile of the latency in the last ``seconds`` of answers; 0 without answers."""
        first = self._answers[-1][0] - seconds if self._answers else 0.0
        latencies = sorted(latency for when, latency, _ in self._answers if when >= first)
        return latencies[ceil(0.95 * len(latencies)) - 1] if latencies else 0.0

    @property
    def is_slow(self) -> bool:
        """Whether the model has been too slow for a minute."""
        since = self._over_since
        return since is not None and self._clock() - since >= WINDOW_S and len(self._answers) >= _ENOUGH

    def reason(self, model: str) -> str:
        """Return the sentence for the status; empty while the model is fast enough."""
        if not self.is_slow:
            return ""
        if self._advice is None or self._advice[0] != model:
            self._advice = (model, _advice(model))
        deadline_ms = self._answers[-1][2]
        return (
            f"{model} is too slow here: 95 % of the last minute's answers took up to {self._p95_ms(WINDOW_S):.0f} ms, "
            f"and the deadline is {deadline_ms:.0f} ms; {self._advice[1]}."
        )


def _advice(model: str) -> str:
    """Return what to do, as the rest of a sentence."""
    from infill_completion.catalog import find, next_smaller
    from infill_completion.catalog.gguf.identity import known_by_name

    known = find(model) or known_by_name(Path(model).name if model.lower().endswith(".gguf") else model)
    if known is None:
        return "set engine.model to a smaller model, or raise completion.deadline_ms"
    here = _names_here()
    smaller = next_smaller(known.id, here)
    if smaller is None:
        return "set engine.model to `embedded`, or raise completion.deadline_ms"
    if smaller.id in here:
        name = here[smaller.id]
        return (
            f"the next smaller model is {smaller.id}: set engine.model to {'it' if name == smaller.id else f'`{name}`'}"
        )
    return f"the next smaller model is {smaller.id}: fetch it with `infill-ls models pull {smaller.id}`"


def _names_here() -> dict[str, str]:
    """Return what ``engine.model`` may say to get each known model on this machine, by the model's id."""
    from infill_completion.catalog import find
    from infill_completion.catalog.gguf.identity import known_files
    from infill_completion.catalog.local import Presence, cached, cached_names

    whole = [name for name in cached_names() if cached(name).presence is Presence.COMPLETE]
    names = {model.id: name for name in whole if (model := find(name)) is not None}
    for model, file in known_files():
        if not file.problem:
            names.setdefault(model.id, file.name)
    return names
