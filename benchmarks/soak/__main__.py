"""Type in several windows for a while, with faults, and check that nothing is lost, unanswered, growing or left behind.

    python -m benchmarks.soak --minutes 60 --json soak.json

The windows use the language server over real stdio, and share the embedded model's engine. The exit code is 1 if
something happened that must not happen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.soak.faults import Faults
from benchmarks.soak.leftovers import leftovers, processes_of
from benchmarks.soak.tally import Tally
from benchmarks.soak.window import RealFile, Window
from infill_completion.languages.registry import language_id_of

ROOT = Path(__file__).parents[2]
FOLDERS = ("server", "completion", "editors", "training", "docs", "scripts")
SAMPLE_S = 5.0
END_S = 60.0


def real_files() -> list[RealFile]:
    """Return source files of this repository in all of its languages."""
    found = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            is_ours = path.is_file() and "node_modules" not in path.parts and path.stat().st_size < 100_000
            if is_ours and language_id_of(path.name) != "plaintext":
                with suppress(UnicodeDecodeError):
                    text = path.read_text("utf-8").replace("\r\n", "\n").replace("\r", "\n")
                    found += [RealFile(path, text)] if len(text) > 500 else []
    return found


async def sample(windows: Sequence[Window], faults: Faults, tally: Tally) -> None:
    """Record the memory of the servers and of the engine, until cancelled."""
    while True:
        for window in windows:
            with suppress(psutil.Error, OSError):
                if window.was_replaced:
                    tally.memory_mb.pop(window.number, None)
                else:
                    tally.memory_mb.setdefault(window.number, []).append(_resident_mb(window.pid))
        pid = faults.engine_pid()
        with suppress(psutil.Error):
            tally.engine_mb += [_resident_mb(pid)] if pid is not None else []
        await asyncio.sleep(SAMPLE_S)


async def soak(minutes: float, clients: int, seed: int, tally: Tally) -> None:
    """Use ``clients`` windows for ``minutes``, and end everything."""
    rng, files = random.Random(seed), real_files()
    windows = [Window(number, files, rng.randrange(1 << 30), tally) for number in range(clients)]
    await asyncio.gather(*(window.start(ROOT) for window in windows))
    faults = Faults(windows, rng.randrange(1 << 30), tally)
    until_s = time.monotonic() + minutes * 60
    sampling = asyncio.create_task(sample(windows, faults, tally))
    await asyncio.gather(faults.happen(until_s), *(window.use(until_s) for window in windows))
    sampling.cancel()
    for outcome in await asyncio.gather(*(window.finish() for window in windows), return_exceptions=True):
        if isinstance(outcome, BaseException):
            tally.problem(f"A window did not close: {type(outcome).__name__}: {outcome}")


def main() -> int:
    """Run the soak test and print its figures."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.partition("\n")[0])
    options.add_argument("--minutes", type=float, default=60.0, help="how long (default 60)")
    options.add_argument("--clients", type=int, default=8, help="number of windows (default 8)")
    options.add_argument("--seed", type=int, default=None, help="chooses actions and faults (default: a new one)")
    options.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    chosen = options.parse_args()
    seed = random.randrange(1 << 30) if chosen.seed is None else chosen.seed
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        home = Path(folder)
        environment = _environment(home)
        os.environ.update(environment)
        try:
            asyncio.run(soak(chosen.minutes, chosen.clients, seed, tally))
        finally:
            subprocess.run(
                [sys.executable, "-P", "-m", "infill_server.entry", "engine", "stop"], timeout=END_S, check=False
            )
            psutil.wait_procs(processes_of(home), timeout=END_S)
            for sentence in leftovers(home):
                tally.problem(sentence)
            for process in processes_of(home):
                process.kill()
    tally.check_memory()
    figures = {"minutes": chosen.minutes, "clients": chosen.clients, "seed": seed, **tally.to_json()}
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(figures, indent=2) + "\n")
    _print(figures)
    return 1 if tally.problems else 0


def _environment(home: Path) -> Mapping[str, str]:
    """Return variables with which all processes keep their files in ``home``, and the settings that all windows use."""
    for name in ("run", "tmp"):
        (home / name).mkdir(mode=0o700)
    config = home / "config.toml"
    config.write_text("[engine]\nmodel = 'auto'\n")
    return {
        "XDG_RUNTIME_DIR": str(home / "run"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_DATA_HOME": str(home / "data"),
        "TMPDIR": str(home / "tmp"),
        "INFILL_LS_CONFIG": str(config),
    }


def _resident_mb(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def _print(figures: Mapping[str, object]) -> None:
    for name, value in figures.items():
        if name != "problems":
            print(f"{name}: {json.dumps(value)}")
    problems = figures["problems"]
    assert isinstance(problems, list)
    print(f"{len(problems)} problems" if problems else "Nothing lost, unanswered, growing or left behind.")
    for sentence in problems:
        print(f"  {sentence}")


if __name__ == "__main__":
    sys.exit(main())
