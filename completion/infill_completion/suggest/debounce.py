"""How long to wait after a keystroke before the model is asked."""

from __future__ import annotations

from dataclasses import dataclass

# Pauses longer than this are thinking, not typing.
LONGEST_INTERVAL_MS = 1000.0
LONGEST_WAIT_MS = 400.0
SHORTEST_WAIT_MS = 10.0
# The weight of the newest observation in the running means.
_NEWEST = 0.2
# A next key comes within this multiple of the mean interval in most bursts of typing.
_PATIENCE = 1.25


@dataclass
class Debounce:
    """Adapts to the typing rhythm and to the model's latency.

    With a mean interval i between keys and a mean latency l of answers the wait is ``1.25 · i · l / (i + l)``: a model
    much faster than the typist is asked nearly at once, since its answer is there before the next key; a slow one
    waits until a burst of keys is over, since what it began would only be thrown away.

    Attributes:
        interval_ms: Running mean of the time between keys.
        latency_ms: Running mean of the time the engine took.
    """

    interval_ms: float = 160.0
    latency_ms: float = 150.0
    _answers: int = 0
    _last_key_s: float | None = None

    def key(self, now_s: float) -> None:
        """Take note of a keystroke at ``now_s`` on a monotonic clock."""
        if self._last_key_s is not None:
            interval = (now_s - self._last_key_s) * 1000
            if 0 < interval <= LONGEST_INTERVAL_MS:
                self.interval_ms += _NEWEST * (interval - self.interval_ms)
        self._last_key_s = now_s

    def answered(self, latency_ms: float) -> None:
        """Take note that the engine took so long."""
        self._answers += 1
        # The first answer counts more than what was supposed before it; from the fifth on the mean runs.
        self.latency_ms += max(_NEWEST, 1 / self._answers) * (latency_ms - self.latency_ms)

    @property
    def wait_ms(self) -> float:
        """The wait before the next request, in milliseconds."""
        wait = _PATIENCE * self.interval_ms * self.latency_ms / (self.interval_ms + self.latency_ms)
        return min(max(wait, SHORTEST_WAIT_MS), LONGEST_WAIT_MS)
