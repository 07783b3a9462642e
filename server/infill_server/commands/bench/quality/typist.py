"""A simulated typist who writes what was removed, and accepts a suggestion as soon as it is right.

Without latency, every key waits for its answer.  With latency, keys come at a steady speed, and everything happens as
between an editor and the server: the next key withdraws a request that is not answered, the server joins a generation
that still agrees with the text, waits for a pause where the model is slow, and answers from what it knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from infill_completion.document.snapshot import Answer, Snapshot
from infill_completion.settings import Settings
from infill_completion.suggest.completer import Completer
from infill_server.commands.bench.quality.hole import CodeHole
from infill_server.commands.bench.quality.intervals import Ratio, bootstrap
from infill_server.commands.bench.quality.run import ready_engine, refuse_failure
from infill_server.errors import MeasurementError

MAX_CHARS = 120  # of one hole, from which on no more is typed


@dataclass
class TypedHoles:
    """What the typist typed, and what suggestions spared.

    Attributes:
        interval_ms: The time between two keys; None if each waited for its answer.
        chars: The characters that were to be written, for each hole.
        saved: Those of them that were not typed, less a key for each suggestion that was accepted.
        files: The file of each hole.
        keys: The keys after which a suggestion was asked for.
        in_time: How many of these were answered before the next key.
        shown: After how many there was a suggestion.
        accepted: How many suggestions were accepted.
    """

    interval_ms: float | None
    chars: list[int] = field(default_factory=list)
    saved: list[int] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    keys: int = 0
    in_time: int = 0
    shown: int = 0
    accepted: int = 0

    def summary(self) -> dict[str, Any]:
        """Return the figures as JSON; the interval is by bootstrap over files.

        Raises:
            MeasurementError: No key was answered, so nothing was measured.
        """
        if not self.in_time:
            raise MeasurementError(
                f"None of {self.keys} keys was answered before the next one; raise --interval-ms, or run "
                "`infill-ls doctor`."
            )
        ratios: list[Ratio] = list(zip(self.saved, self.chars, strict=True))
        return {
            "interval_ms": self.interval_ms,
            "holes": len(self.chars),
            "chars": sum(self.chars),
            "saved_chars": sum(self.saved),
            "saved_share": sum(self.saved) / max(1, sum(self.chars)),
            "saved_interval": bootstrap(ratios, self.files),
            "keys": self.keys,
            "in_time_share": self.in_time / self.keys,
            "shown_share": self.shown / self.keys,
            "accepted": self.accepted,
        }


async def type_holes(settings: Settings, holes: Sequence[CodeHole], interval_ms: float | None) -> TypedHoles:
    """Type what was removed from each hole, with automatic requests after every key.

    Args:
        settings: The user's settings.
        holes: The holes.
        interval_ms: The time between two keys; None to wait for every answer.

    Raises:
        RuntimeError: The engine could not be started.
        MeasurementError: The engine failed, or no answer came in time.
    """
    typed = TypedHoles(interval_ms)
    async with ready_engine(settings) as (engine, _):
        # With latency one completer types all holes, since it learns the rhythm and how fast the model is.
        completer = Completer(engine, settings, is_steady=interval_ms is None)
        try:
            for number, hole in enumerate(holes):
                await _Typing(completer, hole, number, typed).write()
        finally:
            await completer.aclose()
    return typed


class _Typing:
    """One hole, typed."""

    def __init__(self, completer: Completer, hole: CodeHole, number: int, typed: TypedHoles) -> None:
        self._completer, self._hole, self._typed = completer, hole, typed
        self._uri = f"{hole.path.as_uri()}#{number}"
        self._target = hole.wanted
        self._done = self._saved = self._version = 0

    @property
    def _rest(self) -> str:
        return self._target[self._done :]

    async def write(self) -> None:
        """Write the text; the key before it has been typed, so a suggestion is asked for first."""
        while self._done < min(len(self._target), MAX_CHARS):
            right = await self._accepted()
            self._saved += max(0, len(right) - 1)
            self._done += max(1, len(right))
        self._completer.closed(self._uri)
        self._typed.chars.append(self._done)
        self._typed.saved.append(self._saved)
        self._typed.files.append(str(self._hole.path))

    @property
    def _offset(self) -> int:
        return len(self._hole.prefix) + self._done

    async def _accepted(self) -> str:
        """Return the text that the typist accepts at the cursor; empty for none."""
        due_s = asyncio.get_running_loop().time() + (self._typed.interval_ms or 0.0) / 1000
        answer = await self._ask()
        best = answer.suggestions[0] if answer is not None and answer.suggestions else None
        shown = best.text[self._offset - best.start :] if best is not None else ""
        right = right_part(shown, self._rest)
        if best is not None and right and right == shown.rstrip():
            self._completer.accepted(self._uri, best.text)
        self._typed.accepted += bool(right)
        if not right and answer is not None and self._typed.interval_ms is not None:
            await asyncio.sleep(due_s - asyncio.get_running_loop().time())
        return right

    async def _ask(self) -> Answer | None:
        """Return the answer, or None if the next key came first.

        Raises:
            MeasurementError: The engine failed.
        """
        self._version += 1
        text = self._hole.prefix + self._target[: self._done] + self._hole.suffix
        snapshot = Snapshot(self._uri, self._version, self._hole.language_id, text, self._offset)
        request = asyncio.ensure_future(self._completer.complete(snapshot))
        interval_ms = self._typed.interval_ms
        self._typed.keys += 1
        done, _ = await asyncio.wait({request}, timeout=None if interval_ms is None else interval_ms / 1000)
        if not done:
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
            return None
        answer = request.result()
        refuse_failure(answer)
        self._typed.in_time += 1
        self._typed.shown += bool(answer.suggestions)
        return answer


def right_part(shown: str, rest: str) -> str:
    """Return what a typist accepts of a suggestion: all of it, or its first line, if that is what comes next.

    A single character is not worth a key.
    """
    shown = shown.rstrip()
    if rest.startswith(shown):
        return shown if len(shown) > 1 else ""
    line = shown.split("\n")[0].rstrip()
    return line if len(line) > 1 and line == rest.split("\n", maxsplit=1)[0].rstrip() else ""


def typing_settings(settings: Settings, *, has_latency: bool) -> Settings:
    """Return the settings for typing: the user's, but without chance, and without waits if there is no latency."""
    completion = replace(settings.completion, temperature=0.0)
    if not has_latency:
        deadline_ms = max(completion.deadline_ms, 30_000)  # answers must not depend on what else the machine does
        completion = replace(completion, debounce_ms=0, deadline_ms=deadline_ms)
    return replace(settings, completion=completion)
