"""The rest of a line in projects that no model was trained on, by language, through the whole pipeline.

``python -m benchmarks.unseen --repositories FOLDER MODEL ...`` compares models in one run, over the same holes.  FOLDER
holds git directories named ``owner+name/repo`` of the projects below, which `training.corpus` never reads.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infill_completion.client.shutdown import end_engine
from infill_completion.settings import Settings
from infill_server.commands.bench.quality import LineHole, Outcome, holes, run, summary
from infill_server.commands.bench.source_files import source_files
from training.corpus import NewFiles, readable
from training.evaluate import wilson
from training.sources import is_test, repository_files

PROJECTS = {
    "python": ("psf/requests", "httpie/cli", "nvbn/thefuck"),
    "script": ("colinhacks/zod", "expressjs/express"),
    "go": ("gin-gonic/gin", "spf13/cobra"),
    "rust": ("BurntSushi/ripgrep", "sharkdp/fd"),
    "java": ("google/gson", "brettwooldridge/HikariCP"),
    "c": ("antirez/kilo", "DaveGamble/cJSON", "jqlang/jq"),
    "cpp": ("yhirose/cpp-httplib", "ninja-build/ninja"),
}
SUFFIXES = {
    "python": (".py",),
    "script": (".ts", ".tsx", ".js", ".mjs"),
    "go": (".go",),
    "rust": (".rs",),
    "java": (".java",),
    "c": (".c", ".h"),
    "cpp": (".cc", ".cpp", ".h"),
}
MIN_CHARS = 1_000
DEADLINE_MS = 20_000  # A busy machine must not change the answers.
SEED = 7


def _git_directory(repositories: Path, project: str) -> Path:
    return repositories / project.replace("/", "+") / "repo"


def _commit(repositories: Path, project: str) -> str:
    command = ["git", f"--git-dir={_git_directory(repositories, project)}", "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _write_files(repositories: Path, language: str, folder: Path) -> None:
    """Write the readable files of a language's projects, without tests and copies, to ``folder``."""
    new = NewFiles()
    for project in PROJECTS[language]:
        for name, data in repository_files(_git_directory(repositories, project), "HEAD"):
            text = readable(data) if name.endswith(SUFFIXES[language]) and not is_test(name) else None
            if text is not None and len(text) >= MIN_CHARS and new.add(text):
                path = folder / project.replace("/", "+") / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")


def line_holes(repositories: Path, language: str, count: int, folder: Path) -> list[LineHole]:
    """Write the files of a language to ``folder`` and return holes in them, always the same ones."""
    _write_files(repositories, language, folder)
    paths = source_files(folder)
    random.Random(SEED).shuffle(paths)
    return holes(paths, count, SEED)


def figures(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return the shares of a model's answers, with the 95 % interval of the exact ones."""
    hits = sum(outcome.is_exact for outcome in outcomes)
    whole = summary(outcomes)
    wanted = ("exact_share", "saved_share", "similarity", "shown_share", "p50_ms")
    return {"hits": hits, "interval": wilson(hits, len(outcomes)), **{name: whole[name] for name in wanted}}


async def compare(models: list[str], wanted: list[LineHole]) -> dict[str, dict[str, Any]]:
    """Return the figures of each model over the same holes, with requests on command."""
    settings = Settings()
    completion = replace(settings.completion, temperature=0.0, candidates=1, deadline_ms=DEADLINE_MS)
    report = {}
    for model in models:
        own = replace(settings, completion=completion, engine=replace(settings.engine, model=model, device="cpu"))
        try:
            report[model] = figures(await run(own, wanted))
        finally:
            await end_engine(own.engine)
    return report


def _print_row(language: str, found: dict[str, dict[str, Any]]) -> None:
    for model, row in found.items():
        low, high = row["interval"]
        shares = f"{row['exact_share']:6.1%}  {low:.1%} to {high:.1%}  saved {row['saved_share']:.1%}"
        print(f"{language:7} {model:30} {shares}")
    sys.stdout.flush()


def main() -> None:
    """Print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", help="`embedded` or folders")
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--languages", nargs="+", choices=PROJECTS, default=list(PROJECTS))
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report: dict[str, Any] = {"date": datetime.now(UTC).date().isoformat(), "count": options.count, "languages": {}}
    for language in options.languages:
        with tempfile.TemporaryDirectory() as name:
            wanted = line_holes(options.repositories, language, options.count, Path(name))
            found = asyncio.run(compare(options.models, wanted))
        commits = {project: _commit(options.repositories, project) for project in PROJECTS[language]}
        report["languages"][language] = {"projects": commits, "models": found}
        _print_row(language, found)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
