"""``infill-ls models pull``: says what will be downloaded, asks where the licence calls for it, and downloads."""

from __future__ import annotations

import argparse
import os
import sys

from infill_completion.catalog import Licence, download_bytes, find, licence, quality
from infill_completion.catalog.small import SMALL, SMALL_ID
from infill_server.commands.engine_module import run_module
from infill_server.commands.models import plan
from infill_server.errors import UsageError


def pull(options: argparse.Namespace) -> int:
    """Download a model, with progress on standard error.

    Raises:
        UsageError: The name is not that of a model, or the licence was not agreed to.
    """
    name: str = options.model
    if name == "embedded":
        print("The embedded model is part of the package; there is nothing to download.", file=sys.stderr)  # noqa: T201
        return 0
    if name == "auto":
        raise UsageError("auto is not a model; name one, such as codellama/CodeLlama-7b-hf.")
    terms = licence(SMALL_ID if name == SMALL else name)
    if sys.stderr.isatty() and not os.environ.get("HF_HUB_OFFLINE"):
        for line in description(name, terms):
            print(line, file=sys.stderr)  # noqa: T201
    if terms is not None and terms.concern and not options.yes:
        _ask(name, terms)
    return run_module("checkpoints.pull", name)


def description(name: str, terms: Licence | None) -> list[str]:
    """Return what there is to know about a model before its download; empty for one that is not in the catalog."""
    model = find(name)
    size = None if model is None else download_bytes(model)
    if model is None or size is None:
        return []
    lines = [f"{name}: {terms.name if terms else 'unknown licence'}, about "
             f"{size / 1e9:.1f} GB to download."]  # fmt: skip
    if (figure := quality(model.id)) is not None:
        lines.append(f"It infills {figure.percent:.1f} % of single lines exactly ({figure.source}).")
    line_ms = plan()["lines_ms"].get(model.id)
    if line_ms is not None:
        lines.append(f"The rest of a line takes about {line_ms / 1000:.2f} s on this machine.")
    return lines


def _ask(name: str, terms: Licence) -> None:
    """Ask whether to download a model in spite of its licence.

    Raises:
        UsageError: The user does not want it, or cannot be asked.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"{name} has the {terms.name}, which {terms.concern}; run `infill-ls models pull {name} --yes` to download "
            "it anyway."
        )
    print(f"The {terms.name} {terms.concern}. Download {name}? [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UsageError("Nothing was downloaded.")
