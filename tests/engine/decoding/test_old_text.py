"""Drafts of a rewrite from the old lines: how many steps a rewrite takes."""

from __future__ import annotations

import re

import pytest

from infill_completion.engine.decoding.old_text import OldText

MOST = 15
OLD = """def load(path, retries):
    for attempt in range(retries):
        data = read(path)
        if data is not None:
            return decode(data)
    raise LoadError(path)


def store(path, data):
    write(path, encode(data))
"""


def pieces(text: str) -> list[str]:
    return re.findall(r"\n| *\w+|[^\w\n]", text)


def steps(old: str, new: str, most: int = MOST) -> int:
    """Return how many steps write ``new``: each gives one token, and the drafted ones before it that were right."""
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces(old) + pieces(new)))}
    wanted = [vocabulary[piece] for piece in pieces(new)]
    text = OldText([vocabulary[piece] for piece in pieces(old)], lambda id_: id_ == vocabulary.get("\n"))
    at = count = 0
    while at < len(wanted):
        drafted = text.draft(most)
        right = 0
        while right < len(drafted) and wanted[at + right : at + right + 1] == [drafted[right]]:
            right += 1
        for id_ in wanted[at : at + right + 1]:
            text.append(id_)
        at += right + 1
        count += 1
    return count


def test_what_stays_as_it_is_takes_as_many_steps_as_there_are_drafts() -> None:
    assert steps(OLD, OLD) == -(-len(pieces(OLD)) // (MOST + 1))


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("retries", "attempts", 2),
        ("read(path)", "read(path, timeout=3)", 1),
        ("    raise LoadError(path)\n", "", 1),
        ("if data is not None", "if data", 1),
        ("        data = read(path)\n", "        log(path)\n        data = read(path)\n", 1),
        ("decode(data)", "data", 1),
        ("\n\n\ndef store", "\n\ndef store", 1),
    ],
)
def test_a_changed_line_takes_a_few_steps(old: str, new: str, lines: int) -> None:
    changed = OLD.replace(old, new)
    assert changed != OLD
    written = max(len(pieces(new)) - len(pieces(old)), 0) * OLD.count(old)
    assert steps(OLD, changed) <= steps(OLD, OLD) + 5 * lines + written


def test_a_text_that_is_another_one_altogether_takes_a_step_a_token_at_most() -> None:
    other = "nothing of this\nis like it\n" * 20
    assert steps(OLD, other) <= len(pieces(other))


@pytest.mark.parametrize("text", ["", "\n", "a", "a\n" * 500, "x " * 3000])
def test_any_text_is_followed(text: str) -> None:
    assert steps(text, text + "b\n") <= len(pieces(text)) + 2
    assert steps("b\n", text) <= len(pieces(text)) + 1


@pytest.mark.parametrize("change", [(" await", ""), ("load", "read")])
def test_a_change_that_is_made_again_and_again_is_expected(change: tuple[str, str]) -> None:
    old = "".join(f"    value{number} = await load(path{number}, {number})\n" for number in range(30))
    assert steps(old, old.replace(*change)) <= steps(old, old) + 15
