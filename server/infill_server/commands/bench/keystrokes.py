"""Replay of typing through the real server, with the latency of each keystroke.

A simulated typist rewrites the missing lines of real files at a steady rhythm, with an occasional typo and correction,
and switches to another file after every line.  A ghost text that matches the following text is accepted.  Everything
goes through a language server over stdio, as from an editor: a request not answered by the next key is cancelled.

Two shorter runs follow: text that is only appended, to measure prompt reuse, and typing in a large file with an engine
that answers at once, to measure the overhead of the server itself.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsprotocol.types import ExecuteCommandParams

from infill_completion.document.lines import to_lf
from infill_completion.languages.registry import language_id_of
from infill_completion.settings import EngineSettings
from infill_server.commands.bench.counters import counters, engine_process
from infill_server.commands.bench.keystroke_report import KeystrokeReport
from infill_server.commands.bench.overhead import overhead
from infill_server.commands.bench.processor_time import processor_ms
from infill_server.commands.bench.source_files import MIN_FILE_BYTES, source_files
from infill_server.errors import MeasurementError
from infill_server.harness import Editor, EditorDocument

LOAD_DEADLINE_S = 120.0
ANSWER_DEADLINE_S = 30.0
KEYS_PER_TYPO = 40
OVERHEAD_KEYS = 200
# Names that no model predicts, so that almost no key is answered from memory.
APPENDED = "zq = wv(kj)\nxo = [zq, 7]\nif xo:\n    hy(xo, zq=3)\n"


@dataclass
class TypingTask:
    """A file with a gap: the typist writes ``expected`` at the cursor of ``document``, line by line."""

    document: EditorDocument
    expected: str
    done: int = 0

    @property
    def rest(self) -> str:
        """The text still to be typed."""
        return self.expected[self.done :]


def gap(text: str, chars: int, chance: random.Random) -> tuple[int, int]:
    """Return the start and end of about ``chars`` characters of whole lines somewhere in the middle of ``text``."""
    start = text.rfind("\n", 0, chance.randrange(len(text) // 5, max(len(text) // 5 + 1, len(text) * 4 // 5))) + 1
    end = text.find("\n", min(len(text), start + chars))
    return start, len(text) if end < 0 else end


def tasks(editor: Editor, paths: Sequence[Path], chars: int, seed: int) -> list[TypingTask]:
    """Open each file with a gap of about ``chars`` characters."""
    made = []
    for path in paths:
        text = to_lf(path.read_text(encoding="utf-8"))
        start, end = gap(text, chars, random.Random(f"{seed}-{path.name}"))
        document = editor.open(path, language_id_of(path.name), text[:start] + text[end:], start)
        made.append(TypingTask(document, text[start:end]))
    return made


class Typist:
    """Types the tasks and records the figures."""

    def __init__(self, editor: Editor, interval_s: float, seed: int) -> None:
        self.editor = editor
        self.interval_s = interval_s
        self.report = KeystrokeReport()
        self._chance = random.Random(seed)
        self._withdrawn: list[asyncio.Future[Any]] = []

    async def settle(self) -> None:
        """Wait until withdrawn requests are answered too, and count those that are not."""
        if self._withdrawn:
            answered, pending = await asyncio.wait(self._withdrawn, timeout=ANSWER_DEADLINE_S)
            await asyncio.gather(*answered, return_exceptions=True)  # most of them raise "cancelled"
            self.report.unanswered = len(pending)

    async def write_line(self, task: TypingTask) -> None:
        """Type to the end of the current line."""
        while task.rest:
            character = task.rest[0]
            if self._chance.random() < 1 / KEYS_PER_TYPO:
                await self._key(task, "q")
                self.editor.backspace(task.document)
            task.done += 1
            self.report.typed_chars += 1
            await self._key(task, character)
            if character == "\n":
                return

    async def _key(self, task: TypingTask, character: str) -> None:
        """Type one character and wait for the answer until the next key is due."""
        self.editor.type(task.document, character)
        self.report.keystrokes += 1
        started = time.perf_counter()
        request = self.editor.ask(task.document)
        done, _ = await asyncio.wait({request.answer}, timeout=self.interval_s)
        if not done:
            self.editor.withdraw(request)
            self._withdrawn.append(request.answer)
            self.report.cancelled += 1
            return
        elapsed_s = time.perf_counter() - started
        self.report.answered += 1
        self.report.latency_ms.append(elapsed_s * 1000)
        items = request.answer.result()
        shown = self.editor.ghost(task.document, items[0]) if items else ""
        self.report.with_suggestion += bool(shown)
        if len(shown) > 1 and task.rest.startswith(shown):
            await self.editor.accept(task.document, items[0])
            self.report.accepted += 1
            self.report.saved_chars += len(shown)
            task.done += len(shown)
        elif elapsed_s < self.interval_s:
            await asyncio.sleep(self.interval_s - elapsed_s)


def _round_robin(open_tasks: list[TypingTask]) -> Iterator[TypingTask]:
    """Yield the tasks in turn until all are done."""
    for task in itertools.cycle(open_tasks):
        if not any(other.rest for other in open_tasks):
            return
        if task.rest:
            yield task


async def replay(
    folder: Path, *, files: int, chars: int, interval_ms: float, seed: int, settings: dict[str, Any]
) -> KeystrokeReport:
    """Type ``chars`` characters of each of ``files`` files and return the figures.

    Raises:
        ValueError: The folder has no source files.
        MeasurementError: The engine is not available, or its answers do not come.
    """
    paths = source_files(folder)
    if not paths:
        raise ValueError(f"{folder} has no source files of {MIN_FILE_BYTES} characters or more; name another folder.")
    paths = random.Random(seed).sample(paths, min(files, len(paths)))
    editor = Editor(settings)
    await editor.start(folder if folder.is_dir() else folder.parent)
    status = await editor.loaded(LOAD_DEADLINE_S)
    if status.kind != "Normal":
        raise MeasurementError(status.reason or "The engine is not available; run `infill-ls doctor`.")
    engine = EngineSettings(**settings.get("engine", {}))
    open_tasks = tasks(editor, paths, chars, seed)
    before = await counters(engine)
    processes = [editor.process_id, *filter(None, [await engine_process(engine)])]
    spent_before = processor_ms(processes)
    typist = Typist(editor, interval_ms / 1000, seed)
    for task in _round_robin(open_tasks):
        await typist.write_line(task)
    await typist.settle()
    after = await counters(engine)
    report = typist.report
    report.engine = _difference(after, before)
    spent = processor_ms(processes)
    report.processor_ms = None if spent is None or spent_before is None else spent - spent_before
    report.answers = await _answers(editor)
    report.check()
    document = open_tasks[0].document
    editor.replace(document, len(document.text), len(document.text), "\n")
    await editor.inline(document)  # the first prompt at a new location shares no tokens
    before = await counters(engine)
    await append(editor, document, interval_ms / 1000)
    report.append_only = _difference(await counters(engine), before)
    await editor.stop()
    alike = [path for path in paths if path.suffix == paths[0].suffix]
    report.overhead_ms = (await overhead(alike, keys=OVERHEAD_KEYS, settings=settings)).latency_ms
    return report


async def append(editor: Editor, document: EditorDocument, interval_s: float) -> None:
    """Type at the end of a document, wait for every answer, and accept none."""
    for character in APPENDED:
        editor.type(document, character)
        await editor.inline(document)
        await asyncio.sleep(interval_s / 4)


def _difference(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    return {key: value - before.get(key, 0.0) for key, value in after.items()}


async def _answers(editor: Editor) -> dict[str, int]:
    """Return the server's count of requests by the source of their answer."""
    statistics = await editor.client.workspace_execute_command_async(ExecuteCommandParams("infill.statistics", []))
    return (
        {str(key): int(value) for key, value in statistics["answers"].items()} if isinstance(statistics, dict) else {}
    )
