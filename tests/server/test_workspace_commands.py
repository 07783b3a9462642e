"""Acceptance as reported by clients of Copilot's protocol, whole or in parts."""

from __future__ import annotations

from typing import Any

import pytest

from infill_server import workspace_commands
from infill_server.commands.serve import create_server

ITEM = {"insertText": "x = '🎉'", "command": {"command": "infill.accepted", "arguments": ["file:///a.py", "'🎉'"]}}


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[tuple[str, str]]]:
    server, accepted = create_server(), list[tuple[str, str]]()
    monkeypatch.setattr(server.session, "accepted", lambda uri, text: accepted.append((uri, text)))
    return server, accepted


def test_accepting_the_last_part_counts_as_acceptance(reported: tuple[Any, list[tuple[str, str]]]) -> None:
    server, accepted = reported
    for length in (1, 4, 7):
        workspace_commands.partially_accepted(server, {"item": ITEM, "acceptedLength": length})
    assert accepted == []
    workspace_commands.partially_accepted(server, {"item": ITEM, "acceptedLength": 8})
    assert accepted == [("file:///a.py", "'🎉'")]


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        {"item": ITEM},
        {"item": {"insertText": "x"}, "acceptedLength": 5},
        {"item": {"insertText": "x", "command": {"arguments": [1, 2]}}, "acceptedLength": 5},
    ],
)
def test_foreign_and_ill_typed_notifications_are_ignored(
    reported: tuple[Any, list[tuple[str, str]]], params: Any
) -> None:
    server, accepted = reported
    workspace_commands.partially_accepted(server, params)
    assert accepted == []


async def test_accepting_an_item_with_its_own_arguments_reaches_the_session(
    reported: tuple[Any, list[tuple[str, str]]],
) -> None:
    server, accepted = reported
    await workspace_commands.accepted(server, *ITEM["command"]["arguments"])  # type: ignore[index]
    assert accepted == [("file:///a.py", "'🎉'")]
