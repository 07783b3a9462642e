"""A request to the completer without an editor, for ``infill-ls complete`` and ``infill-ls explain``."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from infill_completion.api import EngineState, Health
from infill_completion.client.connect import engine_for
from infill_completion.document.lines import offset_at
from infill_completion.document.snapshot import Snapshot, Trigger
from infill_completion.document.workspace import NoDocuments
from infill_completion.languages.registry import language_id_of
from infill_completion.privacy.git.repository import repository_of
from infill_completion.privacy.rules import path_of
from infill_completion.settings import Settings, merge
from infill_completion.suggest.completer import Completer
from infill_server.commands.arguments import parse_location
from infill_server.commands.user_settings import user_settings
from infill_server.errors import UsageError
from infill_server.learning.adapters import with_learned

T = TypeVar("T")
LOAD_DEADLINE_S = 600.0
HEADLESS_DEADLINE_MS = 10_000


@dataclass(frozen=True)
class HeadlessResult(Generic[T]):
    """The completer's answer, and the engine that produced it."""

    snapshot: Snapshot
    answer: T
    health: Health
    elapsed_ms: float

    def engine_fields(self) -> dict[str, Any]:
        """Return the fields about the engine that both commands report."""
        return {"model": self.health.model, "device": self.health.device, "elapsed_ms": round(self.elapsed_ms, 1)}


def ask(
    options: argparse.Namespace, candidates: int, request: Callable[[Completer, Snapshot], Awaitable[T]]
) -> HeadlessResult[T]:
    """Start or find the engine and make one request at the location in ``options``.

    Args:
        options: ``place`` (``FILE:LINE:COL``), ``model`` and ``set`` of the command line.
        candidates: The number of suggestions to ask for.
        request: The request, such as `Completer.complete`.

    Raises:
        UsageError: The location, a setting or the model does not exist, or the engine failed.
    """
    snapshot = snapshot_at(options.place)
    settings, problems = merge(
        user_settings(options),
        {"completion.candidates": candidates, "completion.deadline_ms": HEADLESS_DEADLINE_MS},
        origin="command line",
    )
    if problems:
        raise UsageError(problems[0])
    return asyncio.run(_ask(settings, snapshot, request))


async def _ask(
    settings: Settings, snapshot: Snapshot, request: Callable[[Completer, Snapshot], Awaitable[T]]
) -> HeadlessResult[T]:
    workspace = workspace_of(snapshot.uri)
    settings = with_learned(settings, workspace)
    engine = engine_for(settings)
    try:
        await engine.start()
        health = await engine.wait_ready(LOAD_DEADLINE_S)
        if health.state is not EngineState.READY:
            raise UsageError(health.reason or "The engine is not available; run `infill-ls doctor`.")
        completer = Completer(engine, settings, NoDocuments(workspace))
        started = time.perf_counter()
        answer = await request(completer, snapshot)
        elapsed_ms = (time.perf_counter() - started) * 1000
        await completer.aclose()
        return HeadlessResult(snapshot, answer, health, elapsed_ms)
    finally:
        await engine.aclose()


def snapshot_at(location: str) -> Snapshot:
    """Read the file of ``FILE:LINE:COL`` and return it with the cursor there.

    Raises:
        UsageError: The file or the position does not exist, or the file is not text.
    """
    name, line, column = parse_location(location)
    text = _read_text(name)
    try:
        offset = offset_at(text, line - 1, column - 1)
    except ValueError as error:
        raise UsageError(f"{name} has no position {line}:{column} ({error}); lines and columns count from 1.") from None
    # Links are not followed: an ignore rule may name the link or its target, and both count.
    uri = Path(os.path.abspath(name)).as_uri()  # noqa: PTH100 it removes `..`, unlike Path.absolute
    return Snapshot(uri, 0, language_id_of(name), text, offset, Trigger.INVOKED)


def _read_text(name: str) -> str:
    path = Path(name)
    if path.exists() and not (path.is_file() or path.is_dir()):  # reading a pipe may never end
        raise UsageError(f"{name} is not a regular file; save its contents to one.")
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise UsageError(f"File not found: {name}; check the path.") from None
    except IsADirectoryError:
        raise UsageError(f"{name} is a folder; name a file in it.") from None
    except OSError as error:
        raise UsageError(f"{name} cannot be read ({error.strerror}); check its permissions.") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(f"{name} is not UTF-8 text; only text can be completed.")
    return text


def workspace_of(uri: str) -> tuple[Path, ...]:
    """Return the folder an editor would have open: the file's repository, or the working directory if it contains it.

    Ignore files and the relative globs of the settings then apply as they do in an editor.
    """
    path, here = path_of(uri), Path.cwd()
    if path is None:
        return ()
    top = repository_of(path)
    if top is None and path.is_relative_to(here):
        top = here
    return () if top is None else (top,)
