"""Recognising errors in answers, in any of the shapes that servers give them, also with HTTP status 200."""

from __future__ import annotations

import html
import json
import re
from typing import Any

_MAX_CHARACTERS = 200
_MAX_PAGE_BYTES = 1 << 16
# Where servers put the sentence, in the order of preference.
_MESSAGE_KEYS = ("message", "error", "detail", "msg", "errors", "title", "reason", "description")
# vLLM aborts a request if its engine dies; OpenRouter ends a choice with `error`.
_FAILED_REASONS = frozenset({"error", "abort"})
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{0,500})", re.IGNORECASE)


def message_in(body: bytes) -> str:
    """Return the first line of the error in ``body``, in any of the shapes servers use; at most 200 characters."""
    try:
        return message_of(json.loads(body))
    except (ValueError, RecursionError):
        return page_title(body) or ""


def message_of(value: object) -> str:
    """Return the first line of the error in a JSON value; at most 200 characters."""
    lines = _sentence(value, 4).strip().splitlines()
    line = re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", lines[0]) if lines else ""
    return line.encode("utf-8", "replace").decode()[:_MAX_CHARACTERS]


def error_of(body: Any) -> str | None:
    """Return the message of an event that is an error, or None if it is none; the message may be empty.

    These are errors: ``{"error": ...}`` with a string or an object, ``{"object": "error"}``, ``{"type": "error"}``, a
    choice that ended in an error, ``{"detail": ...}`` and its like in an event without an answer, and a list of these.
    """
    if not isinstance(body, dict):
        return error_of(body[0]) if isinstance(body, list) and body else None
    # Some servers send a null with every event.
    if body.get("error") or "error" in {str(body.get(key)) for key in ("object", "type", "status")}:
        return message_of(body)
    for choice in _dicts(body.get("choices")):
        if choice.get("error") or choice.get("finish_reason") in _FAILED_REASONS:
            return message_of(choice.get("error") or "")
    if not {"choices", "content", "response"} & body.keys() and not _is_chat_message(body.get("message")):
        return message_of({key: body[key] for key in _MESSAGE_KEYS if key in body}) or None
    return None


def is_error(body: Any) -> bool:
    """Return whether an event is an error."""
    return error_of(body) is not None


def error_data(data: bytes) -> bytes:
    """Return ``{"error": ...}`` for the data of an event that its name calls an error; it may be JSON or text."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = message_of(data.decode("utf-8", "replace"))
    return data if is_error(body) else json.dumps({"error": body or {"message": ""}}).encode()


def is_chat(body: Any) -> bool:
    """Return whether an event is part of a chat: a message, or a change of one, instead of the text of a completion."""
    if not isinstance(body, dict):
        return False
    if any("text" not in choice and _is_chat_message(_message(choice)) for choice in _dicts(body.get("choices"))):
        return True
    return "response" not in body and _is_chat_message(body.get("message"))


def page_title(body: bytes) -> str | None:
    """Return the title of a web page, which may be empty, or None if ``body`` is none."""
    text = body[:_MAX_PAGE_BYTES].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if not text.startswith("<"):
        return None
    title = _TITLE.search(text)
    return " ".join(html.unescape(title[1]).split())[:80] if title else ""


def _sentence(value: object, depth: int) -> str:
    """Return the first text in ``value``; FastAPI repeats the user's text in ``input``, which is not read."""
    if isinstance(value, str):
        return value
    if depth and isinstance(value, dict):
        return next((text for key in _MESSAGE_KEYS if (text := _sentence(value.get(key), depth - 1)).strip()), "")
    if depth and isinstance(value, list):
        return next((text for item in value[:4] if (text := _sentence(item, depth - 1)).strip()), "")
    return ""


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _message(choice: dict[str, Any]) -> object:
    return choice.get("delta") if "delta" in choice else choice.get("message")


def _is_chat_message(value: object) -> bool:
    return isinstance(value, dict) and bool({"role", "content", "tool_calls", "reasoning_content"} & value.keys())
