"""How long an editor waits for ``initialize``: our server beside a bare pygls server, in fresh processes.

Run ``python -m benchmarks.initialize``.  The two alternate, so that both see the same machine; the time goes from the
start of the process to its answer.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

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


def greet(command: list[str]) -> float:
    """Return the milliseconds from the start of ``command`` to its answer to ``initialize``."""
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
        server.kill()
    if "capabilities" not in answer.get("result", {}):
        raise SystemExit(f"{command[0]} did not answer initialize: {answer}")
    return elapsed_ms


def main() -> None:
    """Print the medians of both servers and their difference."""
    parser = argparse.ArgumentParser(description="Time to the answer of initialize, beside a bare pygls server.")
    parser.add_argument("-n", type=int, default=15, help="fresh processes of each (default 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        greet(command)  # compiles what is not compiled yet and fills the disk cache
    for _ in range(options.n):
        for name, command in COMMANDS.items():
            times[name].append(greet(command))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, values in times.items():
        print(f"{name:12} median {medians[name]:7.1f} ms   fastest {min(values):7.1f} ms   of {options.n}")
    more_ms = medians["infill-ls"] - medians["bare pygls"]
    print(f"infill-ls takes {more_ms:+.1f} ms more")
    if options.json:
        figures = {"median_ms": medians, "difference_ms": more_ms, "all_ms": times}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
