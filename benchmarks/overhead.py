"""The overhead of the language server per key: latency and processor time, by size of the file.

Run ``python -m benchmarks.overhead``. Parts of real code are retyped in a file of each size, with an engine that
answers at once: with what the file has, with something else, or with nothing. Keys after a right answer are mostly
answered from memory; with the other two every key asks the engine. After each answer there is a pause, in which the
server computes ahead; its processor time counts. A run whose answers do not come exits with an error. With ``--edits``
each run is followed by one in which the editor also asks for next edits after each answer.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sysconfig
from pathlib import Path
from typing import Any

import psutil

from infill_server.commands.bench.keystroke_report import percentile
from infill_server.commands.bench.machine import machine
from infill_server.commands.bench.overhead import Overhead, overhead
from infill_server.commands.bench.stub_engine import StubAnswers
from infill_server.errors import MeasurementError

# Real code of more than a megabyte that every Python has.
MODULES = (
    "argparse.py", "ast.py", "asyncio/base_events.py", "configparser.py", "dataclasses.py", "difflib.py",
    "doctest.py", "email/_header_value_parser.py", "enum.py", "ftplib.py", "heapq.py", "http/client.py",
    "http/cookiejar.py", "imaplib.py", "inspect.py", "ipaddress.py", "locale.py", "logging/__init__.py",
    "mailbox.py", "optparse.py", "os.py", "pathlib/__init__.py", "pdb.py", "pickle.py", "pickletools.py",
    "platform.py", "plistlib.py", "pydoc.py", "random.py", "shutil.py", "smtplib.py", "socket.py", "ssl.py",
    "statistics.py", "subprocess.py", "tarfile.py", "tempfile.py", "threading.py", "tokenize.py", "trace.py",
    "traceback.py", "turtle.py", "types.py", "typing.py", "unittest/mock.py", "urllib/request.py", "uuid.py",
    "xml/etree/ElementTree.py", "xmlrpc/client.py", "zipfile/__init__.py",
)  # fmt: skip
SIZES = (3_000, 100_000, 1_000_000)


def processor_s(pid: int) -> float:
    """Return the seconds of processor time that a process has used so far."""
    spent = psutil.Process(pid).cpu_times()
    return float(spent.user + spent.system)


def main() -> int:
    """Print the table; returns 1 if a run did not measure what it says."""
    parser = argparse.ArgumentParser(description="Overhead of the language server per key.")
    parser.add_argument("--keys", type=int, default=200, help="keys of each run (default 200)")
    parser.add_argument("--pause-ms", type=float, default=10.0, help="pause after each answer (default 10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    parser.add_argument("--edits", action="store_true", help="each run again, with requests for next edits")
    parser.add_argument("files", nargs="*", type=Path, help="source files of one language (default: Python's library)")
    options = parser.parse_args()
    library = Path(sysconfig.get_path("stdlib"))
    paths = options.files or [library / name for name in MODULES if (library / name).exists()]
    rows: list[dict[str, Any]] = []
    print(
        f"{'size':>9}  {'answers':13} {'p50 ms':>7} {'p95 ms':>7} {'processor ms a key':>19} {'asked':>6} {'shown':>6}"
    )
    for size, answers, edits in itertools.product(SIZES, StubAnswers, (False, True)[: 1 + options.edits]):
        what = answers.value + (", edits" if edits else "")
        try:
            row = figures(size, answers, asyncio.run(_run(paths, size, answers, options, edits=edits)))
        except MeasurementError as error:
            print(f"{size:9,}  {what:13} {error}")
            return 1
        rows.append(row)
        print(
            f"{size:9,}  {what:13} {row['p50_ms']:7.1f} {row['p95_ms']:7.1f} "
            f"{row['processor_ms_per_key']:19.1f} {row['asked']:6} {row['shown']:6}"
        )
    if options.json:
        written = {"keys": options.keys, "pause_ms": options.pause_ms, "machine": machine(""), "runs": rows}
        options.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return 0


async def _run(
    paths: list[Path], size: int, answers: StubAnswers, options: argparse.Namespace, *, edits: bool
) -> Overhead:
    return await overhead(
        paths,
        keys=options.keys,
        settings={},
        size_chars=size,
        answers=answers,
        pause_s=options.pause_ms / 1000,
        processor_s=processor_s,
        asks_for_edits=edits,
    )


def figures(size: int, answers: StubAnswers, result: Overhead) -> dict[str, Any]:
    """Return one row of the table."""
    return {
        "size_chars": size,
        "answers": answers.value,
        "p50_ms": percentile(result.latency_ms, 0.5),
        "p95_ms": percentile(result.latency_ms, 0.95),
        "processor_ms_per_key": round((result.processor_s or 0.0) * 1000 / result.keys, 2),
        "asked": result.asked,
        "shown": result.shown,
        "edit_requests": result.edits,
    }


if __name__ == "__main__":
    raise SystemExit(main())
