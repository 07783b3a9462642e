"""``infill-ls bench quality``: holes in real code, completed, and the figures of that."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from infill_server.commands.bench.machine import machine
from infill_server.commands.bench.quality.comparison import Typing, compare, print_report
from infill_server.commands.bench.quality.hole_file import write_holes
from infill_server.commands.bench.quality.selection import Selection, select
from infill_server.commands.bench.quality.variants import WITHOUT_FILES
from infill_server.commands.model_folder import model_folder
from infill_server.commands.user_settings import named_model, user_settings
from infill_server.errors import UsageError

TYPED_HOLES = 12
LONGEST_INTERVAL_MS = 10_000.0


def quality(options: argparse.Namespace) -> int:
    """Complete holes in real code with each variant of a model and print how often it was right.

    Raises:
        UsageError: There is nothing to cut holes into, the model is not on this machine, the engine cannot be started,
            or its answers do not come.
    """
    settings, typing = user_settings(options), _typing(options)
    if options.json:
        _check_writable(Path(options.json))
    # A model that is missing is named before anything is read.
    has_own = not (settings.engine.url or options.write_holes)
    checkpoint = model_folder(named_model(options) or "embedded") if has_own else None
    chosen = select(options, settings)
    if options.write_holes:
        write_holes(Path(options.write_holes), chosen.holes, chosen.folder)
        print(f"{len(chosen.holes)} holes written to {options.write_holes}: {_counts(chosen)}.")
        return 0
    if not chosen.has_files:
        if options.compare == "context":
            raise UsageError("The other files of that time are not there to be compared; leave out --compare context.")
        settings = replace(settings, context=WITHOUT_FILES)
    try:
        report = asyncio.run(
            compare(chosen.holes, checkpoint, settings=settings, comparison=options.compare, typing=typing)
        )
    except (ValueError, RuntimeError, OSError) as error:
        raise UsageError(str(error)) from error
    print_report(report)
    if options.json:
        _write(options, report, chosen)
    return 0


def _typing(options: argparse.Namespace) -> Typing:
    """Return how much is typed; by default a little, where only one variant is measured.

    Raises:
        UsageError: A number is out of range.
    """
    if options.typist is not None and options.typist < 0:
        raise UsageError("--typist takes a number of holes, 0 for none.")
    if not 1 <= options.interval_ms <= LONGEST_INTERVAL_MS:
        raise UsageError(f"--interval-ms takes a number from 1 to {LONGEST_INTERVAL_MS:.0f}.")
    holes = options.typist
    if holes is None:
        holes = TYPED_HOLES if options.compare == "nothing" else 0
    return Typing(holes, options.interval_ms)


def _check_writable(file: Path) -> None:
    """Verify, before hours of work, that figures can be written to ``file``.

    Raises:
        UsageError: They cannot.
    """
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise UsageError(f"{file} cannot be written; name a file in a folder that exists.")


def _counts(chosen: Selection) -> str:
    counts = Counter(hole.kind.value for hole in chosen.holes)
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _write(options: argparse.Namespace, report: dict[str, Any], chosen: Selection) -> None:
    """Write the figures, with what they are about.

    Raises:
        UsageError: The file cannot be written.
    """
    about = {
        "machine": machine(options.note), "seed": options.seed, "count": len(chosen.holes), "holes_of": chosen.origin,
    }  # fmt: skip
    try:
        Path(options.json).write_text(json.dumps(report | about, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{options.json} cannot be written ({error.strerror}); name another file.") from error
