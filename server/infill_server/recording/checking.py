"""What a trace must hold to be replayed; a file may have been edited, cut, or written by something else."""

from __future__ import annotations

import math
from typing import Any

from lsprotocol import types

from infill_completion.api import FinishReason
from infill_server.recording.messages import Json, rebuilt

_HEADER: dict[str, type] = {"version": str, "settings": dict, "client": dict, "folders": list, "model": dict}
_FIELDS: dict[str, dict[str, type]] = {
    "client": {"method": str, "params": dict},
    "answer": {"id": int},
    "settings": {"settings": dict},
    "asked": {"n": int},
    "chunk": {"n": int},
    "over": {"n": int, "how": str},
}
_OPTIONAL: dict[str, dict[str, type]] = {
    "client": {"id": int},
    "answer": {"items": list},
    "asked": {"sha256": str},
    "chunk": {"text": str, "index": int, "token_count": int, "logprob_sum": float},
}


def check_header(header: Any) -> None:
    """Check the first line of a trace.

    Raises:
        ValueError: It does not describe a session.
    """
    _check(header, _HEADER)
    _check(header["client"], {"name": str, "capabilities": dict})
    for folder in header["folders"]:
        _check(folder, {"uri": str, "name": str})


def check_event(kind: str, at_ms: float, data: Any) -> None:
    """Check one event.

    Raises:
        KeyError: There is no such kind.
        ValueError: Something that a replay needs is missing or has another type.
    """
    _check(data, _FIELDS[kind])
    _check(data, {name: type_ for name, type_ in _OPTIONAL.get(kind, {}).items() if name in data})
    if not math.isfinite(at_ms):
        raise ValueError("time")
    if kind == "client":
        _check_message(data)
    elif kind == "answer":
        for item in data.get("items", ()):
            _check(item, {"text": str})
    elif data.get("finish_reason") is not None:
        FinishReason(data["finish_reason"])


def _check_message(data: Json) -> None:
    method, params = data["method"], data["params"]
    if method == types.CANCEL_REQUEST:
        _check(params, {"id": int})
    elif rebuilt(method, params) is None:
        raise ValueError(method)


def _check(data: Any, fields: dict[str, type]) -> None:
    if not isinstance(data, dict):
        raise ValueError("not an object")  # noqa: TRY004 what is wrong with a file is one error
    for name, type_ in fields.items():
        value = data.get(name)
        is_number = type_ is float and isinstance(value, int)
        if not (isinstance(value, type_) or is_number) or isinstance(value, bool):
            raise ValueError(name)
