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


def main() -> None:
    """Export the newest checkpoint of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("training/run"))
    parser.add_argument("--target", type=Path, default=EMBEDDED)
    options = parser.parse_args()
    last = json.loads((options.run / "loss.jsonl").read_text().splitlines()[-1])
    export(options.run, options.target, {"name": "infill-tiny", "trained_tokens": last["tokens"]})


if __name__ == "__main__":
    main()
