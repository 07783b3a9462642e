"""The response time of ``initialize``: our server beside a bare pygls server, in fresh processes.

Run ``python -m benchmarks.initialize``.  The two alternate, so that both meet the same conditions; the time is from the
start of the process to its response.  On a busy machine the processor time says more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

BARE = "from pygls.lsp.server import LanguageServer; LanguageServer('bare', '0').start_io()"
COMMANDS = {
    "bare pygls": [sys.executable, "-c", BARE],
    "infill-ls": [str(Path(sys.executable).parent / "infill-ls")],
}
GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"processId": None, "rootUri": None, "capabilities": {"general": {"positionEncodings": ["utf-16"]}}},
}


@dataclass(frozen=True)
class Greeting:
    """The cost of one response to ``initialize``, from the start of the process."""

    elapsed_ms: float
    processor_ms: float


def greet(command: list[str]) -> Greeting:
    """Start ``command``, send ``initialize``, and kill it after the response."""
    body = json.dumps(GREETING).encode()
    started = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        server.stdin.flush()
        length = 0
        while header := server.stdout.readline().strip():
            if header.lower().startswith(b"content-length:"):
                length = int(header.partition(b":")[2])
        answer = json.loads(server.stdout.read(length))
        elapsed_ms = (time.perf_counter() - started) * 1000
        spent = psutil.Process(server.pid).cpu_times()
        server.kill()
    if "capabilities" not in answer.get("result", {}):
        raise SystemExit(f"{command[0]} did not answer initialize: {answer}")
    return Greeting(elapsed_ms, (spent.user + spent.system) * 1000)


def main() -> None:
    """Print the medians of both servers and their difference."""
    parser = argparse.ArgumentParser(description="Response time of initialize, beside a bare pygls server.")
    parser.add_argument("-n", type=int, default=15, help="fresh processes of each server (default 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    options = parser.parse_args()
    times: dict[str, list[Greeting]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        greet(command)  # compiles bytecode and fills the disk cache
    for _ in range(options.n):
        for name, command in COMMANDS.items():
            times[name].append(greet(command))
    medians = {name: _median(values) for name, values in times.items()}
    for name, median in medians.items():
        fastest_ms = min(greeting.elapsed_ms for greeting in times[name])
        print(
            f"{name:12} median {median.elapsed_ms:7.1f} ms   fastest {fastest_ms:7.1f} ms   "
            f"processor {median.processor_ms:6.0f} ms   of {options.n}"
        )
    ours, bare = medians["infill-ls"], medians["bare pygls"]
    more_ms, more_processor_ms = ours.elapsed_ms - bare.elapsed_ms, ours.processor_ms - bare.processor_ms
    print(f"infill-ls takes {more_ms:+.1f} ms more, and {more_processor_ms:+.0f} ms more processor time")
    if options.json:
        everything = {name: [asdict(greeting) for greeting in values] for name, values in times.items()}
        figures = {"median": {name: asdict(median) for name, median in medians.items()}, "difference_ms": more_ms}
        options.json.write_text(json.dumps(figures | {"all": everything}, indent=2) + "\n", encoding="utf-8")


def _median(greetings: list[Greeting]) -> Greeting:
    return Greeting(
        statistics.median(greeting.elapsed_ms for greeting in greetings),
        statistics.median(greeting.processor_ms for greeting in greetings),
    )


if __name__ == "__main__":
    main()
