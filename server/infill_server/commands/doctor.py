"""``infill-ls doctor``: checks what is missing on this machine and names the next step.

Torch is probed in a separate process, so that a broken driver or a missing package becomes a line of the report instead
of ending it.
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
from infill_completion.api import EngineState
from infill_completion.client.run_directory import RunDirectoryError, check_writable, run_directory
from infill_completion.settings import EngineSettings, Settings, config_path, merge, read_config
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


class Severity(StrEnum):
    """The result of a check."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line of the report; ``next_step`` is empty if there is nothing to do."""

    check: str
    level: Severity
    message: str
    next_step: str = ""


def _python() -> Finding:
    return Finding(
        "python", Severity.OK, f"infill-ls {__version__} on Python {sys.version.split()[0]}, {sys.executable}"
    )


def _packages() -> Finding:
    found, missing = [], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        step = f"Run `{sys.executable} -m pip install {' '.join(missing)}`."
        return Finding("packages", Severity.PROBLEM, f"Missing: {', '.join(missing)}.", step)
    return Finding("packages", Severity.OK, ", ".join(found))


def _driver() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding("driver", Severity.NOTE, "No NVIDIA driver (nvidia-smi is not on PATH).",
                       "Without a GPU the embedded model is used; nothing else is needed.")  # fmt: skip
    query = [tool, "--query-gpu=name,driver_version,memory.total,memory.free", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=PROBE_DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(
            "driver", Severity.PROBLEM, f"nvidia-smi does not answer ({error}).", "Reinstall the driver or reboot."
        )
    if done.returncode:
        return Finding("driver", Severity.PROBLEM, f"nvidia-smi failed: {done.stdout.strip() or done.stderr.strip()}",
                       "Reinstall the driver or reboot.")  # fmt: skip
    return Finding("driver", Severity.OK, "; ".join(done.stdout.strip().splitlines()))


def _torch() -> Finding:
    command = [sys.executable, "-P", "-c", _PROBE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_DEADLINE_S, check=False)
    except subprocess.TimeoutExpired:
        return Finding(
            "torch", Severity.PROBLEM, "torch did not answer within two minutes.", "Reboot, or reinstall torch."
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding(
            "torch",
            Severity.PROBLEM,
            f"torch cannot be used: {last}",
            "Reinstall it: `pip install --force-reinstall torch`.",
        )
    state = json.loads(done.stdout)
    if state["devices"]:
        names = ", ".join(f"{d['name']} ({d['free_gib']} of {d['memory_gib']} GiB free)" for d in state["devices"])
        return Finding("torch", Severity.OK, f"CUDA {state['cuda']}: {names}")
    if state["mps"]:
        return Finding("torch", Severity.OK, "Apple GPU (mps)")
    step = "" if shutil.which("nvidia-smi") is None else "Install a torch build with CUDA."
    return Finding(
        "torch", Severity.PROBLEM if step else Severity.NOTE, "torch sees no GPU; models run on the CPU.", step
    )


def _compiler() -> Finding:
    command = [sys.executable, "-P", "-m", "infill_completion.engine.model.native.compiler"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_DEADLINE_S, check=True)
    state = json.loads(done.stdout)
    if state["compiler"] is None:
        return Finding("compiler", Severity.NOTE, state["reason"], state["next_step"])
    return Finding("compiler", Severity.OK, f"{state['compiler']} builds the steps of models on the CPU.")


def _models() -> Finding:
    from infill_completion.catalog.gguf.identity import known_files
    from infill_completion.catalog.local import Presence, cached, cached_names, hub_folder
    from infill_completion.catalog.small import small_model

    found = {name: cached(name).presence for name in cached_names()}
    partial = [name for name, presence in found.items() if presence is Presence.PARTIAL]
    complete = [name for name, presence in found.items() if presence is Presence.COMPLETE]
    if partial:
        message = f"Partly downloaded: {', '.join(partial)}." + (f" Cached: {', '.join(complete)}." if complete else "")
        return Finding("models", Severity.NOTE, message, f"Continue with `infill-ls models pull {partial[0]}`.")
    if not complete:
        if small_model() is not None:
            return Finding("models", Severity.OK, "The small model is here.")
        files = [model.id for model, file in known_files() if not file.problem]
        if files:
            return Finding("models", Severity.OK, f"GGUF files of other programs: {', '.join(files)}")
        used = f"No downloaded models in {hub_folder()}; the embedded model is used."
        step = "Fetch the small one (0.1 GB) with `infill-ls models pull small`."
        return Finding("models", Severity.NOTE, used, step)
    return Finding("models", Severity.OK, f"Cached: {', '.join(complete)}")


def _auto() -> Finding:
    from infill_server.commands.models import auto_lines, better_line, plan

    settings = _engine_settings()
    if settings.url is not None or settings.model != "auto":
        return Finding("auto", Severity.OK, f"Not used: engine.{'url' if settings.url else 'model'} is set.")
    chosen = plan()
    if chosen["problem"]:
        return Finding("auto", Severity.NOTE, f"It chooses no model here: {chosen['problem']}")
    message = " ".join(auto_lines({**chosen, "better": ""}))
    if not chosen["better"]:
        return Finding("auto", Severity.OK, message)
    return Finding("auto", Severity.NOTE, message, better_line(chosen["better"], chosen))


def _settings() -> Finding:
    path = config_path()
    table, problems = read_config(path)
    problems += merge(Settings(), table, origin=path.name)[1]
    if problems:
        return Finding("settings", Severity.PROBLEM, " ".join(problems), f"Correct {path}.")
    return Finding("settings", Severity.OK, f"{path} is fine." if path.exists() else f"No {path}; defaults are used.")


def _statistics() -> Finding:
    from infill_server.records.database import RecordsDatabase, RecordsError

    privacy = merge(Settings(), read_config(config_path())[0], origin="settings file")[0].privacy
    if not privacy.statistics:
        return Finding("statistics", Severity.OK, "Suggestions are not recorded (privacy.statistics is off).")
    database = RecordsDatabase()
    try:
        count = len(database.rows())
    except RecordsError as error:
        problem, _, step = str(error).rpartition("; ")
        return Finding("statistics", Severity.PROBLEM, f"{problem}.", f"{step[:1].upper()}{step[1:]}")
    return Finding(
        "statistics", Severity.OK, f"{count:,} suggestions in {database.path}; `infill-ls stats` shows them."
    )


def _run_directory() -> Finding:
    try:
        directory = run_directory()
        check_writable(directory)
    except RunDirectoryError as error:
        problem, _, step = str(error).partition("; ")
        return Finding("run directory", Severity.PROBLEM, f"{problem}.", f"{step[:1].upper()}{step[1:]}")
    return Finding("run directory", Severity.OK, str(directory))


def _engine_settings() -> EngineSettings:
    return merge(Settings(), read_config(config_path())[0], origin="settings file")[0].engine


def _remote_engine(settings: EngineSettings) -> Finding:
    from infill_server.commands.remote_status import remote_health, remote_line

    health = remote_health(settings)
    if health.state is not EngineState.READY:
        problem, _, step = health.reason.partition("; ")
        return Finding("engines", Severity.PROBLEM, problem, f"{step[:1].upper()}{step[1:]}" or "See the server's log.")
    loss, _, step = health.reason.partition("; ")
    message = f"{remote_line(health)}. {loss}".strip()
    return Finding("engines", Severity.NOTE if loss else Severity.OK, message, f"{step[:1].upper()}{step[1:]}")


def _engines() -> Finding:
    from infill_server.commands.engine import running

    settings = _engine_settings()
    if settings.url is not None:
        return _remote_engine(settings)
    engines = running()
    if not engines:
        return Finding("engines", Severity.NOTE, "No engine is running; the first request starts one.")
    level = Severity.PROBLEM if any(engine.health is None for engine in engines) else Severity.OK
    return Finding("engines", level, "; ".join(engine.line() for engine in engines))


def _editors() -> Finding:
    found = [name for name in EDITORS if shutil.which(name)]
    if not found:
        return Finding("editors", Severity.NOTE, "No known editor on PATH.", "See editors/README.md for what works.")
    return Finding("editors", Severity.OK, ", ".join(found))


CHECKS: tuple[Callable[[], Finding], ...] = (
    _python, _packages, _driver, _torch, _compiler, _models, _auto, _settings, _statistics, _run_directory, _engines,
    _editors,
)  # fmt: skip


def findings_of(checks: Sequence[Callable[[], Finding]]) -> list[Finding]:
    """Run the checks; one that raises becomes a finding, because a report matters most when much is broken."""
    findings = []
    for check in checks:
        try:
            findings.append(check())
        except Exception as error:
            name = check.__name__.strip("_").replace("_", " ")
            message = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
            findings.append(Finding(name, Severity.PROBLEM, f"This could not be checked ({message.rstrip('.')})."))
    return findings


def main(*, as_json: bool) -> int:
    """Print the report; the exit code is 1 if there is a problem."""
    findings = findings_of(CHECKS)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))  # noqa: T201
    else:
        for finding in findings:
            sign = {"ok": "✓", "note": "·", "problem": "✗"}[finding.level]
            print(f"{sign} {finding.check}: {finding.message}{' ' + finding.next_step if finding.next_step else ''}")  # noqa: T201
    return int(any(finding.level is Severity.PROBLEM for finding in findings))
