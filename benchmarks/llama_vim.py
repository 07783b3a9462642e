"""Our plugin and server beside llama.vim and llama-server: the same weights, Neovim, texts and keys, in one run.

Run ``python -m benchmarks.llama_vim``; needs Linux on x86-64 with Debian's ``apt-get`` (llama.vim, llama-server and
Neovim 0.12 are fetched from Debian's testing release, nothing is installed) and ``pip install gguf pynvim psutil``.
The sides take turns, each with a new editor for each run of the texts; figures are medians over the rounds.
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
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import gguf_file, llama_vim_probe, llama_vim_sides, llama_vim_theirs, typed_keys
from benchmarks.drivers.neovim import Neovim
from benchmarks.llama_vim_sides import Side
from benchmarks.llama_vim_texts import TEXTS, WARM_UP, Text
from benchmarks.typed_keys import Key

MANNERS = {
    "settled": "each key when all is done for the one before",
    "steady": f"{llama_vim_probe.KEYS_PER_S} keys a second",
    "busy": f"{llama_vim_probe.KEYS_PER_S} keys a second beside one busy process",
}
PACKAGES = ("neovim", "llama.cpp-tools", "vim-llama.cpp")
CALM_CORES = 1.0  # the editors' and servers' own work apart, so much may others do beside a run
RESTING_S = 0.1  # of processor time in two seconds
Figures = dict[str, float | None]


def fetch() -> None:
    """Fetch what is compared, where it is missing.

    Raises:
        SystemExit: Something cannot be had.
    """
    if missing := [name for name in ("gguf", "pynvim", "psutil") if importlib.util.find_spec(name) is None]:
        raise SystemExit(f"Not installed: {', '.join(missing)}; run `pip install {' '.join(missing)}` first.")
    needed = (llama_vim_theirs.NVIM, llama_vim_theirs.LLAMA_SERVER, llama_vim_theirs.LLAMA_VIM)
    if not all(path.exists() for path in needed):
        script = Path(__file__).parents[1] / "scripts" / "newer.sh"
        subprocess.run([script, *PACKAGES], check=True)
    if not all(path.exists() for path in needed):
        raise SystemExit("Neovim, llama.vim and llama-server could not be fetched from Debian's testing release.")
    os.environ["NVIM_BIN"] = str(llama_vim_theirs.NVIM)


def _place(side: Side, nvim: Neovim, text: Text) -> None:
    path = nvim.workspace / text.name
    path.write_text(text.before + text.after, encoding="utf-8")
    nvim.api.command(f"edit {path}")
    if side.name == "infill-ls":
        nvim.until(nvim.is_served, "the server serves the buffer")
    nvim.api.current.window.cursor = (text.before.count("\n") + 1, 0)
    nvim.type("A")
    nvim.until_mode("i")


def warm(side: Side) -> None:
    """Have the side do all that it does only once, such as compiling, and wait until it rests."""
    nvim = side.start()
    llama_vim_probe.prepare(nvim)
    _place(side, nvim, WARM_UP)
    llama_vim_probe.type_settled(nvim, WARM_UP.keys, lambda: side.is_settled(nvim))
    spent, before = llama_vim_sides.cpu_s(side)[0], -1.0
    while spent - before > RESTING_S:
        time.sleep(2)
        spent, before = llama_vim_sides.cpu_s(side)[0], spent
    nvim.close()


def run(side: Side, manner: str) -> Figures:
    """Type the texts in a new editor and return what was seen and spent.

    Raises:
        AssertionError: A text did not come out as it should.
    """
    nvim = side.start()
    spent: dict[str, float] = {}
    typed: list[tuple[list[Key], list[str]]] = []
    try:
        llama_vim_probe.prepare(nvim)
        _place(side, nvim, WARM_UP)
        llama_vim_probe.type_settled(nvim, WARM_UP.keys, lambda: side.is_settled(nvim))
        for text in TEXTS:
            nvim.escape()
            _place(side, nvim, text)
            before = _spent(side, nvim)
            if manner == "settled":
                keys = llama_vim_probe.type_settled(nvim, text.keys, lambda: side.is_settled(nvim))
            else:
                keys = llama_vim_probe.type_steadily(nvim, text.keys)
            for name, value in _spent(side, nvim).items():
                spent[name] = spent.get(name, 0.0) + value - before[name]
            if nvim.lines() != text.lines or len(keys) != len(text.keys):
                raise AssertionError(f"{side.name} left {nvim.lines()!r}")
            typed.append((keys, text.lines))
    finally:
        nvim.close()
    count = sum(len(keys) for keys, _ in typed)
    disturbed = max(0.0, spent.pop("others_s") / spent.pop("wall_s"))
    rates: Figures = {f"{name}_a_key": value / count for name, value in spent.items()}
    return typed_keys.rounded(typed_keys.figures(typed) | rates | {"others_cores": disturbed})


def _spent(side: Side, nvim: Neovim) -> dict[str, float]:
    own, others = llama_vim_sides.cpu_s(side)
    return side.counted(nvim) | {"cpu_ms": 1000 * own, "others_s": others, "wall_s": time.monotonic()}


def calm_run(side: Side, manner: str) -> Figures:
    """Run; once more where other work on the machine disturbed it; return the calmer one."""
    runs = [run(side, manner)]
    if (runs[0]["others_cores"] or 0.0) > CALM_CORES:
        runs.append(run(side, manner))
    return min(runs, key=lambda one: one["others_cores"] or 0.0)


def measure(sides: Sequence[Side], rounds: int, manners: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row for each side and manner: medians over the rounds, and each round."""
    from infill_completion.engine.bench.measure import busy_neighbours

    for side in sides:
        warm(side)
    found: dict[tuple[str, str], list[Figures]] = {}
    loads: dict[str, list[float]] = {}
    for turn in range(rounds):
        for manner in manners:
            if manner == "busy" and turn:  # a neighbour decides more than chance does, so once is enough
                continue
            loads.setdefault(manner, []).append(round(os.getloadavg()[0], 2))
            with busy_neighbours(1 if manner == "busy" else 0):
                # Who comes first changes, so that no side always meets the machine as another one left it.
                for side in (*sides[turn % len(sides) :], *sides[: turn % len(sides)]):
                    figures = calm_run(side, manner)
                    found.setdefault((manner, side.name), []).append(figures)
                    print(turn, manner, side.name, json.dumps(figures), file=sys.stderr, flush=True)
    return [
        {"manner": manner, "side": name, "load_before": loads[manner], **typed_keys.medians(runs), "runs": runs}
        for (manner, name), runs in found.items()
    ]


