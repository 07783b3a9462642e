"""The model card: data, recipe, loss curve and scores, assembled from the output of the other steps."""

from __future__ import annotations

import argparse
import json
from email.message import Message
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from training.corpus import DISTRIBUTIONS
from training.export import EMBEDDED

TEXT = """# infill-tiny: the embedded model

A CodeLlama-architecture model ({parameters:.1f}M parameters) that completes Python in the middle of a file. It exists so
that infill-ls works on a machine without a GPU, a hub or an account, and so that its tests use a real model. It does not
replace CodeLlama: it has seen {tokens:.0f} million tokens, CodeLlama more than half a trillion.

| | |
| --- | --- |
| architecture | `LlamaForCausalLM`: {layers} layers, hidden {hidden}, feed-forward {intermediate}, {heads} heads, RoPE base {rope:g} |
| vocabulary | {vocabulary} byte-fallback BPE pieces, laid out as CodeLlama's, with `▁<PRE> ▁<SUF> ▁<MID> ▁<EOT>` |
| weights | bf16 safetensors, {megabytes:.1f} MB |
| licence | Apache-2.0 |
| window | trained on {window} tokens |

## Data

The Python standard library and the installed packages below, all under permissive licences: {files:,} files,
{chars:.0f} million characters after deduplication. {held_out} more files, chosen by the hash of their text, were held out.

{packages}

## Recipe

{tokens:.0f} million tokens, 85 % of the rows infilling (half PSM, half SPM), with cuts at line starts, at word edges and
inside words. The first {begun:.0f} million were a separate run, whose learning rate fell to zero over the last two fifths; a second run
started from its weights at the full rate, which fell to zero in the same way.
{rows_text}
Muon for the matrices and AdamW for the rest; bf16 products, fp32 weights. Trained on two CPU cores by
`training/train.py`.

![Loss on training and held-out rows](loss.png)

Final loss on held-out rows: {loss:.3f} nats per token ({bits:.2f} bits per character).

## Scores

{count} holes in held-out files that the cache's weights were not fitted on. The cursor is at any character of a line after its
indentation ({in_word:.0%} inside a word); only the exact rest of that line counts. Greedy decoding.

| predictor | exact match | 95 % interval | cursor inside a word | elsewhere |
| --- | --- | --- | --- | --- |
{rows}

Both together, relative to the n-grams alone: {gain:+.0%}.

## Limits

* It knows Python, and of other languages only what is in the buffer.
* It writes what is likely, not what is right: check the names, arguments and numbers that it makes up.
* It can repeat short passages of the packages it was trained on; their licences ask for attribution if a substantial
  part is copied.
"""
LABELS = {"ngram": "n-grams of the buffer alone", "model": "the model alone", "both": "both together"}


def _curve(run: Path, target: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    lines = [json.loads(line) for line in (run / "loss.jsonl").read_text().splitlines()]
    millions = [line["tokens"] / 1e6 for line in lines]
    figure, axes = pyplot.subplots(figsize=(7, 3.2), dpi=110)
    axes.plot(millions, [line["train_loss"] for line in lines], label="training rows", linewidth=1)
    axes.plot(millions, [line["held_out_loss"] for line in lines], label="held-out rows", linewidth=1.6)
    axes.set_xlabel("million tokens")
    axes.set_ylabel("nats a token")
    axes.set_ylim(top=min(6.0, max(max(line["train_loss"], line["held_out_loss"]) for line in lines) + 0.05))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(target)


def _begun(lines: list[dict[str, Any]]) -> float:
    """Return the number of tokens that the weights had seen before the run of ``lines``."""
    first, second = lines[:2]
    a_step = (second["tokens"] - first["tokens"]) / (second["step"] - first["step"])
    return float(first["tokens"] - first["step"] * a_step)


def _rows_text(lines: list[dict[str, Any]]) -> str:
    """Return a sentence on the length of the rows and when it changed."""
    parts = [f"Rows of {lines[0]['length']:,} tokens"]
    for before, line in pairwise(lines):
        if line["length"] != before["length"]:
            parts.append(f"of {line['length']:,} after {before['tokens'] / 1e6:.0f} million")
    return ", ".join(parts) + "."


def _licences() -> str:
    rows = ["* Python standard library (PSF-2.0)"]
    for name in DISTRIBUTIONS:
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


def _score_row(key: str, score: dict[str, Any]) -> str:
    low, high = score["interval"]
    share = f"{score['exact']:.1%} | {low:.1%} to {high:.1%} | {score['in_word']:.1%} | {score['elsewhere']:.1%}"
    return f"| {LABELS[key]} | {share} |"


def write(run: Path, folder: Path) -> None:
    """Write ``MODEL_CARD.md`` and ``loss.png`` into ``folder``."""
    config = json.loads((folder / "config.json").read_text())
    scores = json.loads((run / "scores.json").read_text())
    corpus = json.loads((run / "corpus.json").read_text())
    lines = [json.loads(line) for line in (run / "loss.jsonl").read_text().splitlines()]
    last = lines[-1]
    weights = (folder / "model.safetensors").stat().st_size
    _curve(run, folder / "loss.png")
    rows = "\n".join(_score_row(key, scores["scores"][key]) for key in LABELS)
    card = TEXT.format(
        parameters=weights / 2e6, tokens=last["tokens"] / 1e6, layers=config["num_hidden_layers"],
        hidden=config["hidden_size"], intermediate=config["intermediate_size"], heads=config["num_attention_heads"],
        rope=config["rope_parameters"]["rope_theta"], vocabulary=config["vocab_size"], megabytes=weights / 1e6,
        window=last["length"], begun=_begun(lines) / 1e6, rows_text=_rows_text(lines), files=corpus["train_files"], chars=corpus["train_chars"] / 1e6, held_out=corpus["held_out_files"],
        packages=_licences(), loss=last["held_out_loss"],
        bits=last["held_out_loss"] / 0.6931 / scores["chars_per_token"], count=scores["count"],
        in_word=scores["in_word_share"], rows=rows,
        gain=scores["scores"]["both"]["exact"] / scores["scores"]["ngram"]["exact"] - 1,
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
