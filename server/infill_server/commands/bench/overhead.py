"""The overhead of the language server itself: typing real code with an engine that answers at once.

The engine is a stub at ``engine.url``, so each key takes the whole path: the edit, the snapshot, the windows, other
files, a request over HTTP, the filters, the items. A measurement fails unless the engine was really asked and its
answers were really shown; otherwise it would measure how fast the server refuses.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infill_completion.document.lines import to_lf
from infill_completion.languages.registry import language_id_of
from infill_server.commands.bench.stub_engine import StubAnswers, StubEngine
from infill_server.errors import MeasurementError
from infill_server.harness import Editor, EditorDocument

LOAD_DEADLINE_S = 30.0
# Each key is typed in one of so many places, spread over the middle half of the file.
PLACES = 5
# Some keys get nothing for good reasons: inside words, before more of the line, after a word that ends the line.
LEAST_ASKED = 0.8
LEAST_SHOWN = 0.5


@dataclass(frozen=True)
class Gap:
    """A place where lines of the original are missing.

    Attributes:
        offset: Where they are missing, counted in the text without any of the gaps' lines.
        typed: The part of them that is typed.
    """

    offset: int
    typed: str


@dataclass
class Overhead:
    """The cost of the keys of one run.

    Attributes:
        latency_ms: Milliseconds from each key to its answer.
        processor_s: Seconds of processor time of the server for all keys; None if it was not measured.
        asked: How many requests reached the engine, those computed ahead included.
        shown: How many keys were answered with a suggestion.
        edits: How many requests for next edits were answered.
    """

    latency_ms: list[float] = field(default_factory=list)
    processor_s: float | None = None
    asked: int = 0
    shown: int = 0
    edits: int = 0

    @property
    def keys(self) -> int:
        """How many keys were typed."""
        return len(self.latency_ms)

    def check(self, answers: StubAnswers) -> None:
        """Verify that the run measured what it says.

        Raises:
            MeasurementError: The engine was hardly asked, or its answers were hardly shown.
        """
        if answers is not StubAnswers.RIGHT and self.asked < LEAST_ASKED * self.keys:
            raise MeasurementError(f"Only {self.asked} of {self.keys} keys reached the engine: nothing was measured.")
        if answers is not StubAnswers.NONE and self.shown < LEAST_SHOWN * self.keys:
            raise MeasurementError(f"Only {self.shown} of {self.keys} keys got a suggestion: nothing was measured.")
        if answers is StubAnswers.NONE and self.shown:
            raise MeasurementError(f"{self.shown} keys got a suggestion from an engine that gave none.")


async def overhead(
    paths: Sequence[Path],
    *,
    keys: int,
    settings: dict[str, Any],
    size_chars: int = 1_000_000,
    answers: StubAnswers = StubAnswers.WRONG,
    pause_s: float = 0.0,
    processor_s: Callable[[int], float] | None = None,
    asks_for_edits: bool = False,
) -> Overhead:
    """Retype ``keys`` characters of a large file and return the cost.

    Args:
        paths: Source files of one language; the large file repeats their text and is in a temporary folder.
        keys: The number of keys.
        settings: The settings; the engine's are replaced.
        size_chars: The size of the file in characters.
        answers: What the engine answers.
        pause_s: The pause after each answer, in which the server does what it does while the user reads.
        processor_s: Returns the processor time that a process has used so far, by its id.
        asks_for_edits: Whether the editor asks for next edits after each answer, and does not wait for them.

    Raises:
        MeasurementError: The server did not answer, the engine was not asked, or its answers were not shown.
    """
    text = _large_text(paths, size_chars)
    gaps, without = _gaps(text, keys)
    stub = StubEngine(answers, text)
    async with stub.serve() as url:
        with tempfile.TemporaryDirectory() as folder:
            editor = Editor(_settings(settings, url))
            await editor.start(Path(folder))
            try:
                await _ready(editor)
                name = f"large{paths[0].suffix}"
                document = editor.open(Path(folder, name), language_id_of(name), without, gaps[-1].offset)
                asking = editor.ask_edits if asks_for_edits else None
                result = await _typed(editor, document, gaps, stub, pause_s, processor_s, asking)
            finally:
                await editor.stop()
    result.check(answers)
    return result


def _large_text(paths: Sequence[Path], size_chars: int) -> str:
    text = "".join(to_lf(path.read_text(encoding="utf-8")) for path in paths)
    return (text * (size_chars // len(text) + 1))[:size_chars]


def _gaps(text: str, keys: int) -> tuple[list[Gap], str]:
    """Choose the places, and return them with the text that is left."""
    gaps: list[Gap] = []
    without, done = "", 0
    for number in range(min(PLACES, keys)):
        count = keys // PLACES + (number < keys % PLACES)
        start = text.find("\n", max(done, len(text) * (PLACES + 2 * number) // (4 * PLACES))) + 1
        end = text.find("\n", start + count)  # whole lines are missing, so that the last of them can be completed
        without += text[done:start]
        gaps.append(Gap(len(without), text[start : start + count]))
        done = end
    return gaps, without + text[done:]


def _settings(settings: dict[str, Any], url: str) -> dict[str, Any]:
    engine = {**settings.get("engine", {}), "url": url, "api": "llama.cpp", "model": "stub"}
    return {**settings, "engine": engine, "completion": {**settings.get("completion", {}), "debounce_ms": 0}}


async def _ready(editor: Editor) -> None:
    status = await editor.loaded(LOAD_DEADLINE_S)
    if status.kind != "Normal":
        raise MeasurementError(f"The server refused the engine of the measurement: {status.reason}")


async def _typed(
    editor: Editor,
    document: EditorDocument,
    gaps: Sequence[Gap],
    stub: StubEngine,
    pause_s: float,
    processor_s: Callable[[int], float] | None,
    ask_edits: Callable[[EditorDocument], asyncio.Future[int]] | None,
) -> Overhead:
    """Type in all gaps, from the last to the first, and wait for the answer to each key."""
    await editor.inline(document)  # parses the file
    asked_edits = [ask_edits(document)] if ask_edits else []  # from now on the server keeps what changes
    result, asked_before = Overhead(), stub.requests
    spent_before = processor_s(editor.process_id) if processor_s else 0.0
    for gap in reversed(gaps):
        document.offset = gap.offset
        for character in gap.typed:
            editor.type(document, character)
            began = time.perf_counter()
            items = await editor.inline(document)
            result.latency_ms.append((time.perf_counter() - began) * 1000)
            result.shown += bool(items and editor.ghost(document, items[0]))
            if ask_edits:
                asked_edits.append(ask_edits(document))
            await asyncio.sleep(pause_s)
    await asyncio.gather(*asked_edits)
    result.edits = len(asked_edits)
    if processor_s is not None:
        result.processor_s = processor_s(editor.process_id) - spent_before
    result.asked = stub.requests - asked_before
    return result
