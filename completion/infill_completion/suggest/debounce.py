"""How long to wait after a keystroke before the engine is asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from infill_completion.document.view import View

# A longer interval between two keys is thinking, not typing.
LONGEST_INTERVAL_MS = 1000.0
LONGEST_WAIT_MS = 400.0
# Hardly any key comes so soon after another one that a shorter wait would spare the engine anything.
SHORTEST_WAIT_MS = 10.0
# The weight of the newest observation in the running means. A slow answer may be an exception, such as the first one in
# a file, whose prompt the engine has not seen; a fast one shows what the model can do.
_NEWEST_WEIGHT = 0.2
_FASTER_WEIGHT = 0.5
# In most bursts of typing the next key comes within this multiple of the mean interval.
_PATIENCE = 1.25
# After so many keys without an answer, the model is asked at once: if its latest answers were slow by chance, the wait
# may be longer than a steady typist ever pauses, and nobody would learn that it is fast.
_MOST_KEYS_UNANSWERED = 8
# While nothing is known of the model, so many keys are not made to wait: the first answer, with its new prompt, does
# not say how fast it is.
_FIRST_TRIES = 2
# So much may have been typed or deleted since the last answer for most of its prompt to serve the next one.
_NEAR_CHARACTERS = 500


@dataclass
class Debounce:
    """A wait that adapts to the typing rhythm and to the latency of the model.

    With a mean interval i between keys and a mean latency l of answers the wait is ``1.25 · i · l² / (i² + l²)``,
    counted from the key. A model that is four times as fast as the typist is asked at once, since its answer arrives
    before the next key. A slow model is asked after a burst of keys, since an answer begun earlier would be thrown
    away.

    Attributes:
        interval_ms: Running mean of the time between keys.
        latency_ms: Running mean of the time the engine took.
        fixed_ms: The wait chosen in the settings; None to adapt it.
        may_try: Whether the model may be asked only to learn how fast it is.
    """

    interval_ms: float = 160.0
    latency_ms: float = 150.0
    fixed_ms: float | None = None
    may_try: bool = False
    _answers: int = 0
    _tries: int = 0
    _unanswered: int = 0
    _view: View | None = None
    _last_key_s: float | None = None
    _skipped: set[str] = field(default_factory=set)

    def key(self, now_s: float) -> None:
        """Record a keystroke at ``now_s`` on a monotonic clock; the same one may be recorded again."""
        if self._last_key_s is not None:
            interval = (now_s - self._last_key_s) * 1000
            if 0 < interval <= LONGEST_INTERVAL_MS:
                self.interval_ms += _NEWEST_WEIGHT * (interval - self.interval_ms)
        self._last_key_s = now_s

    def answered(self, latency_ms: float, view: View | None = None) -> None:
        """Record the latency of an answer.

        The first one at another place does not count: its prompt was new, and that of the next key will not be.

        Args:
            latency_ms: How long it took.
            view: What it was for; None if that does not matter.
        """
        self._unanswered = self._tries = 0
        before, self._view = self._view, view
        if view is not None and not _is_near(before, view):
            return
        self._answers += 1
        weight = _FASTER_WEIGHT if latency_ms < self.latency_ms else _NEWEST_WEIGHT
        # The first answer outweighs the initial guess; from the fifth on this is a plain running mean.
        self.latency_ms += max(weight, 1 / self._answers) * (latency_ms - self.latency_ms)

    def skip_next(self, uri: str) -> None:
        """Let the next request of a document go without a wait."""
        self._skipped.add(uri)

    def closed(self, uri: str) -> None:
        """Forget a document."""
        self._skipped.discard(uri)

    def next_wait_ms(self, uri: str, *, is_invoked: bool) -> float:
        """Return the wait before a request of a document, in milliseconds; an invoked request does not wait."""
        is_skipped = uri in self._skipped
        self._skipped.discard(uri)
        if is_invoked or is_skipped:
            return 0.0
        if self.fixed_ms is not None:
            return self.fixed_ms
        self._unanswered += 1
        return 0.0 if self.may_try and self._is_due() else self.wait_ms

    def _is_due(self) -> bool:
        """Return whether to ask the model without a wait, to learn how fast it is."""
        if not self._answers and self._tries < _FIRST_TRIES:
            self._tries += 1
            return True
        if is_due := self._unanswered > _MOST_KEYS_UNANSWERED:
            self._unanswered = 0
        return is_due

    @property
    def wait_ms(self) -> float:
        """The adapted wait in milliseconds; 0 if it would be too short to matter."""
        cut_off = self.latency_ms**2 / (self.interval_ms**2 + self.latency_ms**2)
        wait = min(_PATIENCE * self.interval_ms * cut_off, LONGEST_WAIT_MS)
        return 0.0 if wait < SHORTEST_WAIT_MS else wait


def _is_near(before: View | None, view: View) -> bool:
    """Return whether typing or deleting leads from one cursor to another."""
    if before is None or before.uri != view.uri or before.from_end != view.from_end:
        return False
    return abs(view.offset - before.offset) <= _NEAR_CHARACTERS
