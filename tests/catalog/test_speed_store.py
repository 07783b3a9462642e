"""The measured speeds on disk: whatever the file holds, and however old it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infill_completion.catalog import DeviceSpeed, ModelSpeed, SpeedStore, speed_store

NOW_S = 1_800_000_000.0
SPEED = ModelSpeed(12.5, 400.0, is_measured=True)


class Clock:
    """A clock that the test moves."""

    now_s = NOW_S + 0.7

    def __call__(self) -> float:
        return self.now_s


def test_speeds_are_kept_by_device_model_and_quantization(tmp_path: Path) -> None:
    path = tmp_path / "state" / "speeds.json"
    SpeedStore(path).keep_speed("cpu x", "acme/coder", "int8", SPEED)
    SpeedStore(path).keep_device_speed("cpu x", DeviceSpeed(1e9, 1e12))
    store = SpeedStore(path)
    assert store.speed("cpu x", "acme/coder", "int8") == SPEED
    assert store.device_speed("cpu x") == DeviceSpeed(1e9, 1e12)
    for other in (("cpu y", "acme/coder", "int8"), ("cpu x", "acme/other", "int8"), ("cpu x", "acme/coder", "nf4")):
        assert store.speed(*other) is None
    assert [file.name for file in path.parent.iterdir()] == ["speeds.json"]


def test_an_entry_counts_for_a_week_and_for_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    store = SpeedStore(tmp_path / "speeds.json", clock)
    store.keep_speed("cpu", "m", "int8", SPEED)
    assert store.speed("cpu", "m", "int8") == SPEED
    clock.now_s += speed_store.MAX_AGE_S - 1
    assert store.speed("cpu", "m", "int8") == SPEED
    clock.now_s += 2
    assert store.speed("cpu", "m", "int8") is None
    clock.now_s = NOW_S - 3600  # a clock that was set back
    assert store.speed("cpu", "m", "int8") is None
    clock.now_s = NOW_S + 1
    monkeypatch.setattr(speed_store, "__version__", "99")
    assert store.speed("cpu", "m", "int8") is None


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "null", "{", "[" * 100_000, '{"cpu|m|int8": 3}', '{"cpu|m|int8": {"step_ms": "x"}}',
        '{"cpu|m|int8": {"step_ms": NaN, "prefill_tokens_per_s": 1, "measured_at_s": 1, "version": "0.1.0"}}',
        '{"cpu|m|int8": {"step_ms": -1, "prefill_tokens_per_s": 1, "measured_at_s": 1, "version": "0.1.0"}}',
        '{"cpu|m|int8": {"step_ms": true, "prefill_tokens_per_s": 1e999, "measured_at_s": [], "version": "0.1.0"}}',
        "\x00\xff",
    ],
)  # fmt: skip
def test_a_damaged_file_holds_nothing_and_is_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "speeds.json"
    path.write_bytes(content.encode("latin-1"))
    store = SpeedStore(path)
    assert store.speed("cpu", "m", "int8") is None
    store.keep_speed("cpu", "m", "int8", SPEED)
    assert store.speed("cpu", "m", "int8") == SPEED


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SpeedStore(tmp_path / "file" / "speeds.json")
    store.keep_speed("cpu", "m", "int8", SPEED)
    assert store.speed("cpu", "m", "int8") is None


def test_the_file_does_not_grow_without_end(tmp_path: Path) -> None:
    path = tmp_path / "speeds.json"
    store = SpeedStore(path)
    for number in range(230):
        store.keep_speed("cpu", f"m{number}", "int8", SPEED)
    assert len(json.loads(path.read_text())) == 200
    assert store.speed("cpu", "m0", "int8") is None
    assert store.speed("cpu", "m229", "int8") == SPEED
