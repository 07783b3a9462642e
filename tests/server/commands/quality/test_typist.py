"""A typist who fills holes, with and without latency."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_completion.api import CompletionRequest
from infill_completion.document.snapshot import Answer, Snapshot
from infill_completion.engine.errors import ModelError
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind
from infill_server.commands.bench.quality.typist import right_part, type_holes, typing_settings
from infill_server.errors import MeasurementError
from tests.scripted_engine import Reply, ScriptedEngine

SETTINGS = typing_settings(Settings(completion=CompletionSettings(deadline_ms=60_000)), has_latency=False)
WORDS = (
    "anchor", "basket", "candle", "dragon", "engine", "fabric", "garden", "hammer", "island", "jacket", "kettle",
    "ladder", "magnet", "needle", "orchid", "pepper", "quiver", "ribbon", "saddle", "tunnel",
)  # fmt: skip
EXPECTED = "alpha_beta = gamma_delta(epsilon)"
HOLE = CodeHole(Path("/w/a.py"), "zeta = 1\n\n", EXPECTED, "\n\nprint(zeta)\n", HoleKind.LINE)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedEngine]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with ScriptedEngine() as scripted:
        yield scripted


def rest(request: CompletionRequest) -> Reply:
    """Answer with what is still missing."""
    return Reply([*EXPECTED[len(request.prefix) - len(HOLE.prefix) :], "\n"])


def wrong(_request: CompletionRequest) -> Reply:
    return Reply([*"qqq = www", "\n"])


def after_equals(request: CompletionRequest) -> Reply:
    """Answer rightly once the equals sign is there."""
    return rest(request) if "= gamma" in request.prefix[len(HOLE.prefix) :] else wrong(request)


@pytest.mark.parametrize(
    ("script", "saved", "accepted"),
    [(rest, len(EXPECTED) - 1, 1), (wrong, 0, 0), (after_equals, len("_delta(epsilon)") - 1, 1)],
)
async def test_a_right_suggestion_is_accepted_at_the_price_of_a_key(
    engine: ScriptedEngine, script: object, saved: int, accepted: int
) -> None:
    engine.default = script  # type: ignore[assignment]
    figures = (await type_holes(SETTINGS, [HOLE, HOLE], None)).summary()
    assert figures["chars"] == 2 * len(EXPECTED)
    assert (figures["saved_chars"], figures["accepted"]) == (2 * saved, 2 * accepted)
    assert figures["in_time_share"] == 1.0
    assert figures["interval_ms"] is None
    assert figures["saved_interval"][0] <= figures["saved_share"] <= figures["saved_interval"][1]


@pytest.mark.parametrize("answers", [True, False])
async def test_a_long_line_is_accepted_as_a_whole_and_not_typed_to_its_end(
    engine: ScriptedEngine, answers: bool
) -> None:
    """A suggestion that goes on beyond what is typed of a hole is right all the same."""
    text = f"alpha = [{', '.join(WORDS)}]"
    hole = CodeHole(Path("/w/a.py"), "zeta = 1\n\n", text, "\n\nprint(zeta)\n", HoleKind.LINE)
    engine.default = lambda request: Reply(
        [*re.findall(r"\W*\w*", text[len(request.prefix) - len(hole.prefix) :]), "\n"]
        if answers
        else ["qqq = www", "\n"]
    )
    typed = await type_holes(SETTINGS, [hole], None)
    assert (typed.chars, typed.saved) == ([len(text) if answers else 120], [len(text) - 1 if answers else 0])


async def test_an_answer_after_the_next_key_saves_nothing(engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.default = lambda _request: Reply([gate, *EXPECTED])
    typed = await type_holes(SETTINGS, [HOLE], 1.0)
    gate.set()
    assert (typed.keys, typed.in_time, typed.accepted, sum(typed.saved)) == (len(EXPECTED), 0, 0, 0)
    with pytest.raises(MeasurementError, match=f"None of {len(EXPECTED)} keys was answered before the next one"):
        typed.summary()


async def test_a_generation_that_agrees_with_the_next_key_is_not_lost(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first tokens agree with what is typed, so that the server goes on with it and answers a later key."""
    gate, keys, complete = threading.Event(), itertools.count(1), Completer.complete

    def answer(request: CompletionRequest) -> Reply:
        missing = EXPECTED[len(request.prefix) - len(HOLE.prefix) :]
        if len(engine.requests) == 1:
            return Reply([missing[:12], gate, missing[12:], "\n"])
        return Reply([*"qqq", "\n"])

    async def counted(completer: Completer, snapshot: Snapshot) -> Answer:
        if next(keys) == 5:
            gate.set()
        return await complete(completer, snapshot)

    monkeypatch.setattr(Completer, "complete", counted)
    engine.default = answer
    typed = await type_holes(SETTINGS, [HOLE], 40.0)
    assert typed.accepted == 1
    assert typed.in_time < typed.keys


async def test_an_engine_that_fails_has_no_figures(engine: ScriptedEngine) -> None:
    engine.default = Reply([], error=ModelError("The device is gone."))
    with pytest.raises(MeasurementError):
        await type_holes(SETTINGS, [HOLE], None)


@pytest.mark.parametrize(
    ("shown", "rest_", "accepted"),
    [
        ("b = 1", "b = 1", "b = 1"),
        ("b = 1  \n", "b = 1", "b = 1"),
        ("b = ", "b = 1", "b ="),
        ("b = 1\nc = 2", "b = 1", "b = 1"),  # the first line is accepted alone
        ("b = 1\nc = 2", "b = 1\nd = 3", "b = 1"),
        ("b = 1\nc = 2", "b = 1\nc = 2\nd = 3", "b = 1\nc = 2"),
        ("b = 12", "b = 1", ""),
        ("b", "b = 1", ""),
        ("", "b = 1", ""),
        ("\n", "b", ""),
        ("\nb", "\nb = 1", "\nb"),
    ],
)
def test_only_what_comes_next_is_accepted(shown: str, rest_: str, accepted: str) -> None:
    assert right_part(shown, rest_) == accepted
