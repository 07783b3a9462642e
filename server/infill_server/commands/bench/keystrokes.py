"""Replay typing through the real server and report what each keystroke cost.

A typist writes the missing lines of real files again, at a steady rhythm, with a slip and a correction now and then and
a jump to another file after every line.  A ghost text that spells what comes next is accepted.  Everything goes through
a language server over stdio, as from an editor: an answer that is not there when the next key falls is cancelled.

Two shorter runs follow: text that is only appended, for the reuse of prompts, and a large file before an engine that
answers at once, for the server's own share.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lsprotocol.types import ExecuteCommandParams

from infill_completion.document.lines import to_lf
from infill_completion.languages.registry import language_id_of
from infill_completion.settings import EngineSettings
from infill_server.commands.bench.counters import counters
from infill_server.commands.bench.overhead import overhead
from infill_server.harness import Document, Editor

LOAD_DEADLINE_S = 120.0
ANSWER_DEADLINE_S = 30.0
SLIP_EVERY = 40
MIN_FILE_CHARS = 1_000
MAX_FILE_CHARS = 2_000_000
OVERHEAD_KEYS = 200
# Names that no model expects, so that hardly a key is answered from memory.
APPENDED = "zq = wv(kj)\nxo = [zq, 7]\nif xo:\n    hy(xo, zq=3)\n"


@dataclass
class Task:
    """A file with a gap: ``wanted`` is what the typist writes at the cursor of ``document``, line by line."""

    document: Document
    wanted: str
    done: int = 0

    @property
    def rest(self) -> str:
        """What is still to be written."""
        return self.wanted[self.done :]


@dataclass
class Report:
    """What a replay measured; times in milliseconds from the key to the answer."""

    keystrokes: int = 0
    answered: int = 0
    cancelled: int = 0
    unanswered: int = 0
    with_suggestion: int = 0
    accepted: int = 0
    typed_chars: int = 0
    saved_chars: int = 0
    latency_ms: list[float] = field(default_factory=list)
    engine: dict[str, float] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    append_only: dict[str, float] = field(default_factory=dict)
    overhead_ms: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return the figures of the report; a share is between 0 and 1."""
        figures = asdict(self)
        figures.pop("latency_ms")
        figures.pop("overhead_ms")
        keys = max(1, self.keystrokes)
        return figures | {
            "p50_ms": percentile(self.latency_ms, 0.50),
            "p95_ms": percentile(self.latency_ms, 0.95),
            "p99_ms": percentile(self.latency_ms, 0.99),
            # What was overtaken by the next key counts as answered by nothing.
            "without_model_share": round(self.answers.get("memory", 0) / keys, 4),
            "joined_share": round(self.answers.get("joined", 0) / keys, 4),
            "reused_prompt_share": _share(self.engine, "cached_tokens", "prompt_tokens"),
            "append_only_reused_share": _share(self.append_only, "cached_tokens", "prompt_tokens"),
            "recomputed_tokens_a_key": round(
                (self.engine.get("prompt_tokens", 0.0) - self.engine.get("cached_tokens", 0.0)) / keys, 2
            ),
            "engine_cancelled_share": _share(self.engine, "cancelled_requests", "requests"),
            "overhead_p50_ms": percentile(self.overhead_ms, 0.50),
            "overhead_p95_ms": percentile(self.overhead_ms, 0.95),
            "saved_share": round(self.saved_chars / max(1, self.saved_chars + self.typed_chars), 4),
        }


