"""Start of the language server on standard input and output, or on a TCP port for debugging.

Importing this module is cheap: pygls and LSP's types are imported by `create_server`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from infill_server.language_server import InfillServer

log = logging.getLogger(__name__)


def create_server(*, as_copilot: bool = False) -> InfillServer:
    """Return a server with all its features; it is not started.

    Args:
        as_copilot: Whether it takes the place of Copilot's server: its name, and UTF-16 positions only.
    """
    # The imports create some hundred thousand objects that live as long as the process; scanning them for garbage
    # again and again takes an eighth of the time until the first answer.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        from infill_server.features import add_features
        from infill_server.language_server import InfillServer

        server = InfillServer(as_copilot=as_copilot)
        add_features(server)
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()
    return server


def start_stdio(server: InfillServer | None = None) -> int:
    """Serve the client on standard input and output, with a new server by default, and return the exit code."""
    _log_to_stderr()
    if not sys.stdin.isatty():
        # An interrupt of the whole process group is meant for the editor, which says when the server is to end. Not
        # SIG_IGN, which the engine would inherit.
        signal.signal(signal.SIGINT, lambda _number, _frame: None)
    with os.fdopen(_claim_stdout(), "wb", buffering=0) as output:
        server = server or create_server()
        return asyncio.run(server.serve(lambda size: os.read(0, size), lambda data: _write_all(output, data)))


def start_tcp(host: str, port: int, *, as_copilot: bool = False) -> int:
    """Wait for one client at an address, serve it, and return the exit code."""
    _log_to_stderr()
    with socket.create_server((host, port)) as listener:
        log.warning("listening on %s:%d", *listener.getsockname()[:2])
        client, _ = listener.accept()
    with client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return asyncio.run(create_server(as_copilot=as_copilot).serve(client.recv, client.sendall))


def _log_to_stderr() -> None:
    """Log warnings to standard error, or the level of ``INFILL_LS_LOG``; never the messages of pygls."""
    level = os.environ.get("INFILL_LS_LOG", "WARNING").upper()
    logging.basicConfig(stream=sys.stderr, format="infill-ls %(levelname)s %(name)s: %(message)s")
    for name in ("infill_server", "infill_completion"):
        logging.getLogger(name).setLevel(level if level in logging.getLevelNamesMapping() else "WARNING")
    # Its errors quote message parameters, which contain the user's text; our protocol logs errors without them.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)


def _claim_stdout() -> int:
    """Return a descriptor of the client's pipe; all other output, child processes included, goes to stderr."""
    descriptor = os.dup(1)
    try:
        os.dup2(2, 1)
    except OSError:  # the client has closed standard error
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdout = sys.stderr
    return descriptor


def _write_all(output: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[output.write(view) :]
