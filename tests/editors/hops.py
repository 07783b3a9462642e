"""A language server that logs when a keystroke passes each of its hops.

``python hops.py LOG [ARGUMENT ...]`` runs ``infill-ls`` with the arguments and appends one JSON object a line to LOG:
``{"hop": ..., "at_ms": ..., "monotonic_ms": ...}``, where ``at_ms`` counts from 1970 and ``monotonic_ms`` is the
system's monotonic clock. Numbers and names only, no text of documents.

``changed``: an edit was applied; ``requested`` and ``answered``: a request for suggestions, and its answer with the
number of suggestions and how they came about; ``asked`` and ``finished``: a request to the engine.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


class HopLog:
    """Writes the hops of one server."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._began_ms = (time.time() - time.monotonic()) * 1000

    def write(self, hop: str, **details: Any) -> None:
        """Append one hop."""
        now_ms = time.monotonic() * 1000
        row = {"hop": hop, "at_ms": round(self._began_ms + now_ms, 3), "monotonic_ms": round(now_ms, 3), **details}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()


def observe(log: HopLog) -> None:
    """Let the parts of the server that a keystroke passes write into ``log``."""
    from infill_completion.suggest.inflight import InflightRequest, InflightRequests
    from infill_server.lsp.documents import DocumentStore
    from infill_server.session import Session

    change, ask = DocumentStore.change, Session.ask
    start, follow = InflightRequests.start, InflightRequests._follow

    def changed(self: Any, target: Any, changes: Any) -> None:
        log.write("changed", version=target.version)
        change(self, target, changes)

    async def asked_for(self: Any, snapshot: Any) -> Any:
        log.write("requested", version=snapshot.version)
        answer = await ask(self, snapshot)
        how = "memory" if "reuse" in answer.details else "engine"
        log.write("answered", version=snapshot.version, suggestions=len(answer.suggestions), how=how)
        return answer

    def started(self: Any, prepared: Any, **options: Any) -> Any:
        request = start(self, prepared, **options)
        log.write("asked", request=id(request), is_lookahead=request.is_lookahead)
        return request

    async def followed(self: Any, request: InflightRequest) -> None:
        await follow(self, request)
        usage = request.stream.usage
        tokens = 0 if usage is None else usage.completion_tokens
        log.write(
            "finished",
            request=id(request),
            is_lookahead=request.is_lookahead,
            is_whole=request.latency_ms is not None,
            tokens=tokens,
            timings=request.stream.timings,
        )

    replacements: list[tuple[type, str, Callable[..., Any]]] = [
        (DocumentStore, "change", changed),
        (Session, "ask", asked_for),
        (InflightRequests, "start", started),
        (InflightRequests, "_follow", followed),
    ]
    for owner, name, function in replacements:
        setattr(owner, name, function)


def main() -> int:
    """Run the server; the exit code is its own."""
    from infill_server.cli import main as run

    with Path(sys.argv[1]).open("a", encoding="utf-8") as file:
        observe(HopLog(file))
        sys.argv[1:2] = []
        return run()


if __name__ == "__main__":
    sys.exit(main())
