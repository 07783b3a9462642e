"""The words in which a server refuses a request, in any of the shapes of its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

_MAX_CHARACTERS = 2000
_MAX_STRINGS = 40
_MAY_BE_LOADING = frozenset({425, 503})
_LOADING = re.compile(
    r"\b(loading|loads|starting( up)?|warming|initiali[sz]ing)\b|being loaded|not (yet )?(loaded|ready)", re.I
)
# FastAPI repeats the request here, and with it the user's text.
_ECHOES = frozenset({"input", "body", "prompt", "url", "request", "traceback"})


def refusal_text(body: bytes) -> str:
    """Return the strings of a refusal, without those that repeat the request; at most 2,000 characters.

    The names of refused fields are among them: in OpenAI's ``param``, in FastAPI's ``loc``, or in the sentence.
    """
    try:
        strings = list(islice(_strings(json.loads(body)), _MAX_STRINGS))
    except (ValueError, RecursionError):
        strings = [body[:_MAX_CHARACTERS].decode("utf-8", "replace")]
    return " ; ".join(strings)[:_MAX_CHARACTERS]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in _ECHOES:
                yield from _strings(item)


def says_loading(status: int, body: bytes) -> bool:
    """Return whether a refusal says that the model is being loaded, as llama.cpp's and Hugging Face's do."""
    return status in _MAY_BE_LOADING and _LOADING.search(refusal_text(body)) is not None
