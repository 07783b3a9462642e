"""A proxy between llama.vim and llama-server that makes the model read the text after the cursor first.

The embedded model infills well only in that order (``<PRE> <SUF>suffix <MID>prefix``, see the table of layouts in the
README).  llama-server cannot build it: its ``--spm-infill`` puts other marks in other places.  The rest of a request is
passed on unchanged.  The proxy costs llama.vim about a millisecond per request; its processor time is not counted.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infill_completion.engine.checkpoints import selection
from infill_completion.engine.checkpoints.tokenizer import Tokenizer

_OWN = ("input_prefix", "input_suffix", "input_extra", "prompt")


def prompt_of(tokenizer: Tokenizer, request: dict[str, Any]) -> list[int]:
    """Return the prompt's token ids for a request to ``/infill``, extra chunks of text first.

    Raises:
        ValueError: The model has no infilling tokens.
    """
    marks = tokenizer.infilling
    if marks is None or marks.mid is None or tokenizer.bos is None:
        raise ValueError("this model cannot infill")
    others = "".join(chunk["text"] for chunk in request.get("input_extra", ()))
    before = others + request["input_prefix"] + request["prompt"]
    suffix, prefix = tokenizer.encode_infilling(request["input_suffix"]), tokenizer.encode_infilling(before)
    return [tokenizer.bos, marks.pre, marks.suf, *suffix, marks.mid, *prefix]


def _handler(tokenizer: Tokenizer, port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if not content:  # the editor was closed in the meantime
                return
            request = json.loads(content)
            rest = {name: value for name, value in request.items() if name not in _OWN}
            body = json.dumps(rest | {"prompt": prompt_of(tokenizer, request)})
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("POST", "/completion", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Log nothing."""

    return Handler


@contextmanager
def suffix_first(port: int) -> Iterator[int]:
    """Yield the port of a proxy in front of the llama-server at ``port``."""
    tokenizer = Tokenizer.load(selection.find("embedded"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(tokenizer, port))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
