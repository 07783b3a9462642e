"""A proxy between an editor and its language server that records the editor's messages.

``python recorder.py LOG PROGRAM [ARGUMENT ...]`` runs the program on this process's own streams and appends every
message of the editor to LOG, one JSON object a line.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

HEADER = re.compile(rb"Content-Length: (\d+)\r\n(?:[^\r]+\r\n)*\r\n", re.IGNORECASE)


def main() -> int:
    """Forward all bytes; the exit code is the server's."""
    log = Path(sys.argv[1])
    with subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE) as server:
        assert server.stdin is not None
        pending = b""
        with server.stdin as pipe, log.open("ab") as kept:
            while data := os.read(0, 1 << 16):
                pipe.write(data)
                pipe.flush()
                pending += data
                while (header := HEADER.match(pending)) and len(pending) >= header.end() + int(header[1]):
                    end = header.end() + int(header[1])
                    kept.write(pending[header.end() : end] + b"\n")
                    kept.flush()
                    pending = pending[end:]
    return server.returncode


if __name__ == "__main__":
    sys.exit(main())
