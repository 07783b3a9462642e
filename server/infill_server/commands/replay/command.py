"""``infill-ls replay TRACE``: the same messages, and whether they still get the same suggestions."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from infill_server.commands.arguments import parse_assignment
from infill_server.commands.replay.player import Player, Replayed
from infill_server.commands.replay.report import as_json, as_text, is_equal
from infill_server.errors import UsageError
from infill_server.recording.trace_file import RecordedSession, TraceError, read


def replay(options: argparse.Namespace) -> int:
    """Replay ``options.trace`` and print the table; return 0 if all answers are the same, else 1.

    Raises:
        UsageError: The file is not a trace, or its model is not available.
    """
    path = Path(options.trace).absolute()
    try:
        trace = read(path)
    except TraceError as error:
        raise UsageError(str(error)) from error
    settings = dict(parse_assignment(text) for text in options.set)
    if options.model:
        settings["engine.model"] = options.model
    is_remote = trace.header["model"].get("is_remote")
    if is_remote and not options.recorded and "engine.url" not in settings:
        raise UsageError(
            "The session was recorded with a remote engine; add --set engine.url=URL, or --recorded to replay what the "
            "model said."
        )
    replayed = asyncio.run(_play(path, trace, settings, "recorded" if options.recorded else "model"))
    if options.json:
        print(json.dumps(as_json(trace, replayed)))  # noqa: T201
    else:
        print(*as_text(trace, replayed), sep="\n")  # noqa: T201
    return 0 if is_equal(replayed) else 1


async def _play(path: Path, trace: RecordedSession, settings: dict[str, Any], source: str) -> Replayed:
    return await Player(path, trace, settings, source).play()
