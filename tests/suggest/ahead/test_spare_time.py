"""Answers are computed ahead only while the machine has time to spare."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_completion.suggest.ahead.spare_time import MOST_SAVED_S, SHARE, CoreLoad, SpareTime, on_battery


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("is_busy", "is_discharging", "is_always", "expected"),
    [
        (False, False, False, True), (True, False, False, False), (False, True, False, False),
        (True, True, False, False), (True, True, True, True),
    ],
)  # fmt: skip
def test_nothing_is_computed_ahead_on_battery_or_beside_programs_that_want_the_cores(
    is_busy: bool, is_discharging: bool, is_always: bool, expected: bool
) -> None:
    spare = SpareTime(lambda: is_busy, lambda: is_discharging)
    assert spare.has_any(is_always=is_always) is expected


def test_answers_computed_ahead_get_a_share_of_the_time() -> None:
    clock = Clock()
    spare = SpareTime(lambda: False, lambda: False, clock)
    spare.spend(MOST_SAVED_S + SHARE)  # a slow model; that time has come back after a second
    assert not spare.has_any(is_always=True)
    clock.now += 0.9
    assert not spare.has_any(is_always=True)
    clock.now += 0.2
    assert spare.has_any(is_always=True)
    clock.now += 3600
    assert spare.has_any(is_always=True)
    spare.spend(MOST_SAVED_S)  # a long pause saves no more than that
    assert not spare.has_any(is_always=True)


def test_the_power_supply_is_looked_at_now_and_then() -> None:
    clock, looks = Clock(), list[float]()

    def look() -> bool:
        looks.append(clock.now)
        return False

    spare = SpareTime(lambda: False, look, clock)
    for _ in range(5):
        assert spare.has_any(is_always=False)
    assert len(looks) == 1
    clock.now += 60
    assert spare.has_any(is_always=False)
    assert len(looks) == 2


@pytest.mark.parametrize(
    ("user", "nice", "idle", "expected"),
    [(200, 0, 0, True), (160, 0, 40, True), (100, 0, 100, False), (20, 180, 0, False), (0, 0, 200, False)],
    ids=["two busy cores", "nearly two", "one of two", "niced programs give way", "idle"],
)
def test_the_cores_are_full_where_less_than_half_a_core_is_free(
    tmp_path: Path, user: int, nice: int, idle: int, expected: bool
) -> None:
    clock, path = Clock(), tmp_path / "stat"
    path.write_text("cpu  1000 200 300 4000 50 6 7 8 0 0\ncpu0 1 2 3 4\n")
    load = CoreLoad(path, clock, cores=2)
    assert not load.is_full()
    path.write_text(f"cpu  {1000 + user} {200 + nice} 300 {4000 + idle} 50 6 7 8 0 0\n")
    clock.now += 1
    assert load.is_full() is expected
    path.write_text("cpu  9000 9000 9000 9000 9000 9000 9000 9000 0 0\n")
    assert load.is_full() is expected  # too soon to say something new


@pytest.mark.parametrize("content", [None, "", "cpu  one two three four five six seven eight\n", "cpu 1 2\n"])
def test_without_times_of_the_cores_the_load_decides(
    tmp_path: Path, content: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "stat"
    if content is not None:
        path.write_text(content)
    for load, expected in ((0.2, False), (4.0, True)):
        monkeypatch.setattr("os.getloadavg", lambda load=load: (load, load, load), raising=False)
        assert CoreLoad(path, cores=2).is_full() is expected
    monkeypatch.delattr("os.getloadavg", raising=False)  # Windows
    assert not CoreLoad(path, cores=2).is_full()


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, False),
        ({"BAT0": {"type": "Battery", "status": "Discharging"}}, True),
        ({"BAT0": {"type": "Battery", "status": "Charging"}}, False),
        ({"BAT0": {"type": "Battery", "status": "Discharging"}, "AC": {"type": "Mains", "online": "0"}}, True),
        ({"BAT0": {"type": "Battery", "status": "Discharging"}, "AC": {"type": "Mains", "online": "1"}}, False),
        ({"mouse": {"type": "Battery", "status": "Discharging", "scope": "Device"}}, False),
        ({"broken": {}}, False),
    ],
)
def test_the_battery_is_known(tmp_path: Path, supplies: dict[str, dict[str, str]], expected: bool) -> None:
    for name, values in supplies.items():
        (tmp_path / name).mkdir()
        for key, value in values.items():
            (tmp_path / name / key).write_text(value + "\n")
    assert on_battery(tmp_path) is expected
    assert not on_battery(tmp_path / "missing")
