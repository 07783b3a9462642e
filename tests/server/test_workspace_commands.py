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


def item(insert_text: str, text: str) -> dict[str, Any]:
    return {"insertText": insert_text, "command": {"command": "infill.accepted", "arguments": ["file:///a.py", text]}}


def counts(server: Any) -> tuple[int, int, int, int]:
    """Return how many suggestions were shown, taken whole and taken partly, and how many characters."""
    found = server.session.acceptance.to_json()
    return found["shown"], found["whole"], found["partly"], found["characters"]


@pytest.mark.parametrize(
    ("insert_text", "text", "lengths", "expected"),
    [
        ("x = foo(bar)", "foo(bar)", [7], (0, 1, 3)),  # a word
        ("x = foo(bar)", "foo(bar)", [7, 11], (0, 1, 7)),  # one word, then another: the length grows
        ("x = foo(bar)", "foo(bar)", [7, 11, 12], (1, 0, 8)),
        ("x = foo(bar)", "foo(bar)", [12], (1, 0, 8)),
        ("x = foo(bar)", "foo(bar)", [99], (1, 0, 8)),
        ("x = foo(bar)", "foo(bar)", [11, 7], (0, 1, 7)),  # a part that was taken is not taken back
        ("x = foo(bar)", "foo(bar)", [0], (0, 0, 0)),
        ("x = foo(bar)", "foo(bar)", [4], (0, 0, 0)),  # no more than was typed
        ("x = foo(bar)", "foo(bar)", [-3], (0, 0, 0)),
        ("  '🎉🎉'", "'🎉🎉'", [5], (0, 1, 2)),  # UTF-16
        ("  '🎉🎉'", "'🎉🎉'", [4], (0, 1, 1)),  # inside a character
        ("if x:\n    a\n", "\r\n    a\r\n", [11], (0, 1, 6)),  # the client splits at line feeds
        ("if x:\n    a\n", "\r\n    a\r\n", [12], (1, 0, 7)),
        ("if x:\r\n    a", "\r\n    a", [7, 11], (0, 1, 6)),
        ("something else", "foo", [9], (0, 0, 0)),
    ],
)
def test_parts_of_any_length_are_counted(
    reported: tuple[Any, list[tuple[str, str]]],
    insert_text: str,
    text: str,
    lengths: list[int],
    expected: tuple[int, int, int],
) -> None:
    server, accepted = reported
    for length in lengths:
        workspace_commands.partially_accepted(server, {"item": item(insert_text, text), "acceptedLength": length})
    assert counts(server)[1:] == expected
    assert len(accepted) == expected[0]


async def test_an_item_that_is_taken_in_parts_to_its_end_counts_once(
    reported: tuple[Any, list[tuple[str, str]]],
) -> None:
    """Some clients run the item's command for the last part, others report its length, and some do both."""
    server, accepted = reported
    for reports, runs in ((False, True), (True, False), (True, True)):
        for number in range(3):
            one = item(f"x{number} = foo(bar)", f"foo(bar){number}")
            one["insertText"] = f"x = foo(bar){number}"
            before = counts(server)
            accepted.clear()
            for length in (7, 11, *([13] if reports else [])):
                workspace_commands.partially_accepted(server, {"item": one, "acceptedLength": length})
            if runs:
                await workspace_commands.accepted(server, *one["command"]["arguments"])
            after = counts(server)
            assert tuple(now - then for now, then in zip(after, before, strict=True)) == (0, 1, 0, 9)
            assert len(accepted) == 1


async def test_the_same_text_may_be_taken_twice(reported: tuple[Any, list[tuple[str, str]]]) -> None:
    server, accepted = reported
    for _ in range(2):
        await workspace_commands.accepted(server, "file:///a.py", "()")
    assert counts(server) == (0, 2, 0, 4)
    assert len(accepted) == 2


async def test_what_is_shown_is_counted(reported: tuple[Any, list[tuple[str, str]]]) -> None:
    server, _ = reported
    for one in (ITEM, ITEM, item("y", "y"), {}, None, {"insertText": 1}):
        workspace_commands.shown(server, {"item": one})
    workspace_commands.shown(server, None)
    statistics = await workspace_commands.statistics(server)
    assert statistics["acceptance"] == {"shown": 2, "whole": 0, "partly": 0, "characters": 0}
