"""Gradients that are written by hand, to keep less in memory, are those that torch derives."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from infill_completion.engine.learning import summed_loss as summed
from infill_completion.engine.learning.rms_norm import RmsNorm
from infill_completion.engine.learning.student import Sample, Student, row_of
from infill_completion.engine.learning.trainer import Rates, Trainer
from tests.engine.checkpoints.gguf.quantized_model import write_model

EPS = 1e-5


def grad_of(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad.float()


def is_close(own: Tensor, expected: Tensor) -> bool:
    """Return whether vectors differ by no more than bfloat16 explains."""
    return bool((own.float() - expected).norm() < 0.02 * expected.norm())


def test_of_a_norm() -> None:
    torch.manual_seed(1)
    norm = RmsNorm(torch.rand(64) + 0.5, EPS)
    with torch.no_grad():
        norm.gain.normal_(std=0.3)
    x, above = torch.randn(9, 64).bfloat16().requires_grad_(), torch.randn(9, 64).bfloat16()
    y = norm(x)
    y.backward(above)
    wide, gain = x.detach().float().requires_grad_(), norm.gain.detach().clone().requires_grad_()
    expected = F.rms_norm(wide, (64,), norm.base * (1 + gain), EPS)
    expected.backward(above.float())
    assert is_close(y, expected)
    assert is_close(grad_of(x), grad_of(wide))
    assert is_close(grad_of(norm.gain), grad_of(gain))


@pytest.mark.parametrize("count", [1, 5, 7, 20])
def test_of_losses_that_are_summed_in_parts(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(summed, "CHUNK_TARGETS", 7)
    torch.manual_seed(2)
    weight, targets = torch.randn(50, 16), torch.randint(50, (count,))
    x, rows = torch.randn(count, 16, requires_grad=True), torch.randn(2, 16, requires_grad=True)

    def head(x: Tensor, rows: Tensor) -> Tensor:
        return torch.cat([x @ weight.T, x @ rows.T], 1)

    total = summed.summed_loss(x, rows, targets, head)
    (3 * total).backward()
    whole_x, whole_rows = (each.detach().clone().requires_grad_() for each in (x, rows))
    expected = F.cross_entropy(head(whole_x, whole_rows), targets, reduction="sum")
    (3 * expected).backward()
    assert torch.allclose(total, expected)
    assert torch.allclose(grad_of(x), grad_of(whole_x), atol=1e-5)
    assert torch.allclose(grad_of(rows), grad_of(whole_rows), atol=1e-5)


def test_of_rows_that_two_threads_learn_at_once(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.gguf", "Q4_1")
    rows = [row_of([Sample(ids, [True] * len(ids))]) for ids in ([5, 9, 33, 7], [77, 5, 201, 13, 8], [1, 2, 3])]
    losses = []
    for threads in (1, 2):
        trainer = Trainer(Student.load(model, [5]), Rates(0.05, 0.05, 0.02, 0.05), threads)
        losses.append([trainer.step(rows, 1.0) for _ in range(5)])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert losses[0][-1] < losses[0][0]
