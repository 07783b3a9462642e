"""The device that a model runs on: which one it is, how much memory is free there, and how many threads to use."""

from __future__ import annotations

import math
import os
import platform
from pathlib import Path

from infill_completion.engine import environment  # isort: skip  # before torch
import torch

from infill_completion.engine.errors import ModelError

environment.prepare()

_MAX_PREFILL_THREADS = 4  # leaves the rest of the machine to the user
_MAX_STEP_THREADS = 8  # more than the memory of a desktop computer can feed
_SMALL_WEIGHTS = 50_000_000
_CPUS = Path("/sys/devices/system/cpu")


def choose_device(wanted: str) -> torch.device:
    """Return the device that the setting ``engine.device`` means on this machine.

    Raises:
        ModelError: The machine does not have the wanted device.
    """
    accelerators = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "xpu": torch.xpu.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(name for name, there in accelerators.items() if there))
    kind, _, index = wanted.partition(":")
    there = accelerators.get(kind, False) and (not index or index.isdigit())
    if not there or (kind == "cuda" and index and int(index) >= torch.cuda.device_count()):
        raise ModelError(
            f"This machine has no device `{wanted}`; set engine.device to `auto` or `cpu`, or run `infill-ls doctor`."
        )
    return torch.device(wanted)


def make_current(device: torch.device) -> None:
    """Let this thread use a CUDA device for whatever names none: streams, events, graphs, questions about bf16.

    Operators follow their tensors to the second device of a machine.  An event recorded on the first one would not wait
    for them, and a graph captured there would be empty.
    """
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)


def free_bytes(device: torch.device) -> int | None:
    """Return the memory that is free for a model, or None where it cannot be determined."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "cpu":
        try:
            lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
            return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
        except (OSError, StopIteration):
            return None
    return None


def choose_attention(device: torch.device) -> None:
    """Turn cuDNN's attention off on CUDA, for the whole process.

    torch prefers it on Hopper, where it builds a plan for every new shape, which takes 0.1 to 0.4 s, and nearly every
    prefill has a new shape.
    """
    if device.type == "cuda":
        torch.backends.cuda.enable_cudnn_sdp(False)


def set_threads(device: torch.device, parameters: int) -> int:
    """Set the number of threads that a product uses on the CPU, and return it.

    Small models gain nothing from a second thread: at every product it would wait for a busy neighbour.
    """
    threads = 1 if device.type != "cpu" or parameters < _SMALL_WEIGHTS else max(1, cores() - 1)
    torch.set_num_threads(threads)
    return threads


def prefill_threads(device: torch.device, threads: int) -> int:
    """Return how many parts of a prompt to read at once when a product uses ``threads`` threads."""
    return min(_MAX_PREFILL_THREADS, cores()) if device.type == "cpu" and threads == 1 else 1


def step_threads(device: torch.device, weights: int) -> int:
    """Return how many threads should share a step of the compiled code, for a model with so many weights.

    They wait for no helper that has lost its core, so they may use all cores.  The products of small models are too
    short to be shared.
    """
    if device.type != "cpu" or weights < _SMALL_WEIGHTS:
        return 1
    return max(1, min(_MAX_STEP_THREADS, cores(), physical_cores()))


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(allowed, quota(Path("/sys/fs/cgroup"), _control_group()))))


def physical_cores() -> int:
    """Return the number of cores that this process may use, with two hardware threads of a core counted once.

    Where the system does not say which belong together, half of the processors are taken to be fast cores.
    """
    if not hasattr(os, "sched_getaffinity"):
        return max(1, (os.cpu_count() or 1) // 2)
    numbers = os.sched_getaffinity(0)
    try:
        files = [_CPUS / f"cpu{number}" / "topology" / "thread_siblings_list" for number in numbers]
        return max(1, len({file.read_text(encoding="ascii") for file in files}))
    except (OSError, UnicodeDecodeError):
        return len(numbers)


def quota(root: Path, group: str) -> float:
    """Return how many cores a control group and those around it may use at most; infinity without a limit.

    Args:
        root: Where the control groups are, such as ``/sys/fs/cgroup``.
        group: Path of the group below it, such as ``/user.slice``.
    """
    folder, found = root / group.lstrip("/"), math.inf
    for each in (folder, *folder.parents):
        if each == root.parent:
            break
        found = min(found, _limit(each, "cpu.max"), _limit(each, "cpu.cfs_quota_us", "cpu.cfs_period_us"))
    return min(found, _limit(root / "cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us"))  # a version 1 container


def _limit(folder: Path, *names: str) -> float:
    try:
        quota_us, period_us = " ".join((folder / name).read_text(encoding="ascii") for name in names).split()
        return float(quota_us) / float(period_us) if float(quota_us) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):  # also `max`
        return math.inf


def _control_group() -> str:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "/"
    return next((line.partition("::")[2] for line in lines if line.startswith("0::")), "/")


def processor_name() -> str:
    """Return the name of the processor, or of its kind where the system has none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def synchronize(device: torch.device) -> None:
    """Wait until a device has finished its work; of several cards that one, not the current one."""
    if device.type == "mps":
        torch.mps.synchronize()
    elif device.type != "cpu":
        torch.get_device_module(device).synchronize(device)
