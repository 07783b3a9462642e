"""``python -m benchmarks.unseen --repositories FOLDER ROW ...``: models and parts of the pipeline, in one run.

FOLDER holds git directories named ``owner+name/repo`` of the projects in `benchmarks.unseen.projects`, which
`training.corpus` never reads.  A row is one of `benchmarks.unseen.rows`, or a model's folder or file; ``--server NAME
COMMAND`` adds one that a language server answers over stdio.  All rows get the same holes, with requests on command.
With ``--journal`` a run that was interrupted goes on where it was, and ``--report`` prints what is finished.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.unseen.answerers import Answerer, Pipeline
from benchmarks.unseen.journal import Journal
from benchmarks.unseen.projects import PROJECTS, SEED, commit_of, line_holes
from benchmarks.unseen.rows import DEFAULT_ROWS, EMBEDDED, LocalModels, row_of
from benchmarks.unseen.servers import DEADLINE_MS, ServerAnswers
from benchmarks.unseen.table import figures, markdown
from infill_completion.settings import Settings
from infill_server.commands.bench.machine import machine
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind
from infill_server.commands.bench.quality.run import verify
from infill_server.errors import UsageError


def settings() -> Settings:
    """Return the settings of all rows: those that users have, but one candidate, without chance or deadline."""
    own = Settings()
    completion = replace(own.completion, temperature=0.0, candidates=1, deadline_ms=DEADLINE_MS)
    return replace(own, completion=completion, engine=replace(own.engine, device="cpu"))


async def measure(
    answerers: Mapping[str, Answerer], language: str, holes: list[CodeHole], journal: Journal, folder: Path
) -> None:
    """Complete the holes that are missing in the journal, each with all rows, which then share its prompt.

    Raises:
        MeasurementError: An engine or a server failed.
    """
    for number, hole in enumerate(holes):
        for name, answerer in answerers.items():
            if not journal.has(name, language, number):
                journal.add(name, language, number, await answerer.answer(hole, number, folder))


def finished(rows: list[str], language: str, holes: list[CodeHole], journal: Journal) -> dict[str, Any]:
    """Return the figures of the rows that are finished in a language.

    Raises:
        MeasurementError: A row has no answers.
    """
    outcomes = {name: found for name in rows if (found := journal.outcomes(name, language, holes)) is not None}
    for found in outcomes.values():
        verify(found)
    reference = outcomes.get(EMBEDDED)
    return {name: figures(found, reference) for name, found in outcomes.items()}


async def main_loop(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, or only report what the journal has, and return the report."""
    own, kind, servers = settings(), HoleKind(options.kind), dict(options.server)
    rows = [*(options.rows or ([] if servers else DEFAULT_ROWS)), *servers]
    journal = Journal(options.journal, {"code": _revision(), "seed": SEED, "count": options.count, "kind": kind.value})
    models = LocalModels(own.engine)
    answerers: dict[str, Answerer] = {}
    for name in () if options.report else rows:
        if name in servers:
            answerers[name] = ServerAnswers(servers[name])
        else:
            row = row_of(name)
            answerers[name] = Pipeline(await models.engine(row), own, has_files=row.has_files)
        journal.begin(name, answerers[name].subject)
    report: dict[str, Any] = {
        "machine": machine(options.note), "count": options.count, "seed": SEED, "kind": kind.value,
        "code": _revision(), "subjects": journal.subjects, "languages": {},
    }  # fmt: skip
    report["date"] = report["machine"]["date"]
    for language in options.languages:
        with tempfile.TemporaryDirectory() as folder:
            holes = line_holes(options.repositories, language, options.count, Path(folder), kind)
            try:
                await measure(answerers, language, holes, journal, Path(folder))
            finally:
                for answerer in answerers.values():
                    await answerer.aclose()
            found = finished(rows, language, holes, journal)
        commits = {project: commit_of(options.repositories, project) for project in PROJECTS[language]}
        if found:
            report["languages"][language] = {"projects": commits, "holes": len(holes), "models": found}
            _write(report, options.json)
    return report


def _write(report: dict[str, Any], file: Path | None) -> None:
    if file is not None:
        file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _revision() -> str:
    """Return the commit of this working tree; ``+`` marks changes that are not committed."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main() -> None:
    """Print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"rows or models (default: {' '.join(DEFAULT_ROWS)})")
    help_of_server = "a row that the language server COMMAND answers over stdio"
    parser.add_argument(
        "--server", nargs=2, action="append", default=[], metavar=("NAME", "COMMAND"), help=help_of_server
    )
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--languages", nargs="+", choices=PROJECTS, default=list(PROJECTS))
    parser.add_argument("--count", type=int, default=400, help="holes a language")
    parser.add_argument("--kind", choices=[kind.value for kind in HoleKind], default=HoleKind.REST.value)
    parser.add_argument("--journal", type=Path, help="where outcomes are kept as they come")
    parser.add_argument("--report", action="store_true", help="only print what the journal has")
    parser.add_argument("--note", default="")
    parser.add_argument("--json", type=Path)
    try:
        print(markdown(asyncio.run(main_loop(parser.parse_args()))))
    except UsageError as error:
        sys.exit(f"benchmarks.unseen: {error}")


if __name__ == "__main__":
    main()