_ROWS = (
    ("ghost text before the next key", "visible", 100, "%"),
    ("on the very screen that shows the letter", "at_once", 100, "%"),
    ("within 50 ms of the key", "within_50_ms", 100, "%"),
    ("key to ghost text, median ms", "shown_p50_ms", 1, ""),
    ("key to ghost text, 90th percentile ms", "shown_p90_ms", 1, ""),
    ("where it was not there at once: median ms", "fresh_p50_ms", 1, ""),
    ("the same, 90th percentile ms", "fresh_p90_ms", 1, ""),
    ("begins with the word that came next", "right", 100, "%"),
    ("characters that came next, a key", "right_chars", 1, ""),
    ("kept by keys that spell it", "followed", 100, "%"),
    ("changed or went without a key", "turned", 100, "%"),
    ("requests a key", "requests_a_key", 1, ""),
    ("prompt tokens computed a key", "prompt_tokens_a_key", 1, ""),
    ("tokens written a key", "answer_tokens_a_key", 1, ""),
    ("processor time a key, ms", "cpu_ms_a_key", 1, ""),
    ("cores that other work took", "others_cores", 1, ""),
)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return a table in Markdown for each manner."""
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
    """Return the versions of what was fetched."""
    nvim = subprocess.run([llama_vim_theirs.NVIM, "--version"], capture_output=True, text=True, check=True)
    server = subprocess.run(
        [llama_vim_theirs.LLAMA_SERVER, "--version"], capture_output=True, text=True, check=True,
        env={**os.environ, **llama_vim_theirs.PRELOADED},
    )  # fmt: skip
    log = llama_vim_theirs.ROOT / "share" / "doc" / "vim-llama.cpp" / "changelog.Debian.gz"
    return {
        "neovim": nvim.stdout.split("\n")[0].removeprefix("NVIM "),
        "llama-server": (server.stdout + server.stderr).split("\n")[0].removeprefix("version: "),
        "vim-llama.cpp": gzip.decompress(log.read_bytes()).decode().split("(")[1].split(")")[0],
    }


def main() -> None:
    """Measure, print tables, write JSON where asked."""
    from infill_completion.engine.checkpoints import selection
    from infill_server.commands.bench.machine import machine

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--manners", default=",".join(MANNERS), help=f"of {', '.join(MANNERS)} (default: all)")
    parser.add_argument("--note", default="", help="a sentence to keep with the figures")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    fetch()
    head = {"machine": machine(options.note), "versions": versions(), "server": llama_vim_theirs.SERVER_OPTIONS}
    with tempfile.TemporaryDirectory(prefix="infill-ls-") as name, ExitStack() as stack:
        folder = Path(name)
        sides: list[Side] = [stack.enter_context(llama_vim_sides.infill(folder / "infill"))]
        for kind, is_suffix_first in (("f16", False), ("f16", True), ("q8_0", True)):
            weights = folder / f"{kind}.gguf"
            gguf_file.write(selection.find("embedded"), weights, kind)
            side = llama_vim_theirs.llama_vim(folder / str(len(sides)), weights, is_suffix_first=is_suffix_first)
            sides.append(stack.enter_context(side))
        rows = measure(sides, options.rounds, options.manners.split(","))
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(head | {"rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
