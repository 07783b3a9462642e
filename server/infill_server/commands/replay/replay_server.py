"""The server process of a replay: the language server, with messages and tokens in the order of a trace."""

from __future__ import annotations

import sys
from pathlib import Path

from infill_server.commands.replay.event_order import EventOrder
from infill_server.commands.replay.recorded_engine import RecordedEngine
from infill_server.commands.serve import create_server, start_stdio
from infill_server.recording.observed_engine import ObservedEngine
from infill_server.recording.trace_file import read

ASKED = "infill/replayed"


def main() -> int:
    """Serve the client on standard input and output; the arguments are the trace and ``model`` or ``recorded``."""
    events, source = read(Path(sys.argv[1])).events, sys.argv[2]
    server = create_server()

    def on_asked(number: int, sha256: str) -> None:
        model = server.session.health.details.get("sha256")
        server.protocol.notify(ASKED, {"n": number, "sha256": sha256, "model": model})

    order = EventOrder(events, on_asked)
    server.session.admit = order.admit
    server.protocol.on_sent = order.sent
    server.session.engine.observe(
        lambda engine, on_health: ObservedEngine(
            RecordedEngine(events, order, on_health) if source == "recorded" else engine, order
        )
    )
    return start_stdio(server)


if __name__ == "__main__":
    sys.exit(main())
