"""``infill-ls complete`` and ``infill-ls explain``: the path of a keystroke without an editor."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from infill_completion.api import EngineState, Health
from infill_completion.client.connect import engine_for
from infill_completion.document.lines import offset_at
from infill_completion.document.snapshot import SkipReason, Snapshot, Trigger
from infill_completion.document.workspace import NoDocuments
from infill_completion.languages.registry import language_id_of
from infill_completion.privacy.rules import path_of, repository_of
from infill_completion.settings import Settings, config_path, documentation, merge, read_config
from infill_completion.suggest.completer import Completer
from infill_server.cli import UsageError, is_number

T = TypeVar("T")
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


def snapshot_at(place: str) -> Snapshot:
    """Read ``FILE:LINE:COL``.

    Raises:
        UsageError: The file or the position does not exist, or the file is not text.
    """
    name, line, column = _parts(place)
    path = Path(name)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UsageError(f"{name} is no regular file; save what it gives to one.")  # a pipe may never end
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
    # Links are not followed: a rule may name the link or what it leads to, and both count.
    uri = Path(os.path.abspath(path)).as_uri()  # noqa: PTH100 it takes `..` away, unlike Path.absolute
    return Snapshot(uri, 0, language_id_of(name), text, offset, Trigger.INVOKED)


def _parts(place: str) -> tuple[str, int, int]:
    name, line, column = ([*place.rsplit(":", 2), "", ""])[:3]
    if not (name and is_number(line) and is_number(column) and int(line) > 0 and int(column) > 0):
        raise UsageError(f"The place is written FILE:LINE:COL, such as main.py:12:8, not {place!r}.")
    return name, int(line), int(column)


@dataclass(frozen=True)
class _Asked(Generic[T]):
    """What came back, and from where."""

    snapshot: Snapshot
    answer: T
    health: Health
    elapsed_ms: float

    def head(self) -> dict[str, Any]:
        """Return what both commands report about the engine."""
        return {"model": self.health.model, "device": self.health.device, "elapsed_ms": round(self.elapsed_ms, 1)}


def _ask(
    options: argparse.Namespace, candidates: int, question: Callable[[Completer, Snapshot], Awaitable[T]]
) -> _Asked[T]:
    snapshot = snapshot_at(options.place)
    settings, problems = merge(
        user_settings(options),
        {"completion.candidates": candidates, "completion.deadline_ms": HEADLESS_DEADLINE_MS},
        origin="command line",
    )
    if problems:
        raise UsageError(problems[0])
    return asyncio.run(_asked(settings, snapshot, question))


def _workspace_of(uri: str) -> tuple[Path, ...]:
    """Return what an editor would have open: the file's repository, or else the working directory if it lies there.

    With it the rules of ignore files and the setting's relative globs count as in an editor.
    """
    path, here = path_of(uri), Path.cwd()
    if path is None:
        return ()
    top = repository_of(path)
    if top is None and path.is_relative_to(here):
        top = here
    return () if top is None else (top,)


async def _asked(
    settings: Settings, snapshot: Snapshot, question: Callable[[Completer, Snapshot], Awaitable[T]]
) -> _Asked[T]:
    engine = engine_for(settings)
    try:
        await engine.start()
        health = await engine.wait_ready(LOAD_DEADLINE_S)
        if health.state is not EngineState.READY:
            raise UsageError(health.reason or "The engine is not available; run `infill-ls doctor`.")
        completer = Completer(engine, settings, NoDocuments(_workspace_of(snapshot.uri)))
        started = time.perf_counter()
        answer = await question(completer, snapshot)
        elapsed_ms = (time.perf_counter() - started) * 1000
        await completer.aclose()
        return _Asked(snapshot, answer, health, elapsed_ms)
    finally:
        await engine.aclose()


def complete(options: argparse.Namespace) -> int:
    """Print the suggestions at a place, best first; exit code 0 also where there is nothing to suggest.

    Raises:
        UsageError: The place, a setting or the model is not there, or the engine failed.
    """
    most = next(row.at_most for row in documentation() if row.key == "completion.candidates")
    if not 1 <= options.n <= (most or options.n):
        raise UsageError(f"-n takes a number from 1 to {most}, not {options.n}.")
    asked = _ask(options, options.n, Completer.complete)
    answer = asked.answer
    if answer.reason is SkipReason.ENGINE_FAILED:
        raise UsageError(str(answer.details.get("message") or "The engine failed; run `infill-ls doctor`."))
    if options.json:
        suggestions = [dataclasses.asdict(suggestion) for suggestion in answer.suggestions]
        reason = answer.reason.name.lower() if answer.reason else None
        where = {"place": options.place, "language_id": asked.snapshot.language_id}
        print(json.dumps(where | asked.head() | {"suggestions": suggestions, "reason": reason}))  # noqa: T201
        return 0
    for number, suggestion in enumerate(answer.suggestions):
        if number:
            print("---")  # noqa: T201
        print(suggestion.text)  # noqa: T201
    if not answer.suggestions:
        print(answer.reason.value if answer.reason else "No suggestion.", file=sys.stderr)  # noqa: T201
    return 0


def explain(options: argparse.Namespace) -> int:
    """Print everything behind the answer at a place.

    Raises:
        UsageError: As :func:`complete`.
    """
    asked = _ask(options, 1, Completer.explain)
    explanation = asked.answer
    if explanation.message is not None:
        raise UsageError(explanation.message)
    if options.json:
        print(json.dumps(asked.head() | explanation.to_json(), default=str))  # noqa: T201
        return 0
    print(f"{asked.health.model} on {asked.health.device}, {asked.elapsed_ms:.0f} ms")  # noqa: T201
    print(explanation.to_text())  # noqa: T201
    if "prompt" in explanation.engine:
        print("\nprompt as the model got it:")  # noqa: T201
        print(explanation.engine["prompt"])  # noqa: T201
    return 0
