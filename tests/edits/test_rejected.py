"""What the user undid or rejected is not proposed again, and nothing follows an undo."""

from __future__ import annotations

import pytest

from infill_completion.edits.proposal import Silence, lines_of
from tests.edits.marked import Buffer, played

MARKED = "def f(«count⟶total»):\n    x = count\n    return count\n"


def test_nothing_follows_an_undo() -> None:
    buffer, _ = played(MARKED, "python")
    taken = buffer.ask().proposals[0]
    buffer.take(taken)
    buffer.replace(taken.start, taken.start + len(taken.text), "count")
    assert buffer.ask().silence is Silence.UNDONE


def test_what_was_undone_is_not_proposed_again() -> None:
    buffer, _ = played(MARKED, "python")
    taken = buffer.ask().proposals[0]
    buffer.take(taken)
    buffer.replace(taken.start, taken.start + len(taken.text), "count")
    buffer.ask()
    buffer.type_over(buffer.text.index("return count") + 7, "count", "total")
    assert buffer.ask().proposals == ()


def test_what_was_rejected_is_not_proposed_again() -> None:
    buffer, _ = played(MARKED, "python")
    first, second = buffer.ask().proposals
    buffer.window.rejections.add(buffer.uri, *lines_of(buffer.text, first))
    assert buffer.ask().proposals == (second,)
    buffer.window.rejections.add(buffer.uri, *lines_of(buffer.text, second))
    assert buffer.ask().silence is Silence.REJECTED


@pytest.mark.parametrize(
    "text",
    [
        "def f(count):\n    return count\n\n\nclass A:\n    def go(self):\n        return f(1)\n\n\nx = A().go()\n" * 8,
        "for a in b:\n    print(a, 'a b', a + 1)\n    c = [d for d in a if d is not None]\n" * 12,
    ],
)
def test_typing_forward_shows_nothing(text: str) -> None:
    buffer = Buffer("")
    shown = []
    for index, key in enumerate(text):
        buffer.replace(index, index, key)
        shown += [index] if buffer.ask().proposals else []
    assert shown == []


def test_typing_in_the_middle_of_a_file_shows_nothing() -> None:
    head, tail = "def f(count):\n    return count\n\n", "\n\nx = f(1)\ny = f(2)\n"
    typed = "def g(count):\n    total = f(count)\n    return total + f(2)\n"
    buffer = Buffer(head + tail)
    shown = []
    for index, key in enumerate(typed):
        buffer.replace(len(head) + index, len(head) + index, key)
        shown += [index] if buffer.ask().proposals else []
    assert shown == []


def test_no_place_is_on_the_line_of_the_cursor() -> None:
    buffer, _ = played("def f(«count⟶total»):\n    return count\n", "python")
    assert buffer.ask(offset=buffer.text.index("return")).proposals == ()


def test_a_stopped_proposer_gives_up() -> None:
    buffer, _ = played(MARKED, "python")
    buffer.window.is_stopped = True
    assert buffer.ask().silence is Silence.SUPERSEDED
    buffer.window.is_stopped = False
    assert buffer.ask().proposals
