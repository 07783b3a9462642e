"""Notices changes of the files that verdicts on private files were read from."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from infill_completion.privacy.git.files import UnreadableRulesError, stamp_of
from infill_completion.privacy.rules import KEEP_S

_UNREADABLE = (0, 0, 0)


class RuleWatch:
    """Watches the files that a :class:`infill_completion.privacy.rules.Privacy` has looked for.

    Args:
        clock: Counts seconds.

    Attributes:
        files: These files, whether they exist or not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.files: set[Path] = set()
        self._clock, self._looked_s = clock, clock()
        self._stamps: dict[Path, object] = {}

    def note(self) -> None:
        """Note how the files are that were looked for since."""
        self._stamps |= {file: _stamp(file) for file in self.files - self._stamps.keys()}

    def has_changed(self) -> bool:
        """Return whether one has changed since it was noted, as a new one or as another; looks every few seconds."""
        self.note()
        now = self._clock()
        if now - self._looked_s < KEEP_S:
            return False
        self._looked_s = now
        stamps = {file: _stamp(file) for file in self._stamps}
        former, self._stamps = self._stamps, stamps
        return former != stamps


def _stamp(file: Path) -> object:
    try:
        return stamp_of(file)
    except UnreadableRulesError:
        return _UNREADABLE
