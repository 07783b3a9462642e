"""The language server with one more command, ``soak.probe``: hashes of its documents, and the number of its tasks.

Run as a file, so that the soak test needs no package on the server's path.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from typing import Any

from infill_server.commands.serve import create_server, start_stdio
from infill_server.entry import remove_python_path
from infill_server.language_server import InfillServer

PROBE = "soak.probe"


async def probe(ls: InfillServer, *_arguments: Any) -> dict[str, Any]:
    """Return what the server holds."""
    texts = {document.uri: hash_of(document.text) for document in ls.documents.others("")}
    return {"texts": texts, "tasks": len(asyncio.all_tasks())}


def hash_of(text: str) -> str:
    """Return the hash of a document's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def main() -> int:
    """Serve the client on standard input and output."""
    remove_python_path()
    server = create_server()
    server.command(PROBE)(probe)
    return start_stdio(server)


if __name__ == "__main__":
    sys.exit(main())
