"""A file is a trace only if everything that a replay needs is there, with the right type."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from infill_server.recording.trace_file import TraceError, read

HEADER = {
    "infill_trace": 1,
    "version": "1",
    "seed": 1,
    "settings": {},
    "client": {"name": "editor", "capabilities": {}},
    "folders": [{"uri": "file:///folder1", "name": "folder"}],
    "model": {"name": "m", "sha256": None},
}
ASKS = {"textDocument": {"uri": "file:///file1.py"}, "position": {"line": 0, "character": 0}}
EVENTS: list[dict[str, Any]] = [
    {"ms": 0, "client": {"method": "textDocument/completion", "params": ASKS, "id": 1}},
    {"ms": 1.5, "asked": {"n": 1, "sha256": "ab"}},
    {"ms": 2, "chunk": {"n": 1, "text": "x", "finish_reason": "stop", "token_count": 1, "logprob_sum": -1}},
    {"ms": 2, "over": {"n": 1, "how": "ended"}},
    {"ms": 3, "answer": {"id": 1, "items": [{"text": "x", "range": None}]}},
    {"ms": 4, "client": {"method": "$/cancelRequest", "params": {"id": 1}}},
    {"ms": 5, "settings": {"settings": {}}},
]
NEEDED = [(0, name) for name in ("version", "settings", "client", "folders", "model")]
NEEDED += [
    (1, "method"),
    (1, "params"),
    (2, "n"),
    (3, "n"),
    (4, "n"),
    (4, "how"),
    (5, "id"),
    (6, "params"),
    (7, "settings"),
]
OPTIONAL = [(1, "id"), (2, "sha256"), (3, "text"), (3, "finish_reason"), (3, "token_count"), (5, "items")]


def written(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_whole_trace_is_read(tmp_path: Path) -> None:
    assert len(read(written(tmp_path / "a", [HEADER, *EVENTS])).events) == len(EVENTS)


WRONG = [
    (row, name, value)
    for row, name in NEEDED + OPTIONAL
    for value in (7.5, [1], {"a": 1}, [[1]], True)
    if not (isinstance(value, dict) and name in {"settings", "model"})  # these are tables
]


@pytest.mark.parametrize(("row", "name", "value"), WRONG)
def test_a_field_of_another_type_is_no_trace(tmp_path: Path, row: int, name: str, value: object) -> None:
    rows: list[Any] = copy.deepcopy([HEADER, *EVENTS])
    place = rows[row] if row == 0 else next(data for key, data in rows[row].items() if key != "ms")
    place[name] = value
    with pytest.raises(TraceError, match="is not a trace"):
        read(written(tmp_path / "a", rows))


@pytest.mark.parametrize(("row", "name"), NEEDED)
def test_a_field_that_is_missing_is_no_trace(tmp_path: Path, row: int, name: str) -> None:
    rows: list[Any] = copy.deepcopy([HEADER, *EVENTS])
    place = rows[row] if row == 0 else next(data for key, data in rows[row].items() if key != "ms")
    del place[name]
    with pytest.raises(TraceError, match="is not a trace"):
        read(written(tmp_path / "a", rows))


@pytest.mark.parametrize(
    "event",
    [
        {"ms": 0},
        {"ms": 0, "other": {}},
        {"ms": 0, "over": {"n": 1, "how": "ended"}, "asked": {"n": 1}},
        {"ms": float("nan"), "asked": {"n": 1}},
        {"ms": "soon", "asked": {"n": 1}},
        {"ms": 10**400, "asked": {"n": 1}},
        {"ms": 0, "client": {"method": "workspace/applyEdit", "params": {}}},
        {"ms": 0, "client": {"method": "textDocument/completion", "params": {}}},
        {"ms": 0, "answer": {"id": 1, "items": [{"text": 5}]}},
        {"ms": 0, "chunk": {"n": 1, "finish_reason": "tired"}},
    ],
)
def test_an_event_that_cannot_happen_is_no_trace(tmp_path: Path, event: object) -> None:
    with pytest.raises(TraceError, match="is not a trace"):
        read(written(tmp_path / "a", [HEADER, event]))
