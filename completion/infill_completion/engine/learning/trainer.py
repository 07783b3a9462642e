"""The optimizer of a student: one rate for each kind of parameter, and a state that a run resumes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor, nn

from infill_completion.engine.learning.group_linear import GroupLinear
from infill_completion.engine.learning.student import Row, Student

environment.prepare()

_MAX_NORM = 1.0


@dataclass(frozen=True)
class Rates:
    """Full learning rates.

    Attributes:
        shift: Of the middles of groups, in units of their scales.
        gain: Of the scales of groups, as a share.
        norm: Of the norms, as a share.
        rows: Of embeddings.
    """

    shift: float = 6e-3
    gain: float = 3e-3
    norm: float = 2e-3
    rows: float = 3e-3


class Trainer:
    """Takes steps.

    Args:
        student: Learns.
        rates: The full rates.
        threads: So many rows are learned at once, each by one thread; products that two threads share would wait for
            the slower one thousands of times a second. Is 1 on CUDA.
    """

    def __init__(self, student: Student, rates: Rates | None = None, threads: int = 1) -> None:
        self.student, self.rates = student, rates or Rates()
        self._parameters = list(student.parameters())
        self._pool = None if threads == 1 else ThreadPoolExecutor(threads, "learn", lambda: torch.set_num_threads(1))
        linears = student.linears().values()
        kinds: list[tuple[Sequence[nn.Parameter], float]] = [
            ([each.shift for each in linears], self.rates.shift),
            ([each.gain for each in linears], self.rates.gain),
            (list(student.norms().values()), self.rates.norm),
            ([student.rows], self.rates.rows),
        ]
        groups = [{"params": list(kind), "full": rate} for kind, rate in kinds]
        self._optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.98), eps=1e-10, weight_decay=0.0)

    def step(self, rows: Sequence[Row], factor: float) -> float:
        """Take a step over rows with ``factor`` on the full rates, and return the mean loss in nats."""
        taught = [row for row in rows if len(row.targets)]
        count = sum(len(row.targets) for row in taught)
        total = 0.0
        for loss, gradients in self._each(taught):
            total += loss / count
            for parameter, gradient in zip(self._parameters, gradients, strict=True):
                share = gradient / count
                parameter.grad = share if parameter.grad is None else parameter.grad.add_(share)
        nn.utils.clip_grad_norm_(self.student.parameters(), _MAX_NORM)
        for group in self._optimizer.param_groups:
            group["lr"] = group["full"] * factor
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return total

    def _each(self, rows: Sequence[Row]) -> Iterable[tuple[float, tuple[Tensor, ...]]]:
        """Return the sum of the losses of each row, and its gradients."""
        if self._pool is None:
            return map(self._gradients, rows)
        list(self._pool.map(GroupLinear.weight, self.student.linears().values()))  # once, not in each thread
        return self._pool.map(self._gradients, rows)

    def _gradients(self, row: Row) -> tuple[float, tuple[Tensor, ...]]:
        loss = self.student.loss(row)
        gradients = torch.autograd.grad(loss, self._parameters, allow_unused=True, materialize_grads=True)
        return float(loss.detach()), gradients

    def state(self) -> dict[str, Any]:
        """Return everything that a run resumes from."""
        return {"student": self.student.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state` returned."""
        self.student.load_state_dict(state["student"])
        self._optimizer.load_state_dict(state["optimizer"])
