"""The body of a request to the engine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from infill_completion.engine.http.requests import BadRequestError, parse_request


def check_sentence(text: str) -> None:
    """Verify that an error is one sentence of a readable length."""
    assert "\n" not in text
    assert 0 < len(text) < 600


class EngineRequest:
    """``POST /v1/completions`` with any body: a checked request, or one sentence that names what is wrong."""

    name = "engine-http"

    def seeds(self) -> Sequence[bytes]:
        """Return a body with every field."""
        whole = {
            "model": "m", "prompt": "def f(", "suffix": ")\n", "max_tokens": 7, "temperature": 0.1, "top_p": 0.9,
            "n": 2, "seed": 3, "stop": ["\n"], "logprobs": 1, "echo": False, "stream": True, "deadline_ms": 1000,
            "explain": True,
            "context": [{"path": "a.py", "text": "A = 1\n"}], "stream_options": {"include_usage": True},
        }  # fmt: skip
        bodies: list[Any] = [whole, {"prompt": "x"}, {"prompt": ["x"], "stop": "\n"}, [], {}]
        return [json.dumps(body).encode() for body in bodies]

    def run(self, data: bytes) -> None:
        """Parse the body."""
        try:
            request = parse_request(data)
        except BadRequestError as error:
            check_sentence(str(error))
            return
        for text in (request.prefix, request.suffix or "", *request.stop, *(item.text for item in request.context)):
            text.encode()  # what reaches the model can be encoded
        assert 1 <= request.n <= 32
        assert request.max_tokens >= 1
        assert 0 <= request.temperature <= 2
        assert 0 <= request.top_p <= 1
