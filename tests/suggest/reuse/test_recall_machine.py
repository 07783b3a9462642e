"""Typing, deleting, moving, accepting and asking in any order: with a steady engine every answer stays the same.

The engine is a function of the text around the cursor: on the way to `TARGET` it continues it, elsewhere it writes
something that belongs to that text alone.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from infill_completion.api import CompletionRequest
from infill_completion.document.snapshot import Answer, SkipReason, Snapshot, Trigger
from infill_completion.document.workspace import NoDocuments, OpenDocument
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from tests.properties import tries
from tests.suggest.scripted import ScriptedEngine, is_idle, until

TARGETS = {
    "python": (
        "import math\n\n\ndef area(radius):\n    squared = radius * radius\n    return math.pi * squared\n\n\n"
        "class Circle:\n    def __init__(self, radius):\n        self.radius = radius\n\n"
        "    def area(self):\n        return area(self.radius)\n"
    ),
    "javascript": (
        "function area(radius) {\n  const squared = radius * radius;\n  return Math.PI * squared;\n}\n\n"
        "class Circle {\n  constructor(radius) {\n    this.radius = radius;\n  }\n}\n"
    ),
}
T = TypeVar("T")
URIS = ("file:///a", "file:///b")


def steady(request: CompletionRequest) -> str | list[str]:
    """Return what follows in the target, or else something that only this text gets."""
    for target in TARGETS.values():
        if target.startswith(request.prefix) and request.prefix:
            return target[len(request.prefix) :]
    number = zlib.crc32(f"{request.prefix}|{request.suffix}".encode())
    return [f"name_{number} = {index}\n" for index in range(3)]


@dataclass
class Text:
    """A document with its cursor, and what may be undone."""

    language: str
    text: str
    cursor: int
    past: list[tuple[str, int]] = field(default_factory=list)

    def replace(self, start: int, end: int, written: str) -> None:
        self.past.append((self.text, self.cursor))
        self.text = self.text[:start] + written + self.text[end:]
        self.cursor = start + len(written)


class Documents(NoDocuments):
    """One other document, which is edited now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.version = 1

    def others(self, uri: str) -> tuple[OpenDocument, ...]:
        del uri
        return (OpenDocument("file:///other", "python", self.version, f"other = {self.version}\n"),)


