"""Parses the body of ``POST /v1/completions`` into a checked request.

Format: OpenAI's completions endpoint, plus our own ``context``, ``deadline_ms``, ``explain``, ``one_line``,
``ends_with_line``, ``is_invoked``, ``ahead``, ``next_characters``, ``rewrite``, ``workspace`` and ``document``.
``null`` means the default everywhere.  Unknown fields are ignored, so that clients of other servers work unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from infill_completion.api import CompletionRequest, ContextItem, PastEdit, Rewrite

_MAX_STOPS = 64


class BadRequestError(Exception):
    """The body is not a completion request; the message is one sentence, and ``param`` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


def parse_request(body: bytes) -> CompletionRequest:
    """Return the request in ``body``.

    Raises:
        BadRequestError: The body is not a JSON object, or a field has the wrong type or is out of range.
    """
    fields = json_object(body)
    given = Fields(fields)
    default = CompletionRequest("")
    rewrite = _rewrite(fields.get("rewrite"))
    return CompletionRequest(
        prefix="" if rewrite is not None else _prompt(fields.get("prompt")),
        suffix=text_of(fields["suffix"], "suffix") if fields.get("suffix") is not None else None,
        context=_context(fields.get("context")),
        max_tokens=given.integer("max_tokens", default.max_tokens, 1, 1 << 20),
        temperature=given.number("temperature", default.temperature, 0.0, 2.0),
        top_p=given.number("top_p", default.top_p, 0.0, 1.0),
        n=given.integer("n", default.n, 1, 32),
        seed=given.optional_integer("seed", -(1 << 63), (1 << 64) - 1),
        stop=_stop(fields.get("stop")),
        deadline_ms=given.optional_integer("deadline_ms", 1, 1 << 31),
        logprobs=given.optional_integer("logprobs", 0, 20),
        echo=given.boolean("echo", default.echo),
        stream=given.boolean("stream", False),
        explain=given.boolean("explain", default.explain),
        one_line=given.boolean("one_line", default.one_line),
        ends_with_line=given.boolean("ends_with_line", default.ends_with_line),
        workspace=_optional_text(fields, "workspace"),
        document=_optional_text(fields, "document"),
        is_invoked=given.boolean("is_invoked", default.is_invoked),
        ahead=given.boolean("ahead", default.ahead),
        next_characters=given.integer("next_characters", default.next_characters, 0, 32),
        rewrite=rewrite,
    )


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in ``body``.

    Raises:
        BadRequestError: There is none.
    """
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("Invalid JSON; send one JSON object.") from error
    if not isinstance(fields, dict):
        raise BadRequestError("The body must be one JSON object.")
    return fields


class Fields:
    """Typed access to the fields of a JSON object; every method raises `BadRequestError` for another type."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def optional_integer(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number from ``low`` to ``high``, or None."""
        if (value := self._fields.get(name)) is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise BadRequestError(f"`{name}` must be a whole number from {low} to {high}.", name)
        return value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``."""
        value = self.optional_integer(name, low, high)
        return default if value is None else value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """Return a number from ``low`` to ``high``."""
        if (value := self._fields.get(name)) is None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise BadRequestError(f"`{name}` must be a number from {low:g} to {high:g}.", name)
        return float(value)

    def boolean(self, name: str, default: bool) -> bool:
        """Return true or false."""
        if (value := self._fields.get(name)) is None:
            return default
        if not isinstance(value, bool):
            raise BadRequestError(f"`{name}` must be true or false.", name)
        return value


def text_of(value: object, name: str) -> str:
    """Return ``value`` as text that can be encoded; a lone surrogate becomes U+FFFD, so the length stays the same.

    Raises:
        BadRequestError: It is not a string.
    """
    if not isinstance(value, str):
        raise BadRequestError(f"`{name}` must be a string.", name)
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _prompt(value: object) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None:
        raise BadRequestError("`prompt` is missing; send the text before the cursor.", "prompt")
    if not isinstance(value, str):
        raise BadRequestError("`prompt` must be one string, or a list of one string.", "prompt")
    return text_of(value, "prompt")


def _optional_text(fields: Mapping[str, Any], name: str) -> str:
    return "" if fields.get(name) is None else text_of(fields[name], name)


def _stop(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or len(stops) > _MAX_STOPS or not all(isinstance(stop, str) for stop in stops):
        raise BadRequestError(f"`stop` must be a string or a list of at most {_MAX_STOPS} strings.", "stop")
    return tuple(text_of(stop, "stop") for stop in stops if stop)


def _context(value: object) -> tuple[ContextItem, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadRequestError("`context` must be a list of objects with `path` and `text`.", "context")
    return tuple(_context_item(item) for item in value)


def _context_item(item: object) -> ContextItem:
    if not isinstance(item, dict) or not {"path", "text"} <= item.keys():
        raise BadRequestError("`context` must be a list of objects with `path` and `text`.", "context")
    return ContextItem(text_of(item["path"], "context.path"), text_of(item["text"], "context.text"))


def _rewrite(value: object) -> Rewrite | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadRequestError("`rewrite` must be an object with the lines to rewrite in `text`.", "rewrite")
    texts = _texts(value, "rewrite", "form", "path", "above", "text", "below", "earlier")
    cursor = Fields(value).integer("cursor", 0, 0, len(texts["text"]))
    edits = value.get("edits") or ()
    if not isinstance(edits, list | tuple) or not all(isinstance(edit, dict) for edit in edits):
        raise BadRequestError("`rewrite.edits` must be a list of objects with `before` and `after`.", "rewrite.edits")
    return Rewrite(**texts, cursor=cursor, edits=tuple(map(_past_edit, edits)))


def _past_edit(edit: Mapping[str, Any]) -> PastEdit:
    texts = _texts(edit, "rewrite.edits", "path", "before", "after")
    return PastEdit(**texts, line=Fields(edit).integer("line", 1, 1, 1 << 31))


def _texts(value: Mapping[str, Any], field: str, *names: str) -> dict[str, str]:
    given = {name: value.get(name) for name in names}
    return {name: "" if text is None else text_of(text, f"{field}.{name}") for name, text in given.items()}
