"""Learning is used only if it is better on commits that it has not seen, keeps its limits, and can be halted."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from infill_completion.engine.errors import ModelError
from infill_completion.engine.learning.history import history_of
from infill_completion.engine.learning.school import ROW_TOKENS, Limits, Marks, School, is_better
from infill_completion.engine.learning.student import Row, Student
from infill_completion.engine.learning.trainer import Trainer
from infill_completion.engine.process.learn import Permission
from tests.engine.learning.git_repository import repository_with_history

PLENTY = 1 << 40


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository_with_history(tmp_path_factory.mktemp("school") / "repo")


def marks(losses: list[float], right: int = 3) -> Marks:
    return Marks(tuple(losses), right)


OLD = marks([1.0, 2.0, 1.5, 1.2, 3.0, 0.5, 2.2, 1.1])


@pytest.mark.parametrize(
    ("after", "better"),
    [
        (marks([0.8, 1.7, 1.3, 1.1, 2.6, 0.4, 2.0, 1.0]), True),
        (OLD, False),
        (marks([1.1, 2.1, 1.6, 1.3, 3.1, 0.6, 2.3, 1.2]), False),
        (marks([0.0, 2.1, 1.6, 1.3, 3.1, 0.6, 2.3, 1.2]), False),  # one hole alone
        (marks([0.8, 1.7, 1.3, 1.1, 2.6, 0.4, 2.0, 1.0], right=2), False),  # fewer are entirely right
    ],
)
def test_better_is_more_than_chance(after: Marks, better: bool) -> None:
    assert is_better(OLD, after) is better


class Clock:
    """Clocks that go on by a second when they are read, so that a slow machine learns as much as a fast one."""

    def __init__(self) -> None:
        self._worked = 0
        self.halted = 0

    def process_time(self) -> float:
        self._worked += 1
        return float(self._worked)

    def monotonic(self) -> float:
        return self.process_time() + self.halted


def test_a_repository_is_learned(top: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infill_completion.engine.learning.school.time", Clock())
    asked: list[int] = []
    history = history_of(top, lambda path: False)
    school = School(tiny_folder, history, Limits(60.0, PLENTY), lambda: asked.append(0), lambda: 0)
    for group in school._trainer._optimizer.param_groups:
        group["full"] *= 5  # a model of random numbers has much to learn
    report = school.learn()
    assert report.after.loss < report.before.loss - 0.5
    assert report.has_passed
    assert report.tokens > 1000
    assert len(asked) > 10
    assert school.adapter().learned


def test_a_halt_takes_no_time_from_learning(top: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("infill_completion.engine.learning.school.time", clock)
    history = history_of(top, lambda path: False)

    def tokens_learned(halt_s: int) -> int:
        def wait() -> None:
            clock.halted += halt_s

        return School(tiny_folder, history, Limits(20.0, PLENTY), wait, lambda: 0).learn().tokens

    assert tokens_learned(halt_s=10_000) == tokens_learned(halt_s=0) > 0


def test_two_threads_learn_two_rows_at_a_time(top: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infill_completion.engine.learning.school.time", Clock())
    history = history_of(top, lambda path: False)
    school = School(tiny_folder, history, Limits(20.0, PLENTY), lambda: None, lambda: 0, threads=2)
    lengths = watched_steps(school, monkeypatch)
    report = school.learn()
    assert set(lengths) == {2}
    assert report.has_passed


def test_a_sample_that_is_longer_than_a_row_is_learned_too(
    top: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infill_completion.engine.learning.school.time", Clock())
    monkeypatch.setattr("infill_completion.engine.learning.school.ROW_TOKENS", 1)
    school = School(tiny_folder, history_of(top, lambda path: False), Limits(5.0, PLENTY), lambda: None, lambda: 0)
    lengths = watched_steps(school, monkeypatch)
    assert school.learn().tokens > len(lengths) > 3


def watched_steps(school: School, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the number of rows of each step."""
    step, lengths = Trainer.step, list[int]()

    def watched(self: Trainer, rows: Sequence[Row], factor: float) -> float:
        lengths.append(len(rows))
        return step(self, rows, factor)

    monkeypatch.setattr(Trainer, "step", watched)
    return lengths


def test_where_memory_is_short_gradients_are_computed_again(top: Path, tiny_folder: Path) -> None:
    history = history_of(top, lambda path: False)

    def saves_memory(limit: int) -> bool:
        return School(tiny_folder, history, Limits(60.0, limit), lambda: None, lambda: 0)._student.saves_memory

    assert not saves_memory(500 << 20)
    assert saves_memory(10 << 20)


def test_too_little_memory_ends_it(top: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = history_of(top, lambda path: False)
    held = [0]
    school = School(tiny_folder, history, Limits(60.0, PLENTY), lambda: None, lambda: held[0])
    lengths = watched_steps(school, monkeypatch)
    held[0] = PLENTY + 1
    report = school.learn()
    assert lengths == [1]  # which saved memory, and that was not enough
    assert school._student.saves_memory
    assert report.tokens <= ROW_TOKENS


def test_a_model_that_needs_too_much_memory_is_not_loaded(
    top: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Student, "load", lambda base: pytest.fail("it was loaded"))
    with pytest.raises(ModelError, match=r"takes more than 12 MiB .* allows 10; raise it"):
        School(tiny_folder, history_of(top, lambda path: False), Limits(60.0, 10 << 20), lambda: None, lambda: 10 << 20)


class Orders:
    """Lines that come when they are put in; like a pipe, they end only when it is closed."""

    def __init__(self) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self._obeyed = threading.Semaphore(0)

    def __iter__(self) -> Iterator[str]:
        while True:
            yield self._lines.get()
            self._obeyed.release()

    def give(self, line: str) -> None:
        """Give an order, and return once it has been obeyed."""
        self._lines.put(line)
        assert self._obeyed.acquire(timeout=30)


def test_orders_halt_and_continue() -> None:
    permission, orders = Permission(), Orders()
    permission.obey(orders)
    orders.give("nonsense\n")
    permission.wait()
    orders.give("pause\n")
    assert not permission.may_go_on
    went_on = threading.Event()

    def work() -> None:
        permission.wait()
        went_on.set()

    threading.Thread(target=work, daemon=True).start()
    assert not went_on.is_set()
    orders.give("go\n")
    assert went_on.wait(30)
