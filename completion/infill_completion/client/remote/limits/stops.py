"""Stop strings applied by the client, for servers that take fewer than a request has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from infill_completion.api import Chunk, FinishReason


class StopCutter:
    """Ends each choice before the first of ``stops``, as a server would; holds back text that may begin one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held: dict[int, str] = {}
        self._ended: set[int] = set()

    def cut(self, chunk: Chunk) -> Chunk | None:
        """Return what of ``chunk`` is before a stop; None if nothing is, or the choice has ended already."""
        if chunk.index in self._ended:
            return None
        text = self._held.pop(chunk.index, "") + chunk.text
        at = min((found for stop in self._stops if (found := text.find(stop)) >= 0), default=-1)
        if at >= 0:
            self._ended.add(chunk.index)
            return replace(chunk, text=text[:at], finish_reason=FinishReason.STOP)
        if chunk.finish_reason is not None:
            return replace(chunk, text=text)
        kept = self._possible_start(text)
        self._held[chunk.index] = text[len(text) - kept :]
        return replace(chunk, text=text[: len(text) - kept])

    def _possible_start(self, text: str) -> int:
        """Return the length of the longest end of ``text`` that begins a stop."""
        longest = max(map(len, self._stops), default=1) - 1
        sizes = range(min(longest, len(text)), 0, -1)
        return next((size for size in sizes if any(stop.startswith(text[-size:]) for stop in self._stops)), 0)
