"""``infill-ls bench keystrokes``: a table for people, JSON for scripts."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
from pathlib import Path

from infill_server.commands.bench.chart import draw
from infill_server.commands.bench.keystrokes import replay
from infill_server.commands.bench.machine import machine
from infill_server.commands.bench.table import table
from infill_server.commands.user_settings import user_settings
from infill_server.errors import UsageError

ROWS = (
    ("keystrokes", "keys typed"),
    ("p50_ms", "answer, median ms"),
    ("p95_ms", "answer, 95th percentile ms"),
    ("p99_ms", "answer, 99th percentile ms"),
    ("answered", "answered before the next key"),
    ("cancelled", "overtaken by the next key"),
    ("with_suggestion", "answered with a suggestion"),
    ("accepted", "suggestions accepted"),
    ("saved_chars", "characters saved"),
    ("saved_share", "share of characters saved"),
    ("without_model_share", "share of keys answered without the model"),
    ("joined_share", "share answered by a running request"),
    ("unanswered", "requests without an answer"),
    ("requests_a_key", "requests to the engine per key"),
    ("processor_ms_a_key", "processor time of server and engine per key, ms"),
    ("reused_prompt_share", "share of prompt tokens from the KV cache"),
    ("append_only_reused_share", "the same when text is only appended"),
    ("recomputed_tokens_a_key", "prompt tokens computed per key"),
    ("engine_cancelled_share", "share of engine requests cancelled"),
    ("overhead_p50_ms", "server overhead on 1 MB, median ms"),
    ("overhead_p95_ms", "server overhead on 1 MB, 95th percentile ms"),
)


def keystrokes(options: argparse.Namespace) -> int:
    """Replay typing and print the figures.

    Raises:
        UsageError: The folder has no source files, or a setting is invalid.
    """
    folder = _folder(options.folder)
    settings = dataclasses.asdict(user_settings(options))
    try:
        report = asyncio.run(
            replay(
                folder, files=options.files, chars=options.chars, interval_ms=options.interval_ms,
                seed=options.seed, settings=settings,
            )
        )  # fmt: skip
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error
    summary = report.summary() | {"machine": machine(options.note)}
    print(table(summary, ROWS))
    if options.chart:
        draw(report, Path(options.chart))
    if options.json:
        Path(options.json).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return 0


def _folder(name: str) -> Path:
    folder = Path(name)
    if not folder.exists():
        raise UsageError(f"Folder not found: {folder}; name one with source files.")
    return folder.resolve()
