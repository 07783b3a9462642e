"""The number of threads for a step: what the machine has, and what the control groups of a container leave of it."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
import torch

from infill_completion.engine.checkpoints import devices


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, math.inf),
        ({"a/b/cpu.max": "max 100000\n"}, math.inf),
        ({"a/b/cpu.max": "150000 100000\n"}, 1.5),
        ({"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, 2),
        ({"cpu.max": "300000 100000\n", "a/b/cpu.max": "400000 100000\n"}, 3),
        ({"cpu.cfs_quota_us": "50000\n", "cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ({"a/b/cpu.max": ""}, math.inf),
        ({"a/b/cpu.max": "100000 0\n"}, math.inf),
    ],
)
def test_the_narrowest_control_group_counts(tmp_path: Path, files: dict[str, str], expected: float) -> None:
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")
    assert devices.quota(tmp_path, "/a/b") == expected


def test_threads_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(devices, "physical_cores", lambda: 4)
    monkeypatch.setattr(devices, "cores", lambda: 8)
    assert devices.step_threads(cpu, 9_000_000) == 1
    assert devices.step_threads(cpu, 500_000_000) == 4
    assert devices.step_threads(torch.device("meta"), 500_000_000) == 1
    monkeypatch.setattr(devices, "cores", lambda: 2)
    assert devices.step_threads(cpu, 500_000_000) == 2
    monkeypatch.setattr(devices, "cores", lambda: 64)
    monkeypatch.setattr(devices, "physical_cores", lambda: 32)
    assert devices.step_threads(cpu, 500_000_000) == 8


def test_this_machine_has_cores() -> None:
    assert devices.physical_cores() >= 1
    assert devices.cores() >= 1


def test_two_hardware_threads_of_a_core_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(devices, "_CPUS", tmp_path)
    assert devices.physical_cores() == 4  # the system does not say
    for number, together in enumerate(("0,2", "1,3", "0,2", "1,3")):
        folder = tmp_path / f"cpu{number}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{together}\n", encoding="ascii")
    assert devices.physical_cores() == 2


def test_a_device_with_a_number_becomes_that_of_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    current: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    for name in ("cpu", "mps", "xpu:1", "cuda", "cuda:1"):
        devices.make_current(torch.device(name))
    assert current == [torch.device("cuda:1")]


def test_the_device_itself_is_waited_for_and_not_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    devices.synchronize(torch.device("cuda:1"))
    devices.synchronize(torch.device("cpu"))
    assert waited == [torch.device("cuda:1")]
