"""Line coverage of the product's code, cheap enough to guide a fuzzer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOTS = tuple(str(Path(__file__).parents[2] / root) for root in ("server", "completion"))
# A function that has not shown a new line in so many calls is not traced any longer.
_PATIENCE = 200


class LineCoverage:
    """Counts the lines of the product that have been run.

    Attributes:
        lines: How many there are so far.
    """

    def __init__(self) -> None:
        self.lines = 0
        self._seen: dict[CodeType, set[int]] = {}
        self._calls: dict[CodeType, int] = {}

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record what runs inside the block in this thread."""
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(before)

    def _called(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        code = frame.f_code
        calls = self._calls.get(code)
        if calls is None:
            calls = 0 if code.co_filename.startswith(ROOTS) else _PATIENCE
        if calls >= _PATIENCE:
            self._calls[code] = calls
            return None
        self._calls[code] = calls + 1
        seen = self._seen.setdefault(code, set())

        def ran(frame: FrameType, event: str, _argument: Any) -> Any:
            if event == "line" and frame.f_lineno not in seen:
                seen.add(frame.f_lineno)
                self.lines += 1
                self._calls[code] = 0
            return ran

        return ran
