"""The fuzzer: mutates inputs, keeps those that reach new lines, and reports those that break a promise."""

from __future__ import annotations

import hashlib
import random
import signal
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

from tests.fuzz.coverage import LineCoverage
from tests.fuzz.mutate import mutated

CORPUS = Path(__file__).parent / "corpus"
# An input that takes longer hangs; the longest one that was seen takes a hundredth of it.
HANG_S = 20
MAX_BYTES = 1 << 16


class Target(Protocol):
    """A face of the product.

    Attributes:
        name: Its name, and the folder of its corpus.
    """

    name: str

    def seeds(self) -> Sequence[bytes]:
        """Return the inputs to begin with."""

    def run(self, data: bytes) -> None:
        """Feed ``data`` to the product; raises if it breaks a promise."""


class HangError(Exception):
    """An input was not dealt with in `HANG_S`."""


@dataclass(frozen=True)
class Finding:
    """An input that breaks a promise, and how."""

    data: bytes
    report: str


@dataclass
class FuzzReport:
    """What a run of the fuzzer did."""

    executions: int = 0
    corpus: int = 0
    lines: int = 0
    findings: list[Finding] = field(default_factory=list)


def corpus_of(target: Target) -> list[bytes]:
    """Return the seeds of a target and the inputs kept in its folder."""
    folder = CORPUS / target.name
    kept = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    return [*target.seeds(), *(path.read_bytes() for path in kept)]


def keep(target: Target, data: bytes) -> Path:
    """Write an input to the target's folder and return its path."""
    path = CORPUS / target.name / hashlib.sha256(data).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def fuzz(
    target: Target,
    *,
    seed: int,
    executions: int | None = None,
    seconds: float | None = None,
    max_findings: int = 5,
    is_guided: bool = True,
) -> FuzzReport:
    """Run ``target`` on its corpus and on mutations of it.

    Args:
        target: The face to fuzz.
        seed: The same seed gives the same inputs, in the same order, if they are not guided.
        executions: The largest number of mutations.
        seconds: The longest time.
        max_findings: After so many findings of different kinds the run ends.
        is_guided: Whether inputs that reach new lines are mutated further. What a target with several tasks reaches
            differs a little from run to run.
    """
    chance, coverage, report = random.Random(f"{target.name}-{seed}"), LineCoverage(), FuzzReport()
    until = None if seconds is None else time.monotonic() + seconds
    corpus: list[bytes] = []
    kinds: set[str] = set()
    for data in _inputs(target, corpus, chance):
        if len(kinds) >= max_findings or (executions is not None and report.executions >= executions):
            break
        if until is not None and time.monotonic() > until:
            break
        before = coverage.lines
        finding = run_once(target, data, coverage)
        report.executions += 1
        if finding is not None and (kind := finding.report.strip().splitlines()[-1][:60]) not in kinds:
            kinds.add(kind)
            report.findings.append(finding)
        elif is_guided and (coverage.lines > before or not corpus):
            corpus.append(data)
    report.corpus, report.lines = len(corpus), coverage.lines
    return report


def run_once(target: Target, data: bytes, coverage: LineCoverage | None = None) -> Finding | None:
    """Run one input and return what it broke; None if nothing."""
    try:
        with _hang_guard():
            if coverage is None:
                target.run(data)
            else:
                with coverage.recorded():
                    target.run(data)
    except Exception:  # anything that a target raises is a finding
        return Finding(data, traceback.format_exc())
    return None


def _inputs(target: Target, corpus: list[bytes], chance: random.Random) -> Iterator[bytes]:
    start = corpus_of(target)
    yield from start
    while True:
        everything = [*start, *corpus]
        # Recent additions are tried most.
        parent = chance.choice(corpus[-20:]) if corpus and chance.random() < 0.3 else chance.choice(everything)
        yield mutated(parent, everything, chance)[:MAX_BYTES]


@contextmanager
def _hang_guard() -> Iterator[None]:
    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise HangError(f"no end after {HANG_S} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(HANG_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