class Typing(RuleBasedStateMachine):
    """A user, an editor and a completer."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.engine = ScriptedEngine(steady, piece=7, logprob=-0.01)
        self.documents = Documents()
        self.temperature = 0.1
        self.version = 0
        self.texts: dict[str, Text] = {}
        self.uri = URIS[0]
        self.shown: dict[str, set[str]] = {uri: set() for uri in URIS}
        self.answer: tuple[Snapshot, Answer] | None = None

    @initialize(language=st.sampled_from(sorted(TARGETS)), at=st.floats(0, 1))
    def open(self, language: str, at: float) -> None:
        self.completer = Completer(self.engine, self._settings(), self.documents)
        cursor = max(int(at * len(TARGETS[language]) * 0.8), 3)
        for uri in URIS:
            self.texts[uri] = Text(language, TARGETS[language][:cursor] + "\n", cursor)

    @property
    def now(self) -> Text:
        return self.texts[self.uri]

    @rule(count=st.integers(1, 4))
    def type_along(self, count: int) -> None:
        target, now = TARGETS[self.now.language], self.now
        following = target[now.cursor : now.cursor + count]
        now.replace(now.cursor, now.cursor, following)

    @rule(character=st.sampled_from("xr(= \n"))
    def type_something(self, character: str) -> None:
        self.now.replace(self.now.cursor, self.now.cursor, character)

    @rule(count=st.integers(1, 12))
    def backspace(self, count: int) -> None:
        self.now.replace(max(self.now.cursor - count, 0), self.now.cursor, "")

    @rule(count=st.integers(-3, 3))
    def move(self, count: int) -> None:
        self.now.cursor = min(max(self.now.cursor + count, 0), len(self.now.text))

    @rule()
    def undo(self) -> None:
        if self.now.past:
            self.now.text, self.now.cursor = self.now.past.pop()

    @rule()
    def switch(self) -> None:
        self.uri = next(uri for uri in URIS if uri != self.uri)

    @rule()
    def edit_another_document(self) -> None:
        self.documents.version += 1

    @rule()
    def close_and_reopen(self) -> None:
        self.completer.closed(self.uri)
        self.shown[self.uri].clear()

    @rule(temperature=st.sampled_from([0.1, 0.2]))
    def configure(self, temperature: float) -> None:
        self.temperature = temperature
        self.completer.configure(self._settings())

    @rule(is_invoked=st.booleans(), settles=st.booleans())
    def ask_twice(self, is_invoked: bool, settles: bool) -> None:
        snapshot = self._snapshot(is_invoked)
        first = self._ask(snapshot)
        if settles:
            self.loop.run_until_complete(until(lambda: is_idle(self.completer)))
        second = self._ask(snapshot)
        assert (first.suggestions, first.reason) == (second.suggestions, second.reason)
        self._judge(snapshot, first)
        self.answer = snapshot, first

    @rule(is_invoked=st.booleans())
    def ask_and_cancel(self, is_invoked: bool) -> None:
        snapshot = self._snapshot(is_invoked)

        async def cancelled() -> None:
            task = asyncio.ensure_future(self.completer.complete(snapshot))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})

        self._run(cancelled())
        self._show(snapshot, self._run(self._fresh(snapshot)))  # Its answer may still come, for who types on.

    @rule(is_reported=st.booleans(), is_partial=st.booleans())
    @precondition(lambda self: self._acceptable())
    def accept(self, is_reported: bool, is_partial: bool) -> None:
        assert self.answer is not None
        (snapshot, answer), self.answer = self.answer, None
        best = answer.suggestions[0]
        text = best.text[: len(best.text) // 2] if is_partial else best.text
        self.now.replace(best.start, snapshot.offset if is_partial else best.end, text)
        if is_reported and not is_partial:
            self._run(self._report(text))

    @rule()
    def ask_both_at_once(self) -> None:
        snapshots = [self._snapshot(False), self._snapshot(True)]

        async def both() -> list[Answer]:
            return list(await asyncio.gather(*(self.completer.complete(snapshot) for snapshot in snapshots)))

        for snapshot, answer in zip(snapshots, self._run(both()), strict=True):
            assert answer.suggestions or answer.reason is not None
            self._show(snapshot, answer)

    @invariant()
    def everything_started_is_known(self) -> None:
        assert self.engine.ended <= len(self.engine.requests)

    def teardown(self) -> None:
        if self.texts:
            self._run(self.completer.aclose())
            assert self.engine.ended == len(self.engine.requests)
        self.loop.close()

    def _judge(self, snapshot: Snapshot, answer: Answer) -> None:
        """Check an answer against the engine's own, and against what the user has seen."""
        fresh = self._run(self._fresh(snapshot))
        if not answer.suggestions:
            assert answer.reason is not None
            is_deleted = answer.reason is SkipReason.JUST_DELETED and snapshot.trigger is Trigger.AUTOMATIC
            assert is_deleted or not fresh.suggestions
            return
        own = {_written(snapshot, suggestion.text) for suggestion in fresh.suggestions}
        written = _written(snapshot, answer.suggestions[0].text)
        assert written in own | self.shown[snapshot.uri]
        self._show(snapshot, answer)
        prefix, target = snapshot.prefix, TARGETS[snapshot.language_id]
        if prefix and target.startswith(prefix) and not snapshot.suffix.strip():
            assert _without_blank_lines(target).startswith(_without_blank_lines(written))

    def _show(self, snapshot: Snapshot, answer: Answer) -> None:
        self.shown[snapshot.uri] |= {_written(snapshot, suggestion.text) for suggestion in answer.suggestions}

    async def _fresh(self, snapshot: Snapshot) -> Answer:
        """Return what the engine gives without any history."""
        completer = Completer(ScriptedEngine(steady, logprob=-0.01), self._settings())
        answer = await completer.complete(snapshot)
        await completer.aclose()
        return answer

    def _acceptable(self) -> bool:
        if self.answer is None or not self.answer[1].suggestions:
            return False
        snapshot = self.answer[0]
        return (snapshot.uri, snapshot.text, snapshot.offset) == (self.uri, self.now.text, self.now.cursor)

    async def _report(self, text: str) -> None:
        self.completer.accepted(self.uri, text)

    def _ask(self, snapshot: Snapshot) -> Answer:
        return self._run(self.completer.complete(snapshot))

    def _run(self, work: Awaitable[T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    def _snapshot(self, is_invoked: bool) -> Snapshot:
        self.version += 1
        trigger = Trigger.INVOKED if is_invoked else Trigger.AUTOMATIC
        return Snapshot(self.uri, self.version, self.now.language, self.now.text, self.now.cursor, trigger)

    def _settings(self) -> Settings:
        return Settings(completion=CompletionSettings(debounce_ms=0, temperature=self.temperature))


def _written(snapshot: Snapshot, text: str) -> str:
    """Return the document up to the end of a suggestion."""
    return snapshot.prefix + text


def _without_blank_lines(text: str) -> str:
    return re.sub(r"\n\s*\n", "\n", text)


TestTyping = Typing.TestCase
TestTyping.settings = tries(80, stateful_step_count=40, suppress_health_check=list(HealthCheck))
