"""``infill-ls bench keystrokes``: the replay of typing, as a table for people and JSON for scripts."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

from infill_server.bench.keystrokes import replay
from infill_server.cli import UsageError
from infill_server.headless import user_settings

_ROWS = (
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
    ("reused_prompt_share", "share of prompt tokens from the KV cache"),
)


def keystrokes(options: argparse.Namespace) -> int:
    """Replay typing and print what it cost.

    Raises:
        UsageError: The folder has nothing to type, or a setting is not understood.
    """
    folder = Path(options.folder)
    if not folder.exists():
        raise UsageError(f"There is no folder {folder}; name one with source files.")
    settings = dataclasses.asdict(user_settings(options))
    try:
        report = asyncio.run(
            replay(
                folder.resolve(), files=options.files, chars=options.chars, interval_ms=options.interval_ms,
                seed=options.seed, settings=settings,
            )
        )  # fmt: skip
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error
    summary = report.summary()
    print(table(summary))
    if options.json:
        Path(options.json).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return 0


def table(summary: dict[str, Any]) -> str:
    """Return the figures of :meth:`infill_server.bench.keystrokes.Report.summary`, one a line."""
    return "\n".join(f"{words:<42}{summary[key]:>10}" for key, words in _ROWS)
