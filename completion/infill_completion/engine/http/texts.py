"""Parses the body of ``POST /v1/texts``, an addition of ours: texts of a workspace to count, or names to forget."""

from __future__ import annotations

from infill_completion.api import TextUpdate
from infill_completion.engine.http.requests import BadRequestError, Fields, json_object, text_of

MAX_NAME_CHARS = 200


def parse_update(body: bytes) -> TextUpdate:
    """Return the update in ``body``.

    Raises:
        BadRequestError: The body is not a JSON object, or a field has the wrong type.
    """
    fields = json_object(body)
    texts = fields.get("texts")
    if texts is not None and not isinstance(texts, list):
        raise BadRequestError("`texts` must be a list of objects with `name` and `text`.", "texts")
    return TextUpdate(
        _name(fields.get("workspace"), "workspace"),
        tuple(_named_text(item) for item in texts or ()),
        more=Fields(fields).boolean("more", False),
        replace=Fields(fields).boolean("replace", False),
    )


def _named_text(item: object) -> tuple[str, str | None]:
    if not isinstance(item, dict) or not {"name", "text"} <= item.keys():
        raise BadRequestError("`texts` must be a list of objects with `name` and `text`.", "texts")
    text = item["text"]
    return _name(item["name"], "texts.name"), None if text is None else text_of(text, "texts.text")


def _name(value: object, param: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_CHARS:
        raise BadRequestError(f"`{param}` must be a string of 1 to {MAX_NAME_CHARS} characters.", param)
    return text_of(value, param)
