"""``infill-ls doctor``: what is missing on this machine, and the next step.

Torch is asked in a process of its own, so that a broken driver or a missing package is a line of the report and not
the end of it.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from infill_completion import __version__
from infill_completion.client.run_directory import RunDirectoryError, check_writable, run_directory
from infill_completion.settings import Settings, config_path, merge, read_config
from infill_server.errors import UsageError

PROBE_DEADLINE_S = 120
PACKAGES = ("torch", "transformers", "bitsandbytes", "accelerate", "tokenizers", "safetensors", "pygls", "lsprotocol")
EDITORS = ("code", "codium", "code-server", "nvim", "emacs", "hx", "vim", "zed", "subl", "kate", "jupyter-lab")
_PROBE = """
import json, torch
devices = [{"name": torch.cuda.get_device_name(i), "memory_gib": round(torch.cuda.mem_get_info(i)[1] / 2**30, 1),
            "free_gib": round(torch.cuda.mem_get_info(i)[0] / 2**30, 1)} for i in range(torch.cuda.device_count())]
print(json.dumps({"devices": devices, "cuda": torch.version.cuda, "mps": torch.backends.mps.is_available()}))
"""


class Level(StrEnum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line of the report; ``next_step`` is empty where there is nothing to do."""

    check: str
    level: Level
    message: str
    next_step: str = ""


def _python() -> Finding:
    return Finding("python", Level.OK, f"infill-ls {__version__} on Python {sys.version.split()[0]}, {sys.executable}")


def _packages() -> Finding:
    found, missing = [], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        step = f"Run `{sys.executable} -m pip install {' '.join(missing)}`."
        return Finding("packages", Level.PROBLEM, f"Missing: {', '.join(missing)}.", step)
    return Finding("packages", Level.OK, ", ".join(found))


def _driver() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding("driver", Level.NOTE, "No NVIDIA driver (nvidia-smi is not on PATH).",
                       "Without a GPU the embedded model is used; nothing else is needed.")  # fmt: skip
    query = [tool, "--query-gpu=name,driver_version,memory.total,memory.free", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=PROBE_DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(
            "driver", Level.PROBLEM, f"nvidia-smi does not answer ({error}).", "Reinstall the driver or reboot."
        )
    if done.returncode:
        return Finding("driver", Level.PROBLEM, f"nvidia-smi failed: {done.stdout.strip() or done.stderr.strip()}",
                       "Reinstall the driver or reboot.")  # fmt: skip
    return Finding("driver", Level.OK, "; ".join(done.stdout.strip().splitlines()))


def _torch() -> Finding:
    command = [sys.executable, "-P", "-c", _PROBE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_DEADLINE_S, check=False)
    except subprocess.TimeoutExpired:
        return Finding(
            "torch", Level.PROBLEM, "torch does not answer within two minutes.", "Reboot, or reinstall torch."
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding(
            "torch",
            Level.PROBLEM,
            f"torch cannot be used: {last}",
            "Reinstall it: `pip install --force-reinstall torch`.",
        )
    state = json.loads(done.stdout)
    if state["devices"]:
        names = ", ".join(f"{d['name']} ({d['free_gib']} of {d['memory_gib']} GiB free)" for d in state["devices"])
        return Finding("torch", Level.OK, f"CUDA {state['cuda']}: {names}")
    if state["mps"]:
        return Finding("torch", Level.OK, "Apple GPU (mps)")
    step = "" if shutil.which("nvidia-smi") is None else "Install a torch build with CUDA."
    return Finding("torch", Level.PROBLEM if step else Level.NOTE, "torch sees no GPU; models run on the CPU.", step)


def _models() -> Finding:
    from infill_completion.catalog.local import Presence, cached, cached_names, hub_folder

    found = {name: cached(name).presence for name in cached_names()}
    half = [name for name, presence in found.items() if presence is Presence.PARTIAL]
    whole = [name for name, presence in found.items() if presence is Presence.COMPLETE]
    if half:
        message = f"Only partly fetched: {', '.join(half)}." + (f" Cached: {', '.join(whole)}." if whole else "")
        return Finding("models", Level.NOTE, message, f"Go on with `infill-ls models pull {half[0]}`.")
    if not whole:
        return Finding("models", Level.NOTE, f"No downloaded models in {hub_folder()}; the embedded model is used.",
                       "With a GPU, fetch one: `infill-ls models pull codellama/CodeLlama-7b-hf`.")  # fmt: skip
    return Finding("models", Level.OK, f"Cached: {', '.join(whole)}")


def _settings() -> Finding:
    path = config_path()
    table, problems = read_config(path)
    problems += merge(Settings(), table, origin=path.name)[1]
    if problems:
        return Finding("settings", Level.PROBLEM, " ".join(problems), f"Correct {path}.")
    return Finding("settings", Level.OK, f"{path} is fine." if path.exists() else f"No {path}; defaults are used.")


def _run_directory() -> Finding:
    try:
        directory = run_directory()
        check_writable(directory)
    except RunDirectoryError as error:
        what, _, step = str(error).partition("; ")
        return Finding("run directory", Level.PROBLEM, f"{what}.", f"{step[:1].upper()}{step[1:]}")
    return Finding("run directory", Level.OK, str(directory))


def _engines() -> Finding:
    from infill_server.commands.engine import running

    engines = running()
    if not engines:
        return Finding("engines", Level.NOTE, "No engine runs; the first request starts one.")
    level = Level.PROBLEM if any(engine.health is None for engine in engines) else Level.OK
    return Finding("engines", level, "; ".join(engine.line() for engine in engines))


def _editors() -> Finding:
    found = [name for name in EDITORS if shutil.which(name)]
    if not found:
        return Finding("editors", Level.NOTE, "No known editor on PATH.", "See editors/README.md for what works.")
    return Finding("editors", Level.OK, ", ".join(found))


CHECKS: tuple[Callable[[], Finding], ...] = (
    _python, _packages, _driver, _torch, _models, _settings, _run_directory, _engines, _editors,
)  # fmt: skip


def findings_of(checks: Sequence[Callable[[], Finding]]) -> list[Finding]:
    """Run the checks; one that fails is a finding too, for a report is needed most where much is broken."""
    findings = []
    for check in checks:
        try:
            findings.append(check())
        except Exception as error:
            name = check.__name__.strip("_").replace("_", " ")
            said = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
            findings.append(Finding(name, Level.PROBLEM, f"This could not be looked at ({said.rstrip('.')})."))
    return findings


def main(*, as_json: bool) -> int:
    """Print the report; the exit code is 1 where something needs the user."""
    findings = findings_of(CHECKS)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))  # noqa: T201
    else:
        for finding in findings:
            sign = {"ok": "✓", "note": "·", "problem": "✗"}[finding.level]
            print(f"{sign} {finding.check}: {finding.message}{' ' + finding.next_step if finding.next_step else ''}")  # noqa: T201
    return int(any(finding.level is Level.PROBLEM for finding in findings))
