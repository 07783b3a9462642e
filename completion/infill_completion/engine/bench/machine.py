"""The machine of a measurement: its name, versions, bandwidth and memory, and other processes that keep it busy."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion import __version__
from infill_completion.engine.checkpoints.devices import cores, processor_name, synchronize
from infill_completion.engine.scheduler import metrics

environment.prepare()

_PACKAGES = ("torch", "transformers", "bitsandbytes")
_COPY_BYTES = {"cuda": 2 << 30, "cpu": 256 << 20}


def device_name(device: torch.device) -> str:
    """Return a readable name of the device: the GPU's name, or the number and the kind of the cores."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type
    try:
        has_bf16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        has_bf16 = False
    return f"{cores()} cores of {processor_name()}" + " (AVX512-BF16)" * has_bf16


def versions() -> dict[str, str]:
    """Return the versions of what determines speed."""
    found = {"infill-ls": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if torch.version.cuda:
        found["cuda"] = torch.version.cuda
    return found


def copy_bandwidth(device: torch.device) -> float:
    """Return the bytes per second that a copy within the device's memory reads and writes, best of several runs."""
    size = _COPY_BYTES.get(device.type, 256 << 20)
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    times = []
    for _ in range(8):
        synchronize(device)
        started = time.perf_counter()
        target.copy_(source)
        synchronize(device)
        times.append(time.perf_counter() - started)
    return 2 * size / min(times)


def memory_bytes(device: torch.device) -> int:
    """Return the memory held now: allocated on the GPU, else resident of this process; 0 if unknown."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return metrics.resident_bytes()


@contextlib.contextmanager
def busy_neighbours(count: int, *, of_another_session: bool = False) -> Iterator[None]:
    """Keep ``count`` other processes busy within the context.

    ``of_another_session`` starts them together in a session of their own, like the programs of a terminal beside the
    engine, which has its own session too: Linux first divides the processors among sessions (``autogroup``).
    """
    forks = f"import os; all(os.fork() for _ in range({count - 1})); " if of_another_session else ""
    command = [sys.executable, "-I", "-c", f"{forks}exec('while True: sum(range(100_000))')"]
    started = [
        subprocess.Popen(command, start_new_session=of_another_session)
        for _ in range(min(count, 1) if of_another_session else count)
    ]
    try:
        yield
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL) if of_another_session else process.kill()
            process.wait()
