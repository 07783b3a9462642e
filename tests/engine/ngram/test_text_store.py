from __future__ import annotations

import threading

import pytest

from infill_completion.api import TextUpdate
from infill_completion.engine.ngram.index import MatchLevel
from infill_completion.engine.ngram.text_store import TextStore


def store(max_tokens: int = 1000) -> TextStore:
    return TextStore(lambda text: list(text.encode()), 256, max_tokens)


def follower(held: TextStore, tail: str, workspace: str = "w") -> str:
    """Return what the index says about the next token, the most frequent first."""
    index = held.index(workspace)
    levels = [] if index is None else index.levels(list(tail.encode()))
    return "".join(map(chr, levels[0].shares)) if levels else ""


def test_texts_count_once_an_update_is_complete() -> None:
    held = store()
    assert held.index("w") is None
    held.update(TextUpdate("w", (("a", "xyz"),), more=True))
    assert held.index("w") is None
    answer = held.update(TextUpdate("w", (("b", "xyy"),)))
    assert (answer.texts, answer.tokens) == (2, 6)
    assert sorted(follower(held, "xy")) == ["y", "z"]


def test_an_update_without_texts_completes_what_came_before_and_says_what_is_held() -> None:
    held = store()
    held.update(TextUpdate("w", (("a", "xyz"),), more=True))
    assert held.update(TextUpdate("w")).texts == 1
    assert follower(held, "xy") == "z"
    index = held.index("w")
    held.update(TextUpdate("w"))
    assert held.index("w") is index
    assert held.update(TextUpdate("unknown")).texts == 0
    assert held.index("unknown") is None


def test_a_new_text_replaces_the_old_one() -> None:
    held = store()
    held.update(TextUpdate("w", (("a", "xyz"),)))
    answer = held.update(TextUpdate("w", (("a", "xyyy"),)))
    assert (answer.texts, answer.tokens) == (1, 4)
    assert follower(held, "xy") == "y"


def test_a_removed_text_takes_no_part_in_the_next_token_of_a_running_request() -> None:
    held = store()
    held.update(TextUpdate("w", (("a", "xyz"), ("b", "xyy"))))
    running = held.index("w")
    assert running is not None
    held.update(TextUpdate("w", (("a", None), ("c", "abc")), more=True))
    assert running.levels(list(b"xy")) == [MatchLevel(2, 1, {ord("y"): 1.0})]
    held.update(TextUpdate("w"))
    assert follower(held, "xy") == "y"
    assert follower(held, "ab") == "c"


def test_the_last_text_takes_its_workspace_with_it() -> None:
    held = store()
    held.update(TextUpdate("w", (("a", "xyz"),)))
    assert held.update(TextUpdate("w", (("a", None),))).texts == 0
    assert held.index("w") is None
    held.update(TextUpdate("w", (("a", None), ("never", None))))


def test_all_texts_of_one_workspace_can_be_replaced() -> None:
    held = store()
    held.update(TextUpdate("w", (("a", "xyz"), ("b", "xyy"))))
    held.update(TextUpdate("v", (("a", "xyy"),)))
    running = held.index("w")
    assert running is not None
    assert held.update(TextUpdate("w", (("c", "abc"),), replace=True)).texts == 1
    assert running.levels(list(b"xy")) == []
    assert (follower(held, "xy"), follower(held, "ab"), follower(held, "xy", "v")) == ("", "c", "y")
    assert held.update(TextUpdate("w", replace=True)).texts == 0
    assert held.index("w") is None


def test_workspaces_do_not_mix() -> None:
    held = store()
    held.update(TextUpdate("w", (("a", "xyz"),)))
    held.update(TextUpdate("v", (("a", "xyy"),)))
    assert (follower(held, "xy", "w"), follower(held, "xy", "v")) == ("z", "y")


def test_the_workspace_that_was_used_least_recently_makes_room() -> None:
    held = store(max_tokens=20)
    for name in ("u", "v"):
        held.update(TextUpdate(name, (("a", "12345678"),)))
    assert held.index("u") is not None  # used after v
    assert held.update(TextUpdate("w", (("a", "12345678"),))).tokens == 8
    assert held.index("v") is None
    assert held.index("u") is not None


def test_large_workspaces_in_turn_do_not_drop_each_other() -> None:
    held = store(max_tokens=20)
    texts = tuple((name, "1234") for name in "abcde")
    for _ in range(2):
        for name in ("v", "w"):
            assert held.update(TextUpdate(name, texts)).tokens == 8
    assert held.index("v") is not None
    assert held.index("w") is not None


def test_a_text_that_is_too_large_takes_no_room_from_others() -> None:
    held = store(max_tokens=20)
    held.update(TextUpdate("v", (("a", "12345678"),)))
    assert held.update(TextUpdate("w", (("a", "x" * 19),))).texts == 0
    assert held.index("v") is not None


def test_a_removed_text_takes_no_part_in_a_request_that_began_before_the_last_update() -> None:
    held = store()
    held.update(TextUpdate("w", (("a", "xyz"), ("b", "xyy"))))
    running = held.index("w")
    assert running is not None
    held.update(TextUpdate("w", (("c", "abc"),)))
    assert held.index("w") is not running
    held.update(TextUpdate("w", (("a", None),)))
    assert running.levels(list(b"xy")) == [MatchLevel(2, 1, {ord("y"): 1.0})]


def test_a_text_that_finds_no_room_is_not_held_and_the_others_are() -> None:
    held = store(max_tokens=20)
    answer = held.update(TextUpdate("w", (("a", "123456"), ("b", "x" * 21), ("c", "abc"), ("d", "y" * 12))))
    assert (answer.texts, answer.tokens) == (2, 9)
    assert follower(held, "ab") == "c"
    # A longer version of a text that was held is not held either, and the old one is gone.
    assert held.update(TextUpdate("w", (("a", "1" * 18),))).tokens == 3


def test_a_store_that_has_forgotten_is_told_from_the_one_before() -> None:
    held = store()
    held.update(TextUpdate("w", (("a", "xyz"),)))
    held.clear()
    assert held.update(TextUpdate("w")).texts == 0
    assert store().update(TextUpdate("w")).store != held.id


@pytest.mark.parametrize("text", ["", "\n", "naïve ☺", "\x00\x01", "x" * 300])
def test_any_text_can_be_held(text: str) -> None:
    held = store()
    assert held.update(TextUpdate("w", (("a", text),))).tokens == len(text.encode())
    assert held.index("w") is not None


def test_updates_from_several_threads_lose_nothing() -> None:
    held = store(max_tokens=100_000)
    threads = [
        threading.Thread(target=held.update, args=(TextUpdate("w", tuple((f"{n}-{m}", "xyz") for m in range(20))),))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held.update(TextUpdate("w")).texts == 160
    index = held.index("w")
    assert index is not None
    assert index.levels(list(b"xy"))[0].count == 160
