"""``infill-ls bench quality``: which holes, which model, and where the figures go."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from infill_completion.privacy.rules import Privacy
from infill_completion.settings import Settings
from infill_server.commands.bench.machine import machine
from infill_server.commands.bench.quality.comparison import compare, print_report
from infill_server.commands.bench.quality.cutting import HoleSource, holes, read_sources
from infill_server.commands.bench.quality.hole import Hole, HoleKind
from infill_server.commands.bench.source_files import source_files
from infill_server.commands.model_folder import model_folder
from infill_server.commands.user_settings import user_settings
from infill_server.errors import UsageError


def quality(options: argparse.Namespace) -> int:
    """Complete holes in real code with each variant of a model and print how often it was right.

    Raises:
        UsageError: There is nothing to cut holes into, the model is not on this machine, the engine cannot be started,
            or its answers do not come.
    """
    settings = user_settings(options)
    wanted = _holes(options, settings)
    checkpoint = None if settings.engine.url else model_folder(options.model or "embedded")
    try:
        report = asyncio.run(compare(wanted, checkpoint, settings=settings, comparison=options.compare))
    except (ValueError, RuntimeError, OSError) as error:
        raise UsageError(str(error)) from error
    print_report(report)
    if options.json:
        _write(options, report, wanted)
    return 0


def _write(options: argparse.Namespace, report: dict[str, Any], wanted: list[Hole]) -> None:
    """Write the figures, with what they are about.

    Raises:
        UsageError: The file cannot be written.
    """
    about = {"machine": machine(options.note), "seed": options.seed, "count": len(wanted), "kinds": options.kinds}
    try:
        Path(options.json).write_text(json.dumps(report | about, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{options.json} cannot be written ({error.strerror}); name another file.") from error


def _holes(options: argparse.Namespace, settings: Settings) -> list[Hole]:
    kinds = _kinds(options.kinds)
    sources = _sources(Path(options.folder), settings)
    return [hole for kind in kinds for hole in holes(sources, options.count, options.seed, kind)]


def _kinds(text: str) -> list[HoleKind]:
    """Return the kinds of a list such as ``rest,block``.

    Raises:
        UsageError: A name is unknown.
    """
    names = dict.fromkeys(name.strip() for name in text.split(","))
    known = [kind.value for kind in HoleKind]
    if not set(known).issuperset(names):
        raise UsageError(f"--kinds takes {', '.join(known)}, with commas between them, not {text!r}.")
    return [HoleKind(name) for name in names]


def _sources(folder: Path, settings: Settings) -> list[HoleSource]:
    """Return the source files of a folder that are not private.

    Raises:
        UsageError: There are none.
    """
    if not folder.exists():
        raise UsageError(f"Folder not found: {folder}; name one with source files.")
    folder = folder.resolve()
    privacy, roots = Privacy(settings.privacy.ignore), (folder if folder.is_dir() else folder.parent,)
    paths = [path for path in source_files(folder) if privacy.rule_for(path.as_uri(), roots) is None]
    sources = read_sources(paths)
    if not sources:
        raise UsageError(f"{folder} has no source files of 1,000 characters or more; name another folder.")
    return sources
