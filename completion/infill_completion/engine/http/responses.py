"""Turns chunks into the bodies of OpenAI's completions endpoint, streamed and whole.

Format: OpenAI's ``text_completion`` object.  Each choice also carries ``logprob_sum`` (nats) and ``token_count``, so
that a client knows the confidence without requesting log-probabilities.  The last chunk carries ``usage`` and
``timings``; with ``explain``, the first and the last chunk carry all three.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from infill_completion.api import Chunk, Health, Usage


@dataclass(frozen=True)
class Envelope:
    """The fields that all chunks of one answer share."""

    model: str
    logprobs: bool = False
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def event(self, chunk: Chunk) -> bytes:
        """Return ``chunk`` as one server-sent event."""
        return b"data: " + encode(self._body([self._choice(chunk, [chunk])], chunk)) + b"\n\n"

    def whole(self, chunks: Iterable[Chunk]) -> bytes:
        """Return all ``chunks`` of an answer as one body, choices in the order of their index."""
        by_index: dict[int, list[Chunk]] = {}
        last = Chunk()
        for chunk in chunks:
            by_index.setdefault(chunk.index, []).append(chunk)
            last = chunk
        choices = [self._choice(_joined(parts), parts) for _, parts in sorted(by_index.items())]
        return encode(self._body(choices, replace(last, usage=last.usage or Usage())))

    def _body(self, choices: list[dict[str, Any]], last: Chunk) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        if last.usage is not None:
            # `total_tokens` and the details are OpenAI's; our own clients read the flat count.
            total = last.usage.prompt_tokens + last.usage.completion_tokens
            details = {"cached_tokens": last.usage.cached_tokens}
            body["usage"] = {**asdict(last.usage), "total_tokens": total, "prompt_tokens_details": details}
        if last.timings:
            body["timings"] = last.timings
        if last.explain is not None:
            body["explain"] = last.explain
        return body

    def _choice(self, joined: Chunk, parts: list[Chunk]) -> dict[str, Any]:
        choice: dict[str, Any] = {
            "index": joined.index,
            "text": joined.text,
            "logprobs": _logprobs(parts) if self.logprobs else None,
            "finish_reason": joined.finish_reason,
            "logprob_sum": joined.logprob_sum,
            "token_count": joined.token_count,
        }
        if reported := next((part.next_characters for part in parts if part.next_characters), None):
            choice["next_characters"] = reported
        if len(parts) == 1 and joined.alternatives:
            choice["alternatives"] = joined.alternatives
        return choice


EVENT_END = b"data: [DONE]\n\n"


def encode(body: object) -> bytes:
    """Return compact JSON in ASCII, so that no reader can mistake U+2028 or the like for the end of a line."""
    return json.dumps(body, separators=(",", ":")).encode()


def error_body(message: str, kind: str, *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """Return an error in OpenAI's format."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def health_body(health: Health) -> dict[str, Any]:
    """Return the answer of ``GET /health``."""
    return asdict(health)


def models_body(health: Health, created: int) -> dict[str, Any]:
    """Return the answer of ``GET /v1/models``, which lists the one model of this engine."""
    model = {
        "id": health.model,
        "object": "model",
        "created": created,
        "owned_by": "infill-ls",
        "max_model_len": health.details.get("context_tokens"),
    }
    return {"object": "list", "data": [model]}


def _joined(parts: list[Chunk]) -> Chunk:
    return replace(
        parts[-1],
        text="".join(part.text for part in parts),
        logprob_sum=sum(part.logprob_sum for part in parts),
        token_count=sum(part.token_count for part in parts),
    )


def _logprobs(parts: list[Chunk]) -> dict[str, Any]:
    """Return OpenAI's parallel lists; ``text_offset`` counts code points from the start of ``parts``."""
    tokens: list[str] = []
    values: list[float | None] = []
    offsets: list[int] = []
    at = 0
    for part in parts:
        if part.token_count or part.text:
            tokens.append(part.text)
            values.append(part.logprob_sum if part.token_count else None)
            offsets.append(at)
        at += len(part.text)
    return {"tokens": tokens, "token_logprobs": values, "top_logprobs": None, "text_offset": offsets}
