"""Decoding of HTTP answers: chunks, health and errors, of our engine and of others."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from infill_completion.api import Chunk, EngineState, EngineUnavailableError, FinishReason, Health, Usage

# Identifies the editor window that a request comes from, so that the engine knows when the last one has left.
CLIENT_HEADER = "X-Infill-Client"
NOT_AN_ENGINE = "Another program listens on the engine's socket; end it."


def failure(status: int, body: bytes) -> EngineUnavailableError:
    """Return the error for an HTTP status other than 200, with the message of the body if it has OpenAI's shape."""
    state, message = EngineState.FAILED, f"The engine answered with HTTP status {status}."
    try:
        fields = json.loads(body)
        message = str(fields["error"]["message"])
        state = EngineState(fields["health"]["state"])
    except (ValueError, KeyError, TypeError):
        pass
    return EngineUnavailableError(message, state)


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
    # Servers that send the usage after the last choice do so in an event without choices.
    last = chunks.pop() if chunks else Chunk()
    return [*chunks, replace(last, usage=usage, timings=timings, explain=explain)]


def text_in(value: object) -> str:
    """Return the text of a field; None is empty, and a lone surrogate, which cannot be encoded, becomes U+FFFD.

    Raises:
        TypeError: The field is not text.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"text is {type(value).__name__}")
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _choice(choice: dict[str, Any]) -> Chunk:
    reason = choice.get("finish_reason")
    logprobs = [value for value in (choice.get("logprobs") or {}).get("token_logprobs") or [] if value is not None]
    return Chunk(
        index=int(choice.get("index", 0)),
        text=text_in(choice.get("text")),
        finish_reason=finish_reason(reason),
        logprob_sum=float(choice.get("logprob_sum", sum(logprobs))),
        token_count=int(choice.get("token_count", len(logprobs))),
        next_characters=_shares(choice.get("next_characters")),
        alternatives=_shares(choice.get("alternatives")),
    )


def _shares(reported: dict[str, Any] | None) -> dict[str, float]:
    return {str(key): float(share) for key, share in (reported or {}).items()}


def finish_reason(name: object) -> FinishReason | None:
    """Return the reason called ``name``; an unknown one counts as a stop."""
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
    """Return the health from the answer of ``GET /health``.

    Raises:
        EngineUnavailableError: The answer has another shape.
    """
    try:
        known = {name: body[name] for name in Health.__dataclass_fields__ if name in body}
        return Health(**{**known, "state": EngineState(known["state"])})
    except (KeyError, TypeError, ValueError) as error:
        raise EngineUnavailableError(NOT_AN_ENGINE) from error
