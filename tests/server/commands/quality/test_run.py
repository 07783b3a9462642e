"""Holes completed through the whole pipeline, and runs that measured nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infill_completion.api import CompletionRequest
from infill_completion.document.snapshot import SkipReason
from infill_completion.engine.errors import ModelError
from infill_completion.settings import CompletionSettings, EngineSettings, Settings
from infill_server.commands.bench.quality.cutting import HoleSource, holes
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind
from infill_server.commands.bench.quality.outcome import Outcome
from infill_server.commands.bench.quality.run import run, verify
from infill_server.commands.bench.quality.summary import difference, summary
from infill_server.errors import MeasurementError
from tests.scripted_engine import Reply, ScriptedEngine

TEXT = "".join(f"def f{n}(items):\n    total{n} = {n}\n    return total{n} + items\n\n\n" for n in range(12))
SETTINGS = Settings(completion=CompletionSettings(temperature=0.0, candidates=1, deadline_ms=60_000))


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedEngine]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with ScriptedEngine() as scripted:
        yield scripted


def cut(kind: HoleKind, count: int = 6) -> list[CodeHole]:
    return holes([HoleSource(Path("/w/a.py"), TEXT)], count, 1, kind)


def right(wanted: list[CodeHole]) -> object:
    """Return a script that answers with what was removed."""
    by_prefix = {hole.prefix: hole for hole in wanted}

    def answer(request: CompletionRequest) -> Reply:
        hole = by_prefix[request.prefix]
        return Reply([*hole.expected, "\n"] if hole.kind is not HoleKind.BLOCK else [*hole.expected])

    return answer


@pytest.mark.parametrize("kind", list(HoleKind))
async def test_right_answers_are_exact_in_holes_of_each_kind(engine: ScriptedEngine, kind: HoleKind) -> None:
    wanted = cut(kind)
    engine.default = right(wanted)  # type: ignore[assignment]
    measured = await run(SETTINGS, wanted)
    assert [outcome.text and outcome.is_exact for outcome in measured.outcomes] == [True] * len(wanted)
    assert all(outcome.is_asked and outcome.reason is None for outcome in measured.outcomes)
    assert measured.subject["device"] == "cpu"
    figures = summary(measured.outcomes)
    (by_kind,) = [row for name, row in figures["by_kind"].items() if "," not in name]
    assert by_kind["exact_share"] == figures["exact_share"] == 1.0
    assert by_kind["exact_interval"][0] < 1.0
    assert figures["by_language"]["python"].keys() == figures["by_kind"].keys()


async def test_an_engine_that_fails_or_says_nothing_has_no_figures(engine: ScriptedEngine) -> None:
    engine.default = ""
    with pytest.raises(MeasurementError, match="None of 6 holes got a suggestion"):
        await run(SETTINGS, cut(HoleKind.LINE))
    engine.default = Reply([], error=ModelError("The device is gone."))
    with pytest.raises(MeasurementError):
        await run(SETTINGS, cut(HoleKind.LINE))


async def test_a_language_that_is_switched_off_has_no_figures(engine: ScriptedEngine) -> None:
    off = replace(SETTINGS, completion=replace(SETTINGS.completion, languages={"python": False}))
    with pytest.raises(MeasurementError, match="None of 6 holes reached the engine"):
        await run(off, cut(HoleKind.LINE))
    assert engine.requests == []


async def test_an_engine_that_cannot_start_has_no_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with ScriptedEngine(load_error="The file is broken; fetch it again."), pytest.raises(RuntimeError, match="broken"):
        await run(SETTINGS, cut(HoleKind.LINE))
    unreachable = replace(SETTINGS, engine=EngineSettings(url="http://127.0.0.1:9", model="m"))
    with pytest.raises((RuntimeError, MeasurementError)):
        await run(unreachable, cut(HoleKind.LINE))


def outcome(text: str | None, reason: SkipReason | None = None, *, name: str = "a.py") -> Outcome:
    return Outcome(CodeHole(Path("/w") / name, "x = ", "1", "\n"), text, 0.5, 1.0, reason)


def test_answers_that_came_too_late_are_no_measurement() -> None:
    late = outcome(None, SkipReason.TOO_SLOW)
    verify([outcome("1")] * 9 + [late])
    with pytest.raises(MeasurementError, match="2 of 10 answers came after the deadline"):
        verify([outcome("1")] * 8 + [late] * 2)
    with pytest.raises(MeasurementError, match="no holes"):
        verify([])


def test_whether_a_hole_parses_is_known_by_its_language() -> None:
    named = CodeHole(Path("/w/untitled-1"), "x = ", "1", "\n", language="python")
    assert [Outcome(named, text, 0.5, 1.0).parses for text in ("1", "1 +", None)] == [True, False, None]
    assert Outcome(replace(named, language="go"), "1", 0.5, 1.0).parses is None


def test_a_difference_is_paired() -> None:
    before = [outcome("1"), outcome("2"), outcome("2"), outcome(None, SkipReason.EMPTY)]
    after = [outcome("2"), outcome("1"), outcome("1"), outcome("1")]
    found = difference(before, after)
    assert (found["gained"], found["lost"], found["exact_difference"]) == (3, 1, 0.5)
    assert found["relative"] == 2.0
    assert found["exact_interval"][0] < 0.5 < found["exact_interval"][1]
    assert difference(before, before)["exact_difference"] == 0
    assert difference([outcome(None)], [outcome("1")])["relative"] is None


def test_figures_by_language_and_reasons() -> None:
    figures = summary([outcome("1"), outcome("1", name="a.go"), outcome(None, SkipReason.EMPTY, name="a.go")])
    assert figures["by_language"]["go"]["rest of the line"]["hits"] == 1
    assert figures["by_language"]["python"]["rest of the line"]["count"] == 1
    assert figures["without_suggestion"] == {"empty": 1}
    assert figures["by_kind"]["rest of the line, at token borders"]["count"] == 3


def test_a_block_counts_whole_and_its_first_line_alone() -> None:
    hole = CodeHole(Path("/w/a.py"), "if x:\n    ", "a = 1\n    b = 2", "\n", HoleKind.BLOCK)
    whole = Outcome(hole, "a = 1  \n    b = 2\n", 0.5, 1.0)
    first = Outcome(hole, "a = 1\n    c = 2", 0.5, 1.0)
    assert (whole.is_exact, whole.has_first_line, whole.saved_chars) == (True, True, len(hole.expected) - 1)
    assert (first.is_exact, first.has_first_line, first.saved_chars) == (False, True, 0)
    longer = Outcome(hole, "a = 1\n    b = 2\n    c = 3", 0.5, 1.0)
    assert not longer.is_exact
