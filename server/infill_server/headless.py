"""``infill-ls complete`` and ``infill-ls explain``: the path of a keystroke without an editor."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

from infill_completion.api import EngineState, Health
from infill_completion.completer import Completer
from infill_completion.languages import language_of
from infill_completion.launch import engine_for
from infill_completion.lines import offset_at
from infill_completion.settings import Settings, config_path, merge, read_config
from infill_completion.snapshot import Answer, Snapshot, Trigger
from infill_server.cli import UsageError

LOAD_DEADLINE_S = 600.0
HEADLESS_DEADLINE_MS = 10_000


def user_settings(options: argparse.Namespace) -> Settings:
    """Return the settings of the user's file with the command line's own on top.

    Raises:
        UsageError: A setting on the command line is not understood.
    """
    table, problems = read_config(config_path())
    settings, found = merge(Settings(), table, origin=str(config_path()))
    for problem in problems + found:
        print(f"infill-ls: {problem}", file=sys.stderr)  # noqa: T201
    written = dict(_assignment(text) for text in options.set)
    if options.model:
        written["engine.model"] = options.model
    settings, problems = merge(settings, written, origin="command line")
    if problems:
        raise UsageError(problems[0])
    return settings


def _assignment(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set takes KEY=VALUE, such as completion.max_tokens=64, not {text!r}.")
    try:
        return key.removeprefix("infill."), json.loads(value)
    except json.JSONDecodeError:
        return key.removeprefix("infill."), value  # a bare word is a string


def settings_json(settings: Settings) -> str:
    """Return the engine's settings as the JSON that ``infill_completion.engine serve --settings`` takes."""
    return json.dumps(dataclasses.asdict(settings.engine))


def snapshot_at(place: str) -> Snapshot:
    """Read ``FILE:LINE:COL``.

    Raises:
        UsageError: The file or the position does not exist, or the file is not text.
    """
    name, line, column = _parts(place)
    path = Path(name)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"There is no file {name}; check the path.") from None
    except IsADirectoryError:
        raise UsageError(f"{name} is a folder; name a file in it.") from None
    except OSError as error:
        raise UsageError(f"{name} cannot be read ({error.strerror}); check its permissions.") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(f"{name} is not UTF-8 text; only text can be completed.")
    try:
        offset = offset_at(text, line - 1, column - 1)
    except ValueError as error:
        raise UsageError(f"{name} has no position {line}:{column} ({error}); lines and columns count from 1.") from None
    return Snapshot(path.resolve().as_uri(), 0, language_of(name), text, offset, Trigger.INVOKED)


def _parts(place: str) -> tuple[str, int, int]:
    name, line, column = ([*place.rsplit(":", 2), "", ""])[:3]
    if not (name and line.isdigit() and column.isdigit() and int(line) > 0 and int(column) > 0):
        raise UsageError(f"The place is written FILE:LINE:COL, such as main.py:12:8, not {place!r}.")
    return name, int(line), int(column)


async def _asked(settings: Settings, snapshot: Snapshot) -> tuple[Answer, Health, float]:
    engine = engine_for(settings)
    try:
        await engine.start()
        health = await engine.wait_ready(LOAD_DEADLINE_S)
        if health.state is not EngineState.READY:
            raise UsageError(health.reason or "The engine is not available; run `infill-ls doctor`.")
        started = time.perf_counter()
        answer = await Completer(engine, settings).complete(snapshot)
        return answer, health, (time.perf_counter() - started) * 1000
    finally:
        await engine.aclose()


def _ask(options: argparse.Namespace, candidates: int) -> tuple[Snapshot, Answer, Health, float]:
    snapshot = snapshot_at(options.place)
    settings, problems = merge(
        user_settings(options),
        {"completion.candidates": candidates, "completion.deadline_ms": HEADLESS_DEADLINE_MS},
        origin="command line",
    )
    if problems:
        raise UsageError(problems[0])
    return snapshot, *asyncio.run(_asked(settings, snapshot))


def complete(options: argparse.Namespace) -> int:
    """Print the suggestions at a place, best first; exit code 0 also where there is nothing to suggest."""
    snapshot, answer, health, elapsed_ms = _ask(options, options.n)
    if options.json:
        suggestions = [dataclasses.asdict(suggestion) for suggestion in answer.suggestions]
        reason = answer.reason.name.lower() if answer.reason else None
        print(  # noqa: T201
            json.dumps(
                {
                    "place": options.place,
                    "language_id": snapshot.language_id,
                    "model": health.model,
                    "device": health.device,
                    "suggestions": suggestions,
                    "reason": reason,
                    "elapsed_ms": round(elapsed_ms, 1),
                }
            )
        )
        return 0
    for number, suggestion in enumerate(answer.suggestions):
        if number:
            print("---")  # noqa: T201
        print(suggestion.text)  # noqa: T201
    if not answer.suggestions:
        print(answer.reason.value if answer.reason else "No suggestion.", file=sys.stderr)  # noqa: T201
    return 0


def explain(options: argparse.Namespace) -> int:
    """Print everything behind the answer at a place."""
    _snapshot, answer, health, elapsed_ms = _ask(options, 1)
    report = {"model": health.model, "device": health.device, "elapsed_ms": round(elapsed_ms, 1)} | answer.details
    if options.json:
        print(json.dumps(report, default=str))  # noqa: T201
        return 0
    for key, value in report.items():
        print(f"{key}: {json.dumps(value, indent=2, ensure_ascii=False, default=str)}")  # noqa: T201
    return 0
