"""What comes back over HTTP: server-sent events, lines, chunks, health and errors, from our engine and from others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from infill_completion.api import Chunk, EngineState, EngineUnavailableError, FinishReason, Health, Usage

_MOST_EVENT_BYTES = 32 << 20

# Tells one editor's requests from another's, so that an engine knows when the last one has left.
CLIENT_HEADER = "X-Infill-Client"


def failure(status: int, body: bytes) -> EngineUnavailableError:
    """Return what a refused request means, from OpenAI's error shape where the body has it."""
    state, message = EngineState.FAILED, f"The engine answered with HTTP status {status}."
    try:
        fields = json.loads(body)
        message = str(fields["error"]["message"])
        state = EngineState(fields["health"]["state"])
    except (ValueError, KeyError, TypeError):
        pass
    return EngineUnavailableError(message, state)


class EventReader:
    """Cuts a stream of bytes into the data of server-sent events.

    Lines end at LF or CRLF only: data may hold U+2028 and other characters that ``str.splitlines`` takes for an end.
    An event that the connection cuts off is dropped.

    Source of the format: WHATWG HTML, section 9.2.6; event names, ids and retry times are not used.
    """

    def __init__(self) -> None:
        self._line = b""
        self._data: list[bytes] = []

    def feed(self, part: bytes) -> list[bytes]:
        """Return the data of the events that end in ``part``.

        Raises:
            ValueError: A line is longer than any event of a completion.
        """
        *lines, self._line = (self._line + part).split(b"\n")
        if len(self._line) > _MOST_EVENT_BYTES:
            raise ValueError("an event is too long")
        events = []
        for line in lines:
            stripped = line.removesuffix(b"\r")
            if stripped.startswith(b"data:"):
                self._data.append(stripped[5:].removeprefix(b" "))
            elif not stripped and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        return events


class LineReader:
    """Cuts a stream of bytes into lines, each of which holds one JSON object."""

    def __init__(self) -> None:
        self._line = b""

    def feed(self, part: bytes) -> list[bytes]:
        """Return the lines that end in ``part``."""
        *lines, self._line = (self._line + part).split(b"\n")
        return [line for line in lines if line.strip()]


def chunks_from_json(body: dict[str, Any]) -> list[Chunk]:
    """Return the chunks of one event of OpenAI's completions.

    Raises:
        EngineUnavailableError: The event is an error.
        ValueError, KeyError, TypeError, AttributeError: The event has another shape.
    """
    if body.get("error"):  # some servers send a null with every event
        raise EngineUnavailableError(str(body["error"]["message"]))
    chunks = [_choice(choice) for choice in body.get("choices") or []]
    usage, timings, explain = _usage(body.get("usage")), body.get("timings") or {}, body.get("explain")
    if usage is None and not timings and explain is None:
        return chunks
    # Servers that send the usage behind the last choice do so in an event without choices.
    last = chunks.pop() if chunks else Chunk()
    return [*chunks, replace(last, usage=usage, timings=timings, explain=explain)]


def _choice(choice: dict[str, Any]) -> Chunk:
    reason = choice.get("finish_reason")
    logprobs = [value for value in (choice.get("logprobs") or {}).get("token_logprobs") or [] if value is not None]
    return Chunk(
        index=int(choice.get("index", 0)),
        text=str(choice.get("text") or ""),
        finish_reason=finish_reason(reason),
        logprob_sum=float(choice.get("logprob_sum", sum(logprobs))),
        token_count=int(choice.get("token_count", len(logprobs))),
    )


def finish_reason(name: object) -> FinishReason | None:
    """Return the reason called ``name``; one that we do not know is a stop."""
    if name is None or name == "":
        return None
    try:
        return FinishReason(str(name))
    except ValueError:
        return FinishReason.STOP


def _usage(usage: dict[str, Any] | None) -> Usage | None:
    if usage is None:
        return None
    details = usage.get("prompt_tokens_details") or {}
    return Usage(
        int(usage.get("prompt_tokens") or 0),
        int(usage.get("cached_tokens") or details.get("cached_tokens") or 0),
        int(usage.get("completion_tokens") or 0),
    )


def health_from_json(body: dict[str, Any]) -> Health:
    """Return the health in the answer of ``GET /health``.

    Raises:
        EngineUnavailableError: The answer has another shape.
    """
    try:
        known = {name: body[name] for name in Health.__dataclass_fields__ if name in body}
        return Health(**{**known, "state": EngineState(known["state"])})
    except (KeyError, TypeError, ValueError) as error:
        raise EngineUnavailableError("What listens on the engine's socket is no engine; end it.") from error
