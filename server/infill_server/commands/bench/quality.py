"""Completion of holes in real files through the whole pipeline: how often the suggestion equals the original text.

A hole is a cursor in a line whose rest was removed.  A suggestion may continue below the line, so only its first line
is compared.  Variants of a model (prompt layouts, healing) are checkpoints that share their weights and differ in
``infill.json``, so each runs in a separate engine, through the same code that users run.
"""

from __future__ import annotations

import ast
import asyncio
import difflib
import hashlib
import json
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infill_completion.api import EngineState
from infill_completion.client.connect import engine_for
from infill_completion.client.shutdown import end_engine
from infill_completion.document.lines import to_lf
from infill_completion.document.snapshot import SkipReason, Snapshot, Trigger
from infill_completion.languages.registry import language_id_of
from infill_completion.settings import ContextSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_server.commands.bench.keystroke_report import percentile
from infill_server.commands.bench.source_files import source_files
from infill_server.errors import MeasurementError

LOAD_DEADLINE_S = 600.0
_DEADLINE_MS = 30_000  # answers must not depend on what else the machine does
THRESHOLDS = (0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9)
LAYOUTS: dict[str, dict[str, Any]] = {
    "spm": {"layout": "spm", "heal": False},
    "spm healed": {"layout": "spm", "heal": True},
    "psm": {"layout": "psm", "heal": False},
    "psm healed": {"layout": "psm", "heal": True},
    "line last": {"layout": "line_last", "heal": False},
    "line last healed": {"layout": "line_last", "heal": True},
}
WITHOUT_FILES = ContextSettings(open_documents=False, imports=False, recent_edits=False, workspace=False)


@dataclass(frozen=True)
class LineHole:
    """A cursor in a file; ``expected`` is the rest of its line, removed from between ``prefix`` and ``suffix``."""

    path: Path
    prefix: str
    expected: str
    suffix: str


@dataclass(frozen=True)
class Outcome:
    """The suggestion at a hole; ``text`` is None if there was none."""

    hole: LineHole
    text: str | None
    confidence: float
    elapsed_ms: float

    @property
    def first_line(self) -> str:
        """The part of the suggestion on the cursor's line."""
        return (self.text or "").split("\n")[0].rstrip()

    @property
    def is_exact(self) -> bool:
        """Whether exactly the rest of the line was suggested."""
        return self.text is not None and self.first_line == self.hole.expected.rstrip()

    @property
    def similarity(self) -> float:
        """Edit similarity to the rest of the line, 0 to 1 (``difflib``'s ratio)."""
        return difflib.SequenceMatcher(None, self.first_line, self.hole.expected.rstrip(), autojunk=False).ratio()

    @property
    def parses(self) -> bool | None:
        """Whether a Python file is valid with the suggestion; None for other languages or without a suggestion."""
        if self.text is None or self.hole.path.suffix != ".py":
            return None
        try:
            ast.parse(self.hole.prefix + self.text + self.hole.suffix)
        except (SyntaxError, ValueError):
            return False
        return True


def holes(paths: Sequence[Path], count: int, seed: int) -> list[LineHole]:
    """Return ``count`` holes spread evenly over the files; the same files and seed give the same holes."""
    chance = random.Random(seed)
    texts = {path: to_lf(path.read_text(encoding="utf-8")) for path in paths}
    found: list[LineHole] = []
    while len(found) < count:
        for path, text in texts.items():
            lines = text.split("\n")
            number = chance.randrange(len(lines))
            line = lines[number]
            if line.strip() and len(found) < count:
                indent = len(line) - len(line.lstrip())
                column = chance.randrange(indent, len(line.rstrip()))
                start = sum(len(above) + 1 for above in lines[:number])
                prefix, suffix = text[: start + column], text[start + len(line) :]
                found.append(LineHole(path, prefix, line[column:], suffix))
    return found


