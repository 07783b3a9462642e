"""The card of what the package teaches to the small model: ``python -m training.teaching.card --run FOLDER``.

FOLDER holds ``corpus.json`` of `training.corpus`, ``metrics.jsonl`` of `training.teaching.run` and ``unseen.json`` of
``python -m benchmarks.unseen small-untaught-files small-files``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from infill_completion.catalog.small import SMALL_FILE, SMALL_HUB, SMALL_ID
from infill_completion.catalog.taught import TAUGHT
from training.card import NAMES, licences, listed, shares
from training.corpus import DISTRIBUTIONS
from training.sources import sources

TEXT = """# What the small model is taught

The small model is {id}, a language model by Hugging Face (Apache-2.0, arXiv 2502.02737), in the
4 bits of `{file}` ({hub}). It continues text from left to right
and was not made for code. `small.safetensors` is what infill-ls teaches it, by `training/teaching/run.py`: a gain and
a shift for each 32 weights, and a gain for each number of its norms. They are applied while the file is loaded for the
CPU; the file stays as it is.

| | |
| --- | --- |
| learned | {tokens:.2f} million tokens in prompts as the engine makes them, the lines below as text above the cursor |
| size | {megabytes:.1f} MB, float16 |
| licence | Apache-2.0 |
| made on | {made_on} |

## Data

Samples were drawn from the Python standard library, installed packages and public repositories, all under permissive
licences: {files:,} files, {chars:.0f} million characters after deduplication. {held_out} more files, chosen by the hash
of their text, were held out. By language: {languages}.

{packages}

## Scores

Loss in nats for each missing token in held-out files, before and after, 16 places a language:

| | {heads} |
| --- | {rule} |
| before | {before} |
| after | {after} |

The rest of the line, exactly, in projects that it has not learned; the whole pipeline with the project open, one
candidate, temperature 0 (`python -m benchmarks.unseen small-untaught-files small-files`):

| language | projects | places | untaught | taught | 95 % interval |
| --- | --- | ---: | ---: | ---: | ---: |
{unseen}

## Limits

* It writes what is likely, not what is right: check the names, arguments and numbers that it makes up.
* It can repeat short passages of the code it was trained on; their licences ask for attribution if a substantial part
  is copied.
"""


def card(run: Path, made_on: str) -> str:
    """Return the card of a run."""
    corpus = json.loads((run / "corpus.json").read_text("utf-8"))
    unseen = json.loads((run / "unseen.json").read_text("utf-8"))
    events = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    began = next(each for each in events if each["event"] == "start")
    ended = [each for each in events if each["event"] == "end"][-1]  # of a run that was extended
    chars = corpus["chars_by_project"]
    packages = licences(name for name in DISTRIBUTIONS if name in chars)
    return TEXT.format(
        id=SMALL_ID, file=SMALL_FILE, hub=SMALL_HUB[0], tokens=ended["tokens"] / 1e6, made_on=made_on,
        megabytes=(TAUGHT / "small.safetensors").stat().st_size / 1e6,
        files=corpus["train_files"], chars=corpus["train_chars"] / 1e6, held_out=corpus["held_out_files"],
        languages=shares(corpus["chars_by_language"]),
        packages=f"{packages}\n{listed(source for source in sources() if source.name in chars)}",
        heads=" | ".join(NAMES.values()), rule=" | ".join("---:" for _ in NAMES),
        before=_losses(began), after=_losses(ended),
        unseen="\n".join(_row(language, found) for language, found in unseen["languages"].items()),
    )  # fmt: skip


def _losses(event: dict[str, Any]) -> str:
    return " | ".join(f"{event['held_out'][language]:.2f}" for language in NAMES)


def _row(language: str, found: dict[str, Any]) -> str:
    before, after = (found["models"][name] for name in ("small-untaught-files", "small-files"))
    low, high = after["interval"]
    projects = ", ".join(project.partition("/")[2] for project in found["projects"])
    return (
        f"| {NAMES[language]} | {projects} | {found['holes']} | {before['exact_share']:.1%} | "
        f"{after['exact_share']:.1%} | {low:.1%} to {high:.1%} |"
    )


def main() -> None:
    """Write the card beside the adapter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--made-on", required=True, help="processor and duration")
    options = parser.parse_args()
    (TAUGHT / "MODEL_CARD.md").write_text(card(options.run, options.made_on), encoding="utf-8")


if __name__ == "__main__":
    main()
