"""The engines that are compared, each in a process of its own that answers tasks."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from infill_completion.engine.environment import SETTINGS

log = logging.getLogger(__name__)

OURS, THEIRS = "infill-ls", "llama.cpp"


@dataclass(frozen=True)
class ComparisonRow:
    """The rate of one engine in one setting."""

    engine: str
    weights: str
    context: int
    threads: int
    neighbours: int
    tokens_per_s: float


@dataclass
class ContestantReport:
    """What is measured of a contestant alone.

    Attributes:
        engine: Name of the engine.
        weights: How it holds the weights.
        resident_bytes: Memory after all prompts.
        one_prompt_bytes: Memory with nothing but a prompt of the longest context remembered; only of our engine.
        load_peak_bytes: The most memory that it had before its first prompt; only of our engine.
        peak_bytes: The most memory that it ever had.
        weight_bytes: How much of it are weights; only of our engine.
        kv_bytes: How much of it are keys and values of the prompts so far; only of our engine.
        prefill_ms: Time to read 1,000 fresh tokens, by number of threads.
        step_bytes: What a step reads, by length of context; only of our engine.
        read_bytes_per_s: The rate at which that many bytes can be read, by length of context and number of threads.
        keystroke_ms: Time to the first token after a typed character; only of our engine.
        keystroke_steps: The same in steps.
        same_tokens: How many of its greedy tokens are those of llama.cpp with the same weights.
    """

    engine: str
    weights: str
    resident_bytes: int = 0
    one_prompt_bytes: int | None = None
    load_peak_bytes: int | None = None
    peak_bytes: int = 0
    weight_bytes: int | None = None
    kv_bytes: int | None = None
    prefill_ms: dict[int, float] = field(default_factory=dict)
    step_bytes: dict[int, int] = field(default_factory=dict)
    read_bytes_per_s: dict[int, dict[int, float]] = field(default_factory=dict)
    keystroke_ms: float | None = None
    keystroke_steps: float | None = None
    same_tokens: int | None = None


def missing() -> list[str]:
    """Return the packages that are required but not installed."""
    return [name for name in ("llama_cpp", "gguf") if importlib.util.find_spec(name) is None]


class Contestant:
    """A process that answers tasks; see ``worker.py``.

    Attributes:
        engine: Name of the engine.
        weights: How it holds the weights.
        report: What is measured of it alone.
    """

    def __init__(self, engine: str, weights: str, module: str, arguments: Sequence[str]) -> None:
        self.engine, self.weights = engine, weights
        self.report = ContestantReport(engine, weights)
        environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.llama_cpp.{module}", *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def ask(self, task: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer to a task.

        Raises:
            SystemExit: None came.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([task, arguments]) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        started = time.monotonic()
        line = self._process.stdout.readline()
        log.info("%s %s: %s in %.1f s", self.engine, self.weights, task, time.monotonic() - started)
        if not line:
            raise SystemExit(f"{self.engine} ({self.weights}) gave no answer to `{task}`; see the messages above.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()


def ours(model: str, quantization: str, context_tokens: int) -> Contestant:
    """Start our engine."""
    return Contestant(OURS, quantization, "ours", [model, quantization, str(context_tokens)])


def theirs(file: str, kind: str, context_tokens: int, *, has_amx: bool = True) -> Contestant:
    """Start llama.cpp, on request without AMX; see ``no_amx.py``."""
    return Contestant(THEIRS, kind, "worker", [file, str(context_tokens), *([] if has_amx else ["no-amx"])])
