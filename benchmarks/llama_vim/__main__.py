"""Our plugin and server beside llama.vim and llama-server: the same weights, Neovim, texts and keys, in one run.

Run ``python -m benchmarks.llama_vim``.  It needs Linux on x86-64 with Debian's ``apt-get``, and ``pip install gguf
pynvim psutil``.  llama.vim, llama-server and Neovim 0.12 are downloaded from Debian's testing release, not installed.
The sides take turns, with a new editor for every run of the texts; figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.gguf import writer
from benchmarks.llama_vim import ours, probe, theirs, typed_keys
from benchmarks.llama_vim.runs import Figures, calm_run, warm
from benchmarks.llama_vim.side import Side

MANNERS = {
    "settled": "each key once all work for the previous one is done",
    "steady": f"{probe.KEYS_PER_S} keys a second",
    "busy": f"{probe.KEYS_PER_S} keys a second beside one busy process",
}
# Our sides, by their eagerness.
OURS = {"infill-ls": "auto", "high": "high"}
# The weights of each side of llama.vim, and whether it reads the text after the cursor first.
THEIRS = {"f16-last": ("f16", False), "f16": ("f16", True), "q8_0": ("q8_0", True)}
PACKAGES = ("neovim", "llama.cpp-tools", "vim-llama.cpp")


def fetch() -> None:
    """Download the programs that are compared, unless they are here already.

    Raises:
        SystemExit: A package or a program is not available.
    """
    if missing := [name for name in ("gguf", "pynvim", "psutil") if importlib.util.find_spec(name) is None]:
        raise SystemExit(f"Not installed: {', '.join(missing)}; run `pip install {' '.join(missing)}` first.")
    needed = (theirs.NVIM, theirs.LLAMA_SERVER, theirs.LLAMA_VIM)
    if not all(path.exists() for path in needed):
        script = Path(__file__).parents[2] / "scripts" / "newer.sh"
        subprocess.run([script, *PACKAGES], check=True)
    if not all(path.exists() for path in needed):
        raise SystemExit("Neovim, llama.vim and llama-server could not be fetched from Debian's testing release.")
    os.environ["NVIM_BIN"] = str(theirs.NVIM)


def measure(sides: Sequence[Side], rounds: int, manners: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row per side and manner of typing: the medians over the rounds, and every round."""
    from infill_completion.engine.bench.machine import busy_neighbours

    for side in sides:
        warm(side)
    found: dict[tuple[str, str], list[Figures]] = {}
    loads: dict[str, list[float]] = {}
    for round_number in range(rounds):
        for manner in manners:
            if manner == "busy" and round_number:  # a neighbour has more effect than chance, so one round is enough
                continue
            loads.setdefault(manner, []).append(round(os.getloadavg()[0], 2))
            with busy_neighbours(1 if manner == "busy" else 0):
                # The order rotates, so that no side always finds the machine as the same other side left it.
                for side in (*sides[round_number % len(sides) :], *sides[: round_number % len(sides)]):
                    figures = calm_run(side, manner)
                    found.setdefault((manner, side.name), []).append(figures)
                    print(round_number, manner, side.name, json.dumps(figures), file=sys.stderr, flush=True)
    return [
        {"manner": manner, "side": name, "load_before": loads[manner], **typed_keys.medians(runs), "runs": runs}
        for (manner, name), runs in found.items()
    ]


_ROWS = (
    ("ghost text before the next key", "visible", 100, "%"),
    ("in the redraw that shows the letter", "at_once", 100, "%"),
    ("within 50 ms of the key", "within_50_ms", 100, "%"),
    ("key to ghost text, median ms", "shown_p50_ms", 1, ""),
    ("key to ghost text, 90th percentile ms", "shown_p90_ms", 1, ""),
    ("where it was not shown at once: median ms", "fresh_p50_ms", 1, ""),
    ("the same, 90th percentile ms", "fresh_p90_ms", 1, ""),
    ("begins with the next word", "right", 100, "%"),
    ("correct characters shown per key", "right_chars", 1, ""),
    ("kept when its own letter is typed", "followed", 100, "%"),
    ("changed or vanished without a key", "turned", 100, "%"),
    ("requests per key", "requests_a_key", 1, ""),
    ("prompt tokens computed per key", "prompt_tokens_a_key", 1, ""),
    ("tokens generated per key", "answer_tokens_a_key", 1, ""),
    ("processor time per key, ms", "cpu_ms_a_key", 1, ""),
    ("cores used by other work", "others_cores", 1, ""),
)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return a Markdown table per manner of typing."""
    parts = []
    for manner, words in MANNERS.items():
        columns = [row for row in rows if row["manner"] == manner]
        if columns:
            parts += ["", f"| {words} | " + " | ".join(row["side"] for row in columns) + " |"]
            parts += ["| --- |" + " ---: |" * len(columns)]
            for title, name, factor, unit in _ROWS:
                values = [row[name] for row in columns]
                cells = ["–" if value is None else f"{factor * value:.3g}{unit}" for value in values]
                parts.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(parts)


def versions() -> dict[str, str]:
    """Return the versions of the downloaded programs."""
    nvim = subprocess.run([theirs.NVIM, "--version"], capture_output=True, text=True, check=True)
    server = subprocess.run(
        [theirs.LLAMA_SERVER, "--version"], capture_output=True, text=True, check=True,
        env={**os.environ, **theirs.PRELOADED},
    )  # fmt: skip
    log = theirs.ROOT / "share" / "doc" / "vim-llama.cpp" / "changelog.Debian.gz"
    return {
        "neovim": nvim.stdout.split("\n")[0].removeprefix("NVIM "),
        "llama-server": (server.stdout + server.stderr).split("\n")[0].removeprefix("version: "),
        "vim-llama.cpp": gzip.decompress(log.read_bytes()).decode().split("(")[1].split(")")[0],
    }


def main() -> None:
    """Measure, print tables, and write JSON if asked."""
    from infill_completion.engine.checkpoints.selection import find
    from infill_server.commands.bench.machine import machine

    parser = argparse.ArgumentParser(prog="python -m benchmarks.llama_vim", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--manners", default=",".join(MANNERS), help=f"of {', '.join(MANNERS)} (default: all)")
    parser.add_argument("--sides", default=",".join((*OURS, *THEIRS)), help="what to compare (default: all)")
    parser.add_argument("--note", default="", help="a remark to store with the figures")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    fetch()
    head = {"machine": machine(options.note), "versions": versions(), "server": theirs.SERVER_OPTIONS}
    with tempfile.TemporaryDirectory(prefix="infill-ls-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        sides: list[Side] = []
        for name in options.sides.split(","):
            if name in OURS:
                sides.append(stack.enter_context(ours.infill(folder / name, OURS[name])))
                continue
            kind, is_suffix_first = THEIRS[name]
            weights = folder / f"{kind}.gguf"
            writer.write(find("embedded"), weights, kind)
            side = theirs.llama_vim(folder / name, weights, is_suffix_first=is_suffix_first)
            sides.append(stack.enter_context(side))
        rows = measure(sides, options.rounds, options.manners.split(","))
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(head | {"rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