@asynccontextmanager
async def variant(settings: Settings, folder: Path, changes: Mapping[str, Any]) -> AsyncIterator[Settings]:
    """Yield settings for a copy of the checkpoint in ``folder`` whose ``infill.json`` has ``changes``.

    A GGUF file has its settings beside it.
    """
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        is_file = folder.is_file()
        own = folder.with_suffix(".infill.json") if is_file else folder / "infill.json"
        for file in [folder] if is_file else folder.iterdir():
            if file.is_file() and file.name != own.name:
                (copy / file.name).symlink_to(file.resolve())
        written = json.loads(own.read_text(encoding="utf-8")) if own.exists() else {}
        (copy / own.name).write_text(json.dumps(written | dict(changes)), encoding="utf-8")
        model = copy / folder.name if is_file else copy
        changed = replace(settings, engine=replace(settings.engine, model=str(model)))
        try:
            yield changed
        finally:
            await end_engine(changed.engine)


async def run(settings: Settings, line_holes: Sequence[LineHole], trigger: Trigger = Trigger.INVOKED) -> list[Outcome]:
    """Complete each hole once, by default as an invoked request.

    Raises:
        RuntimeError: The engine could not be started; the message is a sentence with the next step.
        MeasurementError: The engine failed at a hole.
    """
    engine = engine_for(settings)
    try:
        await engine.start()
        health = await engine.wait_ready(LOAD_DEADLINE_S)
        if health.state is not EngineState.READY:
            raise RuntimeError(health.reason)
        outcomes = []
        for number, hole in enumerate(line_holes):
            # A new one each time: it must not remember earlier holes.  Steady: answers are the same each time.
            completer = Completer(engine, settings, is_steady=True)
            text, offset = hole.prefix + hole.suffix, len(hole.prefix)
            uri, language_id = f"{hole.path.as_uri()}#{number}", language_id_of(hole.path.name)
            started = time.perf_counter()
            answer = await completer.complete(Snapshot(uri, 1, language_id, text, offset, trigger))
            elapsed_ms = (time.perf_counter() - started) * 1000
            if answer.reason in {SkipReason.ENGINE_FAILED, SkipReason.ENGINE_LOADING}:
                raise MeasurementError(str(answer.details.get("message") or answer.reason.value))
            best = answer.suggestions[0] if answer.suggestions else None
            shown = best.text[offset - best.start :] if best else None
            outcomes.append(Outcome(hole, shown, (best.confidence or 0.0) if best else 0.0, elapsed_ms))
            await completer.aclose()
        return outcomes
    finally:
        await engine.aclose()


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the figures of a run; shares are between 0 and 1, and equal answers have an equal hash."""
    shown = [outcome for outcome in outcomes if outcome.text is not None]
    parsed = [outcome.parses for outcome in outcomes if outcome.parses is not None]
    expected_chars = sum(len(outcome.hole.expected.rstrip()) for outcome in outcomes)
    saved_chars = sum(len(outcome.hole.expected.rstrip()) - 1 for outcome in outcomes if outcome.is_exact)
    return {
        "holes": len(outcomes),
        "shown_share": len(shown) / len(outcomes),
        "exact_share": sum(outcome.is_exact for outcome in outcomes) / len(outcomes),
        "similarity": sum(outcome.similarity for outcome in outcomes) / len(outcomes),
        "parses_share": sum(parsed) / len(parsed) if parsed else None,
        "saved_share": saved_chars / max(1, expected_chars),
        "p50_ms": percentile([outcome.elapsed_ms for outcome in outcomes], 0.5),
        "p95_ms": percentile([outcome.elapsed_ms for outcome in outcomes], 0.95),
        "answers_sha256": hashlib.sha256(json.dumps([each.text for each in outcomes]).encode()).hexdigest(),
        "by_confidence": [_at(outcomes, threshold) for threshold in THRESHOLDS],
    }


def _at(outcomes: Sequence[Outcome], threshold: float) -> dict[str, float]:
    """Return the figures if only suggestions of at least this confidence were shown.

    Precision is the share of exact suggestions among those shown; recall is the share of all exact suggestions that
    would be shown.
    """
    shown = [outcome for outcome in outcomes if outcome.text is not None and outcome.confidence >= threshold]
    precision = sum(outcome.is_exact for outcome in shown) / len(shown) if shown else 0.0
    right = sum(outcome.is_exact for outcome in outcomes)
    recall = sum(outcome.is_exact for outcome in shown) / right if right else 0.0
    shares = {"shown_share": len(shown) / len(outcomes), "precision": precision, "recall": recall}
    return {"threshold": threshold, **shares}


async def compare(
    folder: Path, checkpoint: Path, *, count: int, seed: int, settings: Settings, comparison: str = "layouts"
) -> dict[str, Any]:
    """Return the summary of each variant over the same holes.

    Args:
        folder: The folder with the source files.
        checkpoint: The folder of the model.
        count: The number of holes.
        seed: Selects the holes.
        settings: The user's settings.
        comparison: ``layouts``: the prompt layouts; ``context``: with and without other files; ``nothing``: the model
            as it is, with automatic requests and no confidence threshold.

    Raises:
        ValueError: The folder has no source files.
    """
    paths = source_files(folder)
    if not paths:
        raise ValueError(f"{folder} has no source files of 1,000 characters or more; name another folder.")
    line_holes = holes(paths, count, seed)
    deadline_ms = max(settings.completion.deadline_ms, _DEADLINE_MS)
    completion = replace(settings.completion, temperature=0.0, candidates=1, deadline_ms=deadline_ms)
    settings = replace(settings, completion=completion)
    report = {}
    trigger = Trigger.AUTOMATIC if comparison == "nothing" else Trigger.INVOKED
    for name, changes, changed in _variants(comparison, settings):
        async with variant(changed, checkpoint, changes) as own:
            report[name] = summary(await run(own, line_holes, trigger))
    return report


def _variants(comparison: str, settings: Settings) -> Iterator[tuple[str, dict[str, Any], Settings]]:
    """Yield name, changes of ``infill.json`` and settings of each variant."""
    if comparison == "layouts":
        yield from ((name, changes, settings) for name, changes in LAYOUTS.items())
    elif comparison == "context":
        yield "other files", {}, settings
        yield "no other files", {}, replace(settings, context=WITHOUT_FILES)
    else:
        completion = replace(settings.completion, min_confidence=0.0, debounce_ms=0)
        yield "as shipped", {}, replace(settings, completion=completion)


def _print_thresholds(figures: dict[str, Any]) -> None:
    """Print precision and recall by confidence threshold."""
    print("\nconfidence  shown  precision  recall  right for each wrong")
    for row in figures["by_confidence"]:
        wrong = row["shown_share"] * (1 - row["precision"])
        ratio = f"{row['shown_share'] * row['precision'] / wrong:.2f}" if wrong else "–"
        shares = f"{row['shown_share']:5.2f}  {row['precision']:9.2f}  {row['recall']:6.2f}"
        print(f"{row['threshold']:10.2f}  {shares}  {ratio}")


def print_comparison(
    folder: Path, checkpoint: Path, *, count: int, seed: int, settings: Settings, comparison: str = "layouts"
) -> dict[str, Any]:
    """Compare the variants, print a table and return the report; see :func:`compare`."""
    report = asyncio.run(compare(folder, checkpoint, count=count, seed=seed, settings=settings, comparison=comparison))
    print("variant            exact  similar  parses  shown  saved   p50 ms   p95 ms")
    for name, figures in report.items():
        parses = "   –" if figures["parses_share"] is None else f"{figures['parses_share']:.2f}"
        times = f"{figures['p50_ms']:7.0f}  {figures['p95_ms']:7.0f}"
        shares = f"{figures['shown_share']:.2f}   {figures['saved_share']:.2f}"
        print(f"{name:18} {figures['exact_share']:.3f}    {figures['similarity']:.2f}    {parses}   {shares}  {times}")
    if comparison == "nothing":
        _print_thresholds(report["as shipped"])
    return report
