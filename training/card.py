"""The model card: data, recipe, loss curve and scores, assembled from the output of the other steps."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from training.corpus import DISTRIBUTIONS
from training.export import EMBEDDED
from training.sources import Source, sources

TEXT = """# infill-tiny: the embedded model

A CodeLlama-architecture model ({parameters:.1f}M parameters) that completes Python, JavaScript and TypeScript, Go, Rust, Java,
C and C++ in the middle of a file. It exists so that infill-ls works on a machine without a GPU, a hub or an account, and so
that its tests use a real model. It does not replace CodeLlama: it has seen {tokens:.0f} million tokens, CodeLlama more than half a
trillion.

| | |
| --- | --- |
| architecture | `LlamaForCausalLM`: {layers} layers, hidden {hidden}, feed-forward {intermediate}, {heads} heads, RoPE base {rope:g} |
| vocabulary | {vocabulary} byte-fallback BPE pieces, laid out as CodeLlama's, with `▁<PRE> ▁<SUF> ▁<MID> ▁<EOT>` |
| weights | bf16 safetensors, {megabytes:.1f} MB |
| licence | Apache-2.0 |
| window | trained on {window} tokens |

## Data

The Python standard library, the installed packages, the public repositories and the wheels below, all under permissive
licences: {files:,} files, {chars:.0f} million characters after deduplication. {held_out} more files, chosen by the hash of
their text, were held out. Half of the tests are there; vendored copies and generated files are not. By language:
{languages}.

{packages}

## Recipe

{tokens:.0f} million tokens, 88 % of the samples infilling (40 % of them PSM, the others SPM), half of the middles ending where
the syntax does. Rows of {window:,} tokens. Muon for the matrices and AdamW for the rest, with a rate that falls to zero over
the last 70 % of the time. Trained in {minutes:.1f} minutes on one {device} by `training/timed.py`, at
{speed:.1f} million tokens a second.

![Loss on training and held-out rows](loss.png)

Final loss on held-out rows in nats per token:
{losses}.

## Scores

The rest of the line, exactly, at {unseen_count} places a language in projects that are not in the corpus; the whole
pipeline as an editor uses it, one candidate, temperature 0 (`python -m benchmarks.unseen`):

| language | projects | exact | 95 % interval | characters saved |
| --- | --- | ---: | --- | ---: |
{unseen}

## Limits

* It knows the languages above, and of others only what is in the buffer.
* It writes what is likely, not what is right: check the names, arguments and numbers that it makes up.
* It can repeat short passages of the code it was trained on; their licences ask for attribution if a substantial
  part is copied.
"""
NAMES = {
    "python": "Python", "script": "JavaScript and TypeScript", "go": "Go", "rust": "Rust", "java": "Java", "c": "C",
    "cpp": "C++",
}  # fmt: skip


def _events(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def _of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def _curve(events: list[dict[str, Any]], target: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    steps, exports = _of(events, "step"), _of(events, "exported")
    figure, axes = pyplot.subplots(figsize=(7, 3.2), dpi=110)
    axes.plot([step["tokens"] / 1e6 for step in steps], [step["loss"] for step in steps], label="training rows")
    for language, name in NAMES.items():
        losses = [export["held_out"][language] for export in exports]
        axes.plot(
            [export["tokens"] / 1e6 for export in exports], losses, "o--", markersize=3, linewidth=0.8, label=name
        )
    axes.set_xlabel("million tokens")
    axes.set_ylabel("nats a token")
    axes.set_ylim(top=3.0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2)
    figure.tight_layout()
    figure.savefig(target)


def licences(names: Iterable[str] = DISTRIBUTIONS) -> str:
    """Return a list of the standard library and of installed distributions, with versions and licences."""
    rows = ["* Python standard library (PSF-2.0)"]
    for name in names:
        try:
            found = cast(Message, metadata.metadata(name))
        except metadata.PackageNotFoundError:
            continue
        classifiers = [c.split(" :: ")[-1] for c in found.get_all("Classifier") or [] if c.startswith("License")]
        licence = (
            found.get("License-Expression") or ", ".join(classifiers) or (found.get("License") or "").split("\n")[0]
        )
        rows.append(f"* {name} {found['Version']} ({licence[:60] or 'see its licence file'})")
    return "\n".join(rows)


def listed(chosen: Iterable[Source]) -> str:
    """Return a list of projects, with commits or versions and licences."""
    return "\n".join(f"* {source.name} {source.version[:12]} ({source.licence})" for source in chosen)


def _unseen_row(language: str, found: dict[str, Any]) -> str:
    (figures,) = found["models"].values()
    low, high = figures["interval"]
    projects = ", ".join(project.partition("/")[2] for project in found["projects"])
    share = f"{figures['exact_share']:.1%} | {low:.1%} to {high:.1%} | {figures['saved_share']:.1%}"
    return f"| {NAMES[language]} | {projects} | {share} |"


def shares(chars: dict[str, int]) -> str:
    """Return which share of the characters each language has, in words."""
    whole = sum(chars.values())
    return ", ".join(f"{NAMES[language]} {chars[language] / whole:.0%}" for language in NAMES)


def write(run: Path, folder: Path) -> None:
    """Write ``MODEL_CARD.md`` and ``loss.png`` into ``folder``."""
    config = json.loads((folder / "config.json").read_text())
    unseen = json.loads((run / "unseen.json").read_text())
    corpus = json.loads((run / "corpus.json").read_text())
    events = _events(run)
    last = _of(events, "exported")[-1]
    (device,), steps = _of(events, "device"), _of(events, "step")
    weights = (folder / "model.safetensors").stat().st_size
    _curve(events, folder / "loss.png")
    rows = "\n".join(_unseen_row(language, found) for language, found in unseen["languages"].items())
    card = TEXT.format(
        parameters=_of(events, "training")[0]["parameters"] / 1e6, tokens=last["tokens"] / 1e6,
        layers=config["num_hidden_layers"], hidden=config["hidden_size"], intermediate=config["intermediate_size"],
        heads=config["num_attention_heads"], rope=config["rope_parameters"]["rope_theta"],
        vocabulary=config["vocab_size"], megabytes=weights / 1e6, window=config["max_position_embeddings"],
        files=corpus["train_files"], chars=corpus["train_chars"] / 1e6, held_out=corpus["held_out_files"],
        languages=shares(corpus["chars_by_language"]), packages=f"{licences()}\n{listed(sources())}",
        minutes=(last["s"] - _of(events, "training")[0]["s"]) / 60, device=device["name"],
        speed=max(step["tokens_per_s"] for step in steps) / 1e6,
        losses=", ".join(f"{NAMES[language]} {last['held_out'][language]:.2f}" for language in NAMES),
        unseen_count=unseen["count"], unseen=rows,
    )  # fmt: skip
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")


def main() -> None:
    """Write the card of the embedded model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("training/run"))
    parser.add_argument("--folder", type=Path, default=EMBEDDED)
    options = parser.parse_args()
    write(options.run, options.folder)


if __name__ == "__main__":
    main()
