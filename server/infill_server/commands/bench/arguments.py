"""The command line of ``infill-ls bench``; each measurement imports its modules when it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

AddOptions = Callable[[argparse.ArgumentParser], None]


def add_bench(commands: Any, add_engine_options: AddOptions) -> None:
    """Add ``bench`` and its measurements to the subcommands of a parser."""
    bench = commands.add_parser("bench", help="measure on this machine")
    actions = bench.add_subparsers(title="measurements", metavar="WHAT", required=True)
    # Its options are those of the engine's module, which also prints the help.
    decode = actions.add_parser("decode", help="decode speed beside transformers on the same weights", add_help=False)
    decode.set_defaults(run=bench_decode)
    keys = actions.add_parser("keystrokes", help="retype parts of real files and time every key")
    keys.add_argument("folder", metavar="FOLDER", help="a folder with source files, or one file")
    keys.add_argument("--files", type=int, default=4, help="number of files (default 4)")
    keys.add_argument("--chars", type=int, default=300, help="characters typed in each file (default 300)")
    keys.add_argument("--interval-ms", type=float, default=120.0, help="time between two keys (default 120)")
    keys.add_argument("--seed", type=int, default=0, help="selects files and positions (default 0)")
    keys.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    keys.add_argument("--chart", metavar="FILE", help="draw the figures to FILE (needs matplotlib)")
    keys.add_argument("--note", default="", help="a note to store with the figures")
    add_engine_options(keys)
    keys.set_defaults(run=_bench_keystrokes)
    edits = actions.add_parser("edits", help="replay commits and compare next edits with what was changed next")
    edits.add_argument("repository", metavar="FOLDER", help="a folder in a git repository")
    edits.add_argument("--commits", type=int, default=200, help="number of newest commits (default 200)")
    edits.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    edits.add_argument("--wrong", action="store_true", help="print the proposals that the commits did not make")
    edits.add_argument("--with-model", action="store_true", help="ask the next-edit model where the rules are silent")
    add_engine_options(edits)
    edits.set_defaults(run=_bench_edits)
    _add_quality(actions, add_engine_options)


def _add_quality(actions: Any, add_engine_options: AddOptions) -> None:
    holes = actions.add_parser("quality", help="complete holes in real code and count exact matches")
    holes.add_argument("folder", metavar="FOLDER", nargs="?", help="a folder with source files, or one file")
    holes.add_argument(
        "--git", metavar="REV_RANGE", nargs="?", const="",
        help="cut holes into the lines that the newest commits of FOLDER's repository added (default range: HEAD)",
    )  # fmt: skip
    holes.add_argument("--holes", metavar="FILE", help="take the holes from FILE (JSON lines)")
    holes.add_argument("--write-holes", metavar="FILE", help="write the holes to FILE instead of completing them")
    holes.add_argument("--count", type=int, help="number of holes of each kind (default 100; with --holes all)")
    holes.add_argument(
        "--kinds", default="rest,line,block", metavar="KIND,…",
        help="rest of the line, whole line, body of a block (default rest,line,block)",
    )  # fmt: skip
    holes.add_argument("--seed", type=int, default=0, help="selects the holes (default 0)")
    holes.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    holes.add_argument(
        "--compare", choices=("layouts", "context", "nothing"), default="layouts",
        help="compare prompt layouts, prompts with and without other files, or nothing (default layouts)",
    )  # fmt: skip
    holes.add_argument(
        "--typist", type=int, metavar="HOLES",
        help="let a simulated typist fill so many of the holes (default 12 with --compare nothing, else 0)",
    )  # fmt: skip
    holes.add_argument(
        "--interval-ms", type=float, default=200.0, help="time between two keys of the typist (default 200)"
    )
    holes.add_argument("--note", default="", help="a note to store with the figures")
    add_engine_options(holes)
    holes.set_defaults(run=_bench_quality)


def bench_decode(options: argparse.Namespace) -> int:
    """Run the engine's own measurement, which has its own options."""
    from infill_server.commands.engine_module import run_module

    return run_module("bench", *options.passed_on)


def _bench_keystrokes(options: argparse.Namespace) -> int:
    from infill_server.commands.bench.command import keystrokes

    return keystrokes(options)


def _bench_quality(options: argparse.Namespace) -> int:
    from infill_server.commands.bench.quality.command import quality

    return quality(options)


def _bench_edits(options: argparse.Namespace) -> int:
    from infill_server.commands.bench.edits import edits

    return edits(options)
