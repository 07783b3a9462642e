"""What a device can do: the bandwidth of its memory and the speed of a large product, measured once and remembered."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch

from infill_completion.catalog import DeviceSpeed, ModelSpeed, SpeedStore
from infill_completion.engine.checkpoints import devices, precision

environment.prepare()

_COPY_BYTES = 64 << 20
_SIDE = 1024
_RUNS = 5


def device_key(device: torch.device) -> str:
    """Return the name under which speeds of a device are kept."""
    if device.type == "cuda":
        return f"cuda {torch.cuda.get_device_name(device)}" if torch.cuda.is_available() else "cuda"
    if device.type == "cpu":
        return f"cpu {devices.processor_name()}, {devices.cores()} cores"
    return f"{device.type} {platform.node()}"


def device_speed(device: torch.device, store: SpeedStore) -> DeviceSpeed | None:
    """Return what a device can do: as remembered, else as measured now, which takes a tenth of a second.

    None if it cannot be measured, such as where its memory is full.
    """
    key = device_key(device)
    found = store.device_speed(key)
    if found is None:
        try:
            found = measure(device)
        except (RuntimeError, AssertionError):  # torch without CUDA fails an assertion
            return None
        store.keep_device_speed(key, found)
    return found


def keep_speed(details: Mapping[str, Any], speed: ModelSpeed, store: SpeedStore | None = None) -> None:
    """Keep the measured speed of a loaded model, which its ``details`` name with device and quantization."""
    key = device_key(torch.device(str(details["device"])))
    (store or SpeedStore()).keep_speed(key, str(details["model"]), str(details["quantization"]), speed)


def measure(device: torch.device) -> DeviceSpeed:
    """Measure a device; the fastest of a few runs counts, as neighbours only slow it down.

    On a CPU one thread runs, by its own clock, which stands still while a neighbour has the core.
    """
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        return _measured(device)
    finally:
        torch.set_num_threads(threads)


def _measured(device: torch.device) -> DeviceSpeed:
    source = torch.zeros(_COPY_BYTES, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy_s = _fastest_s(lambda: target.copy_(source), device)
    # Prompts are computed in the type of the automatic choice; processors without bf16 emulate it.
    dtype = precision.choose_dtype(device, precision.choose_quantization("auto", device, ""))
    side = 4 * _SIDE if device.type == "cuda" else _SIDE
    matrix = torch.zeros(side, side, dtype=dtype, device=device)
    product_s = _fastest_s(lambda: matrix @ matrix, device)
    threads = max(1, devices.cores() - 1) if device.type == "cpu" else 1
    return DeviceSpeed(2 * _COPY_BYTES / copy_s, threads * 2 * side**3 / product_s)


def _fastest_s(action: Callable[[], object], device: torch.device) -> float:
    clock = time.thread_time if device.type == "cpu" else time.perf_counter
    times = []
    for _ in range(_RUNS):
        devices.synchronize(device)
        started = clock()
        action()
        devices.synchronize(device)
        times.append(clock() - started)
    return max(min(times), 1e-9)
