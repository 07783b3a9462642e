"""The figures of the benchmarks, and the server's overhead with an engine that answers at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from infill_completion.document.snapshot import Answer, SkipReason
from infill_server.commands.bench.chart import draw
from infill_server.commands.bench.command import ROWS
from infill_server.commands.bench.keystroke_report import KeystrokeReport, percentile
from infill_server.commands.bench.keystrokes import replay
from infill_server.commands.bench.machine import machine
from infill_server.commands.bench.overhead import overhead
from infill_server.commands.bench.processor_time import processor_ms
from infill_server.commands.bench.quality.cutting import holes, read_sources
from infill_server.commands.bench.quality.hole import CodeHole
from infill_server.commands.bench.quality.outcome import Outcome
from infill_server.commands.bench.quality.summary import summary
from infill_server.commands.bench.source_files import source_files
from infill_server.commands.bench.stub_engine import StubAnswers, StubEngine
from infill_server.commands.bench.table import table
from infill_server.errors import MeasurementError
from infill_server.records.source import answered_by

PROGRAM = "def f(number):\n    return number + 1\n\n\n" * 40


FUNCTIONS = "".join(f"def f{number}(item):\n    return item + {number}\n\n\n" for number in range(900))


def outcome(wanted: str, said: str | None, confidence: float = 0.5) -> Outcome:
    return Outcome(CodeHole(Path("a.py"), "x = ", wanted, "\n"), said, confidence, 1.0)


def test_shares_are_relative_to_keys_and_tokens() -> None:
    report = KeystrokeReport(
        keystrokes=10, answers={"memory": 4, "engine": 3, "joined": 1}, latency_ms=[1.0, 2.0, 3.0, 100.0],
        engine={"requests": 8, "cancelled_requests": 2, "prompt_tokens": 200, "cached_tokens": 150},
        append_only={"prompt_tokens": 100, "cached_tokens": 97}, overhead_ms=[1.0, 9.0],
        processor_ms=126.0,
    )  # fmt: skip
    figures = report.summary()
    assert (figures["requests_a_key"], figures["processor_ms_a_key"]) == (0.8, 12.6)
    assert figures["without_model_share"] == 0.4
    assert figures["joined_share"] == 0.1
    assert figures["reused_prompt_share"] == 0.75
    assert figures["append_only_reused_share"] == 0.97
    assert figures["recomputed_tokens_a_key"] == 5
    assert figures["engine_cancelled_share"] == 0.25
    assert (figures["p50_ms"], figures["p95_ms"], figures["overhead_p95_ms"]) == (2.0, 100.0, 9.0)
    assert "latency_ms" not in figures
    assert percentile([], 0.5) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")
def test_the_processor_time_of_processes_is_known_unless_one_has_ended() -> None:
    spent = processor_ms([os.getpid()])
    assert spent is not None
    assert spent > 0
    assert processor_ms([os.getpid(), os.getpid()]) == pytest.approx(2 * spent, rel=0.5)
    assert processor_ms([os.getpid(), 1 << 30]) is None
    assert "-" in table(KeystrokeReport(keystrokes=1).summary(), ROWS)


def test_a_replay_can_be_drawn(tmp_path: Path) -> None:
    draw(KeystrokeReport(latency_ms=[1.0, 2.0], answers={"memory": 1, "engine": 1}), tmp_path / "chart.png")
    assert (tmp_path / "chart.png").stat().st_size > 1000


def test_an_answer_comes_from_memory_a_running_request_or_the_engine() -> None:
    assert answered_by(Answer(details={"reuse": "typed through", "steps": []})) == "memory"
    assert answered_by(Answer(details={"steps": [("debounce", 1.0, {}), ("asked", 2.0, {})]})) == "engine"
    assert answered_by(Answer(details={"steps": [("joined", 1.0, {})]})) == "joined"
    assert answered_by(Answer(reason=SkipReason.LANGUAGE_OFF)) == "nothing"
    failed = Answer(reason=SkipReason.ENGINE_FAILED, details={"steps": [("asked", 1.0, {})]})
    assert answered_by(failed) == "unavailable"


def test_precision_and_recall_by_confidence_threshold() -> None:
    figures = summary(
        [outcome("1", "1", 0.9), outcome("2", "2", 0.35), outcome("3", "4", 0.32), outcome("5", None, 0.0)]
    )
    by = {row["threshold"]: row for row in figures["by_confidence"]}
    assert (by[0.0]["precision"], by[0.0]["recall"], by[0.0]["shown_share"]) == (2 / 3, 1.0, 0.75)
    assert (by[0.4]["precision"], by[0.4]["recall"], by[0.4]["shown_share"]) == (1.0, 0.5, 0.25)
    assert figures["exact_share"] == 0.5


def test_a_hole_is_the_rest_of_a_line_and_the_same_for_the_same_seed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(PROGRAM)
    (tmp_path / "tiny.py").write_text("x = 1\n")
    paths = source_files(tmp_path)
    assert [path.name for path in paths] == ["a.py"]
    made = holes(read_sources(paths), 20, 3)
    assert made == holes(read_sources(paths), 20, 3)
    assert all(hole.prefix + hole.expected + hole.suffix == PROGRAM and hole.expected.strip() for hole in made)


@pytest.mark.parametrize("answers", list(StubAnswers))
async def test_the_overhead_of_the_server_is_measured_with_answers(tmp_path: Path, answers: StubAnswers) -> None:
    (tmp_path / "a.py").write_text(FUNCTIONS)
    result = await overhead(
        [tmp_path / "a.py"], keys=24, settings={}, size_chars=30_000, answers=answers,
        processor_s=lambda pid: sum(psutil.Process(pid).cpu_times()[:2]),
    )  # fmt: skip
    assert result.keys == 24
    assert all(value > 0 for value in result.latency_ms)
    assert result.processor_s
    assert (result.shown > 0) is (answers is not StubAnswers.NONE)


async def test_the_overhead_is_measured_with_an_editor_that_asks_for_next_edits_too(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(FUNCTIONS)
    result = await overhead([tmp_path / "a.py"], keys=10, settings={}, size_chars=3_000, asks_for_edits=True)
    assert (result.keys, result.edits) == (10, 11), "one request before the first key, so that changes are kept"
    assert result.shown


async def test_an_overhead_that_only_measures_refusals_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text(FUNCTIONS)
    with pytest.raises(MeasurementError, match="0 of 12 keys reached the engine"):
        await overhead([tmp_path / "a.py"], keys=12, settings={"completion": {"languages": {"python": False}}})
    monkeypatch.setattr(StubEngine, "text_after", lambda *_: "")
    with pytest.raises(MeasurementError, match="0 of 12 keys got a suggestion"):
        await overhead([tmp_path / "a.py"], keys=12, settings={}, size_chars=3_000)
    monkeypatch.setattr(StubEngine, "_response", lambda *_: b"HTTP/1.1 500 -\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(MeasurementError):
        await overhead([tmp_path / "a.py"], keys=12, settings={}, size_chars=3_000)


def test_a_replay_without_answers_of_the_engine_is_an_error() -> None:
    KeystrokeReport(keystrokes=10, answers={"engine": 4, "memory": 6}).check()
    KeystrokeReport(keystrokes=10, answers={"joined": 1, "unavailable": 1}).check()
    with pytest.raises(MeasurementError, match="No key was answered by the engine"):
        KeystrokeReport(keystrokes=10, answers={"unavailable": 10}).check()
    with pytest.raises(MeasurementError, match="not available at 3 of 10 keys"):
        KeystrokeReport(keystrokes=10, answers={"engine": 7, "unavailable": 3}).check()


async def test_a_replay_with_a_refusing_engine_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(FUNCTIONS)
    settings = {"engine": {"url": "http://127.0.0.1:9", "model": "m"}}
    with pytest.raises(MeasurementError):
        await replay(tmp_path, files=1, chars=20, interval_ms=10, seed=1, settings=settings)


def test_a_measurement_records_the_hardware_without_identifying_the_machine() -> None:
    found = machine("quiet")
    assert found["note"] == "quiet"
    assert found["cores"] >= 1
    assert found["processor"]