def _share(counts: Mapping[str, float], part: str, whole: str) -> float:
    return round(counts.get(part, 0.0) / counts[whole], 4) if counts.get(whole) else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least ``share`` of ``values`` do not exceed; 0 for no values."""
    if not values:
        return 0.0
    return round(sorted(values)[max(0, math.ceil(share * len(values)) - 1)], 2)


def gap(text: str, chars: int, chance: random.Random) -> tuple[int, int]:
    """Return the start and end of about ``chars`` characters of whole lines somewhere in the middle of ``text``."""
    start = text.rfind("\n", 0, chance.randrange(len(text) // 5, max(len(text) // 5 + 1, len(text) * 4 // 5))) + 1
    end = text.find("\n", min(len(text), start + chars))
    return start, len(text) if end < 0 else end


def source_files(folder: Path) -> list[Path]:
    """Return the files of a folder that a person would write, sorted by name; a file stands for itself."""
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        path
        for path in paths
        if language_id_of(path.name) not in {"plaintext", "json", "markdown"}
        and MIN_FILE_CHARS <= path.stat().st_size <= MAX_FILE_CHARS
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def tasks(editor: Editor, paths: Sequence[Path], chars: int, seed: int) -> list[Task]:
    """Open each file with a gap."""
    made = []
    for path in paths:
        text = to_lf(path.read_text(encoding="utf-8"))
        start, end = gap(text, chars, random.Random(f"{seed}-{path.name}"))
        document = editor.open(path, language_id_of(path.name), text[:start] + text[end:], start)
        made.append(Task(document, text[start:end]))
    return made


class Typist:
    """Types tasks and keeps the report."""

    def __init__(self, editor: Editor, interval_s: float, seed: int) -> None:
        self.editor = editor
        self.interval_s = interval_s
        self.report = Report()
        self._chance = random.Random(seed)
        self._withdrawn: list[asyncio.Future[Any]] = []

    async def settle(self) -> None:
        """Wait until withdrawn requests are answered as well, and count those that are not."""
        if self._withdrawn:
            answered, open_still = await asyncio.wait(self._withdrawn, timeout=ANSWER_DEADLINE_S)
            await asyncio.gather(*answered, return_exceptions=True)  # most of them raise "cancelled"
            self.report.unanswered = len(open_still)

    async def write_line(self, task: Task) -> None:
        """Write through the end of the current line."""
        while task.rest:
            character = task.rest[0]
            if self._chance.random() < 1 / SLIP_EVERY:
                await self._key(task, "q")
                self.editor.backspace(task.document)
            task.done += 1
            self.report.typed_chars += 1
            await self._key(task, character)
            if character == "\n":
                return

    async def _key(self, task: Task, character: str) -> None:
        """Type one character and wait for the answer at most until the next one falls."""
        self.editor.type(task.document, character)
        self.report.keystrokes += 1
        started = time.perf_counter()
        asked = self.editor.ask(task.document)
        done, _ = await asyncio.wait({asked.answer}, timeout=self.interval_s)
        if not done:
            self.editor.withdraw(asked)
            self._withdrawn.append(asked.answer)
            self.report.cancelled += 1
            return
        elapsed_s = time.perf_counter() - started
        self.report.answered += 1
        self.report.latency_ms.append(elapsed_s * 1000)
        items = asked.answer.result()
        shown = self.editor.ghost(task.document, items[0]) if items else ""
        self.report.with_suggestion += bool(shown)
        if len(shown) > 1 and task.rest.startswith(shown):
            await self.editor.accept(task.document, items[0])
            self.report.accepted += 1
            self.report.saved_chars += len(shown)
            task.done += len(shown)
        elif elapsed_s < self.interval_s:
            await asyncio.sleep(self.interval_s - elapsed_s)


def _turns(open_tasks: list[Task]) -> Iterator[Task]:
    """Yield the tasks in turn until all are written."""
    for task in itertools.cycle(open_tasks):
        if not any(other.rest for other in open_tasks):
            return
        if task.rest:
            yield task


async def replay(
    folder: Path, *, files: int, chars: int, interval_ms: float, seed: int, settings: dict[str, Any]
) -> Report:
    """Type ``chars`` characters of each of ``files`` files and return what it cost.

    Raises:
        ValueError: The folder has no source files.
    """
    paths = source_files(folder)
    if not paths:
        raise ValueError(f"{folder} has no source files of {MIN_FILE_CHARS} characters or more; name another folder.")
    paths = random.Random(seed).sample(paths, min(files, len(paths)))
    editor = Editor(settings)
    await editor.start(folder if folder.is_dir() else folder.parent)
    await editor.loaded(LOAD_DEADLINE_S)
    engine = EngineSettings(**settings.get("engine", {}))
    open_tasks = tasks(editor, paths, chars, seed)
    before = await counters(engine)
    typist = Typist(editor, interval_ms / 1000, seed)
    for task in _turns(open_tasks):
        await typist.write_line(task)
    await typist.settle()
    after = await counters(engine)
    report = typist.report
    report.engine = _difference(after, before)
    report.answers = await _answers(editor)
    document = open_tasks[0].document
    editor.replace(document, len(document.text), len(document.text), "\n")
    await editor.inline(document)  # the first prompt at a new place has nothing to share
    before = await counters(engine)
    await append(editor, document, interval_ms / 1000)
    report.append_only = _difference(await counters(engine), before)
    await editor.stop()
    report.overhead_ms = await overhead(paths, keys=OVERHEAD_KEYS, settings=settings)
    return report


async def append(editor: Editor, document: Document, interval_s: float) -> None:
    """Type on at the end of a document, let every answer come, and accept none."""
    for character in APPENDED:
        editor.type(document, character)
        await editor.inline(document)
        await asyncio.sleep(interval_s / 4)


def _difference(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    return {key: value - before.get(key, 0.0) for key, value in after.items()}


async def _answers(editor: Editor) -> dict[str, int]:
    """Return how many requests were answered from what, as the server counts."""
    told = await editor.client.workspace_execute_command_async(ExecuteCommandParams("infill.statistics", []))
    return {str(key): int(value) for key, value in told["answers"].items()} if isinstance(told, dict) else {}
