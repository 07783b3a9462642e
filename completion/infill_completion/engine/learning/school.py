"""A model learns a repository for some minutes and is examined on commits that it has not seen.

What it learned counts only if it is better on them: the likelihood of what was written is higher by more than chance
explains, and no fewer rests of lines are entirely right.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_completion.engine import environment  # isort: skip  # before torch
import torch

from infill_completion.api import ContextItem
from infill_completion.engine import memory
from infill_completion.engine.checkpoints.adapters import Adapter, identity
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.checkpoints.weights import weight_bytes
from infill_completion.engine.errors import ModelError
from infill_completion.engine.learning.exam import ExamHole
from infill_completion.engine.learning.history import LessonFile, RepositoryHistory
from infill_completion.engine.learning.learned import adapter_of
from infill_completion.engine.learning.samples import SampleMaker, SampleOptions
from infill_completion.engine.learning.student import Sample, Student, row_of
from infill_completion.engine.learning.trainer import Trainer

environment.prepare()

ROW_TOKENS = 512  # of each thread
# What is learned from short samples is lost on prompts, whose many tokens of context say much of it already.
SAMPLE_TOKENS = (128, 512)
EXAM_TOKENS = 1024  # as prompts have
RECENT_WEIGHT = 3.0  # of a file that was changed lately
WARM_UP_STEPS, DECAY = 8, 0.5
Z = 1.64  # one-sided, 95 %
BYTES_OF_WEIGHTS = 1.35  # of those in bfloat16: with the learned numbers, their gradients and their moments
_EMPTY_ROWS = 100


@dataclass(frozen=True)
class Limits:
    """How much learning may take.

    Attributes:
        seconds: Of time in which all threads have a core, the examinations apart.
        memory_bytes: Of memory; learning ends early where it needs more.
    """

    seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class Marks:
    """The result of an examination.

    Attributes:
        losses: The loss of each hole, in nats a token.
        right: How many holes the likeliest tokens fill entirely right.
    """

    losses: tuple[float, ...]
    right: int

    @property
    def loss(self) -> float:
        """The mean loss."""
        return sum(self.losses) / len(self.losses)


@dataclass(frozen=True)
class Report:
    """What came of learning.

    Attributes:
        before: The examination before it.
        after: The examination after it.
        tokens: How many were learned from.
        seconds: How long that took.
    """

    before: Marks
    after: Marks
    tokens: int
    seconds: float

    @property
    def has_passed(self) -> bool:
        """Whether what was learned is to be used."""
        return is_better(self.before, self.after)


def is_better(before: Marks, after: Marks) -> bool:
    """Return whether marks are better by more than chance explains, by the paired differences of the holes."""
    gains = [old - new for old, new in zip(before.losses, after.losses, strict=True)]
    mean = sum(gains) / len(gains)
    variance = sum((gain - mean) ** 2 for gain in gains) / max(1, len(gains) - 1)
    return mean > Z * math.sqrt(variance / len(gains)) and after.right >= before.right


class School:
    """One model and one repository.

    Args:
        base: The checkpoint, or a GGUF file.
        history: What to learn and to be examined on.
        limits: How much it may take.
        wait: Called often; returns once learning may go on.
        memory: Returns the bytes of memory that the process holds.
        threads: How many to use.

    Raises:
        ModelError: The model needs more memory than that.
    """

    def __init__(
        self,
        base: Path,
        history: RepositoryHistory,
        limits: Limits,
        wait: Callable[[], None],
        memory: Callable[[], int],
        threads: int = 1,
    ) -> None:
        self._base, self._history, self._limits, self._memory = base, history, limits, memory
        self._check_memory()
        tokenizer = Tokenizer.load(base)
        self._maker = SampleMaker(tokenizer, SampleOptions(SAMPLE_TOKENS, text_rate=1.0))
        self._student = Student.load(base)
        self._wait, self._threads = wait, threads
        self._student.between_layers = wait  # so that a keystroke does not wait for a step
        self._trainer = Trainer(self._student, threads=threads)
        self._student.saves_memory = self._needs_to_save()

    def _check_memory(self) -> None:
        """Refuse a model that is too large before it is loaded beside the user's editor."""
        weights = weight_bytes(self._base, "none", torch.bfloat16)
        needed = self._memory() + int(weights * BYTES_OF_WEIGHTS)
        if needed > self._limits.memory_bytes:
            raise ModelError(
                f"Learning with this model takes more than {math.ceil(needed / 2**20)} MiB of memory, and "
                f"engine.learn_memory_mb allows {self._limits.memory_bytes >> 20}; raise it, or choose a smaller model."
            )

    def _needs_to_save(self) -> bool:
        """Return whether there is no memory for what gradients need; to compute it again takes a third more time."""
        rows = self._threads * self._student.row_bytes(ROW_TOKENS, SAMPLE_TOKENS[1])
        weights = sum(linear.base.nbytes for linear in self._student.linears().values())
        moments = 3 * sum(parameter.nbytes for parameter in self._student.parameters())
        return self._memory() + rows + weights + moments > self._limits.memory_bytes

    def learn(self) -> Report:
        """Learn until the time is over."""
        before = self._examined()
        began, tokens, step = self._spent_s(), 0, 0
        while (done := (self._spent_s() - began) / self._limits.seconds) < 1:
            self._wait()
            chance = random.Random(step)
            rows = [row_of(samples) for _ in range(self._threads) if (samples := self._samples(chance))]
            if not rows or not self._has_memory():
                break
            self._trainer.step(rows, min(1.0, (step + 1) / WARM_UP_STEPS, (1 - done) / DECAY))
            step, tokens = step + 1, tokens + sum(len(row.ids) for row in rows)
        seconds = self._spent_s() - began
        return Report(before, self._examined(), tokens, seconds)

    def _has_memory(self) -> bool:
        """Return whether learning keeps its limit, perhaps by giving memory back or by saving it from now on."""
        if self._is_within_limit():
            return True
        memory.return_free()  # rows differ in length, and glibc keeps what each of them took
        if self._is_within_limit():
            return True
        was_saving, self._student.saves_memory = self._student.saves_memory, True
        return not was_saving

    def _is_within_limit(self) -> bool:
        return self._memory() <= self._limits.memory_bytes

    def _spent_s(self) -> float:
        """Return the seconds for which the threads have had a core; others may need the cores most of the time."""
        return time.process_time() / self._threads

    def adapter(self) -> Adapter:
        """Return what was learned."""
        return adapter_of(self._student, identity(self._base))

    def _samples(self, chance: random.Random) -> list[Sample]:
        """Return samples for a step; none if no file has a line to learn."""
        files = self._history.files
        weights = [len(file.text) * (RECENT_WEIGHT if file.is_recent else 1.0) for file in files]
        samples: list[Sample] = []
        room = ROW_TOKENS
        for _ in range(_EMPTY_ROWS):
            file = chance.choices(files, weights)[0]
            sample = self._maker.sample(file.text, _others(file, files, chance), chance)
            if sample is None:
                continue
            room -= len(sample.ids)
            if samples and room < 0:  # the first counts, however long: with its middle it may be more than a row
                break
            samples.append(sample)
        return samples

    @torch.no_grad()
    def _examined(self) -> Marks:
        losses: list[float] = []
        right = 0
        for hole in self._history.holes:
            row = row_of([self._hole(hole)])
            scores, hits = self._student.scores(row)
            losses.append(float(scores.mean()))
            right += bool(hits.all())
        return Marks(tuple(losses), right)

    def _hole(self, hole: ExamHole) -> Sample:
        return self._maker.at(hole.text, hole.start, hole.end, EXAM_TOKENS)


def _others(file: LessonFile, files: Sequence[LessonFile], chance: random.Random) -> list[ContextItem]:
    other = chance.choice(files)
    return [] if other is file else [ContextItem(other.path, other.text)]
