"""Clients of Copilot's protocol tell what was accepted, whole or in parts."""

from __future__ import annotations

from typing import Any

import pytest

from infill_server import workspace_commands
from infill_server.commands.serve import create_server

ITEM = {"insertText": "x = '🎉'", "command": {"command": "infill.accepted", "arguments": ["file:///a.py", "'🎉'"]}}


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[tuple[str, str]]]:
    server, accepted = create_server(), list[tuple[str, str]]()
    monkeypatch.setattr(server.session, "accepted", lambda uri, text: accepted.append((uri, text)))
    return server, accepted


def test_the_last_part_makes_an_acceptance(heard: tuple[Any, list[tuple[str, str]]]) -> None:
    server, accepted = heard
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
def test_what_is_not_ours_or_ill_typed_is_ignored(heard: tuple[Any, list[tuple[str, str]]], params: Any) -> None:
    server, accepted = heard
    workspace_commands.partially_accepted(server, params)
    assert accepted == []


async def test_accepting_an_item_with_its_own_arguments_reaches_the_session(
    heard: tuple[Any, list[tuple[str, str]]],
) -> None:
    server, accepted = heard
    await workspace_commands.accepted(server, *ITEM["command"]["arguments"])  # type: ignore[index]
    assert accepted == [("file:///a.py", "'🎉'")]
