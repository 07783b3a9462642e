"""Copy a trained checkpoint into the package: weights, config, tokenizer and the model's settings.

``infill.json`` holds what the engine needs beyond ``config.json``: the model's name, the layout of its prompts and the
weights of its n-gram cache.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

EMBEDDED = Path(__file__).parent.parent / "completion" / "infill_completion" / "embedded"
MAX_BYTES = 32_000_000


def export(run: Path, target: Path, settings: dict[str, Any]) -> None:
    """Copy the checkpoint of ``run`` to ``target``.

    Raises:
        ValueError: The weights are too large for the package.
    """
    size = (run / "model.safetensors").stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f"The weights take {size} bytes, but the package holds at most {MAX_BYTES}; train a smaller model."
        )
    target.mkdir(parents=True, exist_ok=True)
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        shutil.copyfile(run / name, target / name)
    known = target / "infill.json"
    kept = json.loads(known.read_text()) if known.exists() else {}
    known.write_text(json.dumps(kept | settings, indent=2) + "\n")


def joined(run: Path) -> None:
    """Join the parts ``weights.0``, ``weights.1`` … of a timed run to ``model.safetensors``."""
    parts = sorted(run.glob("weights.*"), key=lambda part: int(part.suffix[1:]))
    if parts:
        (run / "model.safetensors").write_bytes(b"".join(part.read_bytes() for part in parts))


def trained_tokens(run: Path) -> int:
    """Return how many tokens the newest checkpoint of a run has seen."""
    log = run / "metrics.jsonl"  # of `training.timed`
    if not log.exists():
        log = run / "loss.jsonl"
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return max(int(event["tokens"]) for event in events if event.get("event") != "corpus" and "tokens" in event)


def main() -> None:
    """Export the newest checkpoint of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("training/run"))
    parser.add_argument("--target", type=Path, default=EMBEDDED)
    options = parser.parse_args()
    joined(options.run)
    export(options.run, options.target, {"name": "infill-tiny", "trained_tokens": trained_tokens(options.run)})


if __name__ == "__main__":
    main()
