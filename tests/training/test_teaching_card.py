"""The card of what the small model is taught says what the files of a run say."""

from __future__ import annotations

import json
from pathlib import Path

from infill_completion.catalog.taught import TAUGHT
from training.card import NAMES
from training.sources import sources
from training.teaching.card import card


def event(kind: str, tokens: int, loss: float) -> str:
    held_out = {language: loss + number / 100 for number, language in enumerate(NAMES)}
    return json.dumps({"event": kind, "s": 1.0, "step": 1, "tokens": tokens, "held_out": held_out})


def subject(hits: float, low: float, high: float) -> dict[str, object]:
    return {"exact_share": hits, "interval": [low, high]}


def write_run(run: Path) -> None:
    """Write what a run leaves that ended, was extended, and then judged."""
    project = next(iter(sources())).name
    corpus = {
        "train_files": 1234, "train_chars": 5_600_000, "held_out_files": 78,
        "chars_by_language": dict.fromkeys(NAMES, 10) | {"python": 40},
        "chars_by_project": {"click": 1, project: 2},
    }  # fmt: skip
    (run / "corpus.json").write_text(json.dumps(corpus), encoding="utf-8")
    metrics = [event("start", 0, 2.5), event("end", 1_000_000, 2.0), event("check", 2_000_000, 1.8)]
    (run / "metrics.jsonl").write_text("\n".join([*metrics, event("end", 2_500_000, 1.5)]) + "\n", encoding="utf-8")
    judged = {"small-untaught-files": subject(0.5, 0.4, 0.6), "small-files": subject(0.625, 0.52, 0.71)}
    languages = {"go": {"projects": {"spf13/cobra": "c0ffee"}, "holes": 80, "models": judged}}
    (run / "unseen.json").write_text(json.dumps({"languages": languages}), encoding="utf-8")


def test_the_card_says_what_a_run_left(tmp_path: Path) -> None:
    write_run(tmp_path)
    text = card(tmp_path, "two cores of a processor, in 3 hours")
    rows = {cells[0]: cells[1:] for line in text.splitlines() if (cells := line.strip("| ").split(" | "))[1:]}
    assert rows["learned"][0].startswith("2.50 million tokens ")
    assert rows["made on"] == ["two cores of a processor, in 3 hours"]
    assert rows["before"] == ["2.50", "2.51", "2.52", "2.53", "2.54", "2.55", "2.56"]
    assert rows["after"] == ["1.50", "1.51", "1.52", "1.53", "1.54", "1.55", "1.56"]
    assert rows["Go"] == ["cobra", "80", "50.0%", "62.5%", "52.0% to 71.0%"]
    assert "1,234 files, 6 million characters" in text
    assert "Python 40%" in text
    assert "78 more files" in text.replace("\n", " ")
    assert "* click " in text
    assert "* attrs " not in text  # which this corpus lacks


def test_the_card_of_the_package_names_its_licence_and_origin() -> None:
    text = (TAUGHT / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "SmolLM2-135M" in text
    assert "| licence | Apache-2.0 |" in text
    assert f"{(TAUGHT / 'small.safetensors').stat().st_size / 1e6:.1f} MB" in text
