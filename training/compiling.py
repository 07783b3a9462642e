"""Compile a model in training, or find out in time that this does not work here."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from training import model as model_module
from training.model import Llama

if TYPE_CHECKING:
    from training.timed import Log

COMPILE_S = 75
MAX_DIFFERENCE = 0.05  # between the losses of the compiled and the plain model


@contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in the main thread after ``seconds``."""

    def ring(_number: int, _frame: object) -> None:
        raise TimeoutError(f"It took more than {seconds} s.")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def compile_layers(model: Llama, rows: tuple[Tensor, Tensor], wanted: bool, log: Log) -> None:
    """Compile the layers and the loss if that works here; otherwise leave the model as it was."""
    plain_loss = model_module.loss_of
    if not wanted:
        return
    try:
        with torch.no_grad():
            plain = float(model(*rows))
        with _alarm(COMPILE_S):
            for layer in model.stack():
                layer.compile(dynamic=False)
            model_module.loss_of = torch.compile(plain_loss, dynamic=False)
            loss = model(*rows)
            loss.backward()
            log.write("compiled", loss=_agreeing(model, loss, plain), plain=plain)
    except Exception as error:
        log.write("not compiled", error=f"{type(error).__name__}: {error}"[:1000])
        traceback.print_exc()
        model_module.loss_of = plain_loss
        for layer in model.stack():
            layer._compiled_call_impl = None
        torch._dynamo.reset()
    finally:
        model.zero_grad(set_to_none=True)


def _agreeing(model: Llama, loss: Tensor, plain: float) -> float:
    """Return the loss of the compiled model.

    Raises:
        ValueError: It is not that of the model as it was, or its gradients are not finite.
    """
    got = float(loss.detach())
    finite = all(bool(p.grad is not None and p.grad.isfinite().all()) for p in model.parameters())
    if abs(got - plain) > MAX_DIFFERENCE or not finite:
        raise ValueError(f"compiled: {got}, plain: {plain}, finite gradients: {finite}")
    return got
