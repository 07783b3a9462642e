"""The overhead of the language server per key: latency and processor time, by size of the file.

Run ``python -m benchmarks.overhead``. Parts of real code are retyped in a file of each size, with an engine that
answers at once: with what the file has, with something else, or with nothing. Keys after a right answer are mostly
answered from memory; with the other two every key asks the engine. After each answer there is a pause, in which the
server computes ahead; its processor time counts. A run whose answers do not come exits with an error.
"""

from __future__ import annotations

import argparse
import asyncio
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
    parser.add_argument("files", nargs="*", type=Path, help="source files of one language (default: Python's library)")
    options = parser.parse_args()
    library = Path(sysconfig.get_path("stdlib"))
    paths = options.files or [library / name for name in MODULES if (library / name).exists()]
    rows: list[dict[str, Any]] = []
    print(
        f"{'size':>9}  {'answers':8} {'p50 ms':>7} {'p95 ms':>7} {'processor ms a key':>19} {'asked':>6} {'shown':>6}"
    )
    for size in SIZES:
        for answers in StubAnswers:
            run = overhead(
                paths,
                keys=options.keys,
                settings={},
                size_chars=size,
                answers=answers,
                pause_s=options.pause_ms / 1000,
                processor_s=processor_s,
            )
            try:
                row = figures(size, answers, asyncio.run(run))
            except MeasurementError as error:
                print(f"{size:9,}  {answers.value:8} {error}")
                return 1
            rows.append(row)
            print(
                f"{size:9,}  {answers.value:8} {row['p50_ms']:7.1f} {row['p95_ms']:7.1f} "
                f"{row['processor_ms_per_key']:19.1f} {row['asked']:6} {row['shown']:6}"
            )
    if options.json:
        written = {"keys": options.keys, "pause_ms": options.pause_ms, "machine": machine(""), "runs": rows}
        options.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return 0


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
    }


if __name__ == "__main__":
    raise SystemExit(main())
