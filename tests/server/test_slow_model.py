"""A model that is too slow for the deadline is named in the status, with the next smaller one."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_completion.api import EngineState, Health
from infill_completion.document.snapshot import Answer, Snapshot, Trigger
from infill_completion.settings import CompletionSettings, EngineSettings, Settings
from infill_server import slow_model
from infill_server.engine_keeper import EngineKeeper
from infill_server.lsp.documents import DocumentStore
from infill_server.slow_model import SlowModelWatch
from tests.catalog.gguf.gguf_writer import gguf, small_model

DEADLINE_MS = 1000
MODEL = "Qwen/Qwen2.5-Coder-7B"


class Clock:
    """A clock that the test moves."""

    now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("OLLAMA_MODELS", "LLAMA_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return Clock()


def answered(watch: SlowModelWatch, clock: Clock, *latencies_ms: float, every_s: float = 2.0) -> None:
    for latency_ms in latencies_ms:
        clock.now_s += every_s
        watch.add(latency_ms, DEADLINE_MS)


def test_a_minute_over_the_deadline_is_slow(clock: Clock) -> None:
    watch = SlowModelWatch(clock)
    answered(watch, clock, *[1005.0] * 30)
    assert watch.reason(MODEL) == ""
    answered(watch, clock, *[990.0] * 5)
    reason = watch.reason(MODEL)
    assert MODEL in reason
    assert "the deadline is 1000 ms" in reason
    assert "`infill-ls models pull Qwen/Qwen2.5-Coder-3B`" in reason


@pytest.mark.parametrize(
    "latencies_ms",
    [
        [400.0] * 100,
        [400.0] * 50 + [3000.0] + [400.0] * 50,  # one cold prompt
        [1005.0] * 20 + [400.0] * 60,  # a busy machine for less than a minute
        [1005.0, *[400.0] * 30] * 4,  # the first answer of each file
    ],
)
def test_a_model_that_is_late_now_and_then_is_not_slow(clock: Clock, latencies_ms: list[float]) -> None:
    watch = SlowModelWatch(clock)
    for latency_ms in latencies_ms:
        answered(watch, clock, latency_ms)
        assert not watch.is_slow


def test_a_few_answers_say_nothing(clock: Clock) -> None:
    watch = SlowModelWatch(clock)
    answered(watch, clock, *[1100.0] * 9, every_s=8.0)
    assert not watch.is_slow


def test_a_slow_model_that_becomes_fast_is_no_longer_named(clock: Clock) -> None:
    watch = SlowModelWatch(clock)
    answered(watch, clock, *[1100.0] * 40)
    assert watch.reason(MODEL)
    answered(watch, clock, *[200.0] * 40)
    assert watch.reason(MODEL) == ""
    answered(watch, clock, *[1100.0] * 40)
    watch.clear()
    assert watch.reason(MODEL) == ""


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("Qwen/Qwen2.5-Coder-0.5B", "set engine.model to `embedded`"),
        ("/home/me/models/mine", "set engine.model to a smaller model"),
        ("codellama/CodeLlama-7b-hf", "`infill-ls models pull Qwen/Qwen2.5-Coder-3B`"),
    ],
)
def test_the_advice_fits_the_model(clock: Clock, model: str, says: str) -> None:
    watch = SlowModelWatch(clock)
    answered(watch, clock, *[1100.0] * 40)
    assert says in watch.reason(model)


def test_a_file_of_another_program_is_known_and_can_be_the_smaller_one(clock: Clock, tmp_path: Path) -> None:
    metadata, tensors = small_model()
    shape = {"block_count": 24, "embedding_length": 896, "attention.head_count": 14, "attention.head_count_kv": 2}
    folder = tmp_path / ".lmstudio" / "models" / "acme" / "coder"
    folder.mkdir(parents=True)
    small = folder / "qwen2.5-coder-0.5b-q8_0.gguf"
    small.write_bytes(gguf(metadata | {f"llama.{key}": value for key, value in shape.items()}, tensors))
    (folder / "qwen2.5-coder-1.5b-q8_0.gguf").write_bytes(b"GGUF")  # half there
    watch = SlowModelWatch(clock)
    answered(watch, clock, *[1100.0] * 40)
    for model in ("/models/Qwen2.5-Coder-7B-Q4_K_M.gguf", "qwen2.5-coder:7b-base"):
        assert f"the next smaller model is Qwen/Qwen2.5-Coder-0.5B: set engine.model to `{small}`" in watch.reason(
            model
        )


def test_the_disk_is_looked_at_once_for_each_model(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def advice(model: str) -> str:
        looks.append(model)
        return "do it"

    monkeypatch.setattr(slow_model, "_advice", advice)
    watch = SlowModelWatch(clock)
    answered(watch, clock, *[1100.0] * 40)
    assert all(watch.reason(MODEL).endswith("; do it.") for _ in range(5))
    assert looks == [MODEL]
    watch.clear()
    answered(watch, clock, *[1100.0] * 40)
    assert watch.reason(MODEL)
    assert looks == [MODEL, MODEL]


class Observer:
    """Is told of nothing."""

    def may_connect(self) -> bool:
        return True

    def engine_replaced(self) -> None:
        pass

    def health_changed(self, health: Health) -> None:
        pass

    def internal_error(self, error: Exception) -> None:
        pass


def keeper_after(
    clock: Clock, settings: Settings, trigger: Trigger, latency_ms: float, step: str = "engine"
) -> EngineKeeper:
    """Return the keeper of a window that got an answer every two seconds for some minutes."""
    keeper = EngineKeeper(DocumentStore(), lambda: settings, Observer())
    keeper.health = Health(EngineState.READY, model=MODEL)
    keeper._slow = SlowModelWatch(clock)
    snapshot = Snapshot("file:///a.py", 1, "python", "", 0, trigger)
    for _ in range(90):
        clock.now_s += 2.0
        steps = [("asked", 0.1, {}), (step, 1.0, {"latency_ms": latency_ms})]
        keeper.answered(snapshot, Answer(details={"steps": steps}))
    return keeper


def test_the_health_of_the_window_says_so(clock: Clock) -> None:
    settings = Settings(completion=CompletionSettings(deadline_ms=DEADLINE_MS))
    slow = keeper_after(clock, settings, Trigger.AUTOMATIC, 1100.0)
    assert slow.health.kind == "slow"
    assert "next smaller model" in slow.health.reason
    assert keeper_after(clock, settings, Trigger.AUTOMATIC, 300.0).health.reason == ""
    # Keys that are answered early do not hide how slow it is.
    assert keeper_after(clock, settings, Trigger.AUTOMATIC, 1100.0, "engine meanwhile").health.kind == "slow"
    # Invoked answers have three times as long, and a remote server has models of its own.
    assert keeper_after(clock, settings, Trigger.INVOKED, 2500.0).health.reason == ""
    remote = Settings(engine=EngineSettings(url="http://127.0.0.1:1"))
    assert keeper_after(clock, remote, Trigger.AUTOMATIC, 1100.0).health.reason == ""
