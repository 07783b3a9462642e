"""The training loop of `training.timed`: everything that touches torch.

The rate falls to zero over most of the time that is left after compiling.  Weights are written after half of the time
as well.  What can fail on a strange machine has a fallback, which the log names.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import deque
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save
from torch import Tensor

from training.compiling import compile_layers
from training.feeder import Feeder
from training.model import Llama, LlamaShape
from training.muon import StackedMuon
from training.rows import Ids

if TYPE_CHECKING:
    from training.timed import Log

PART_BYTES = 15_600_000  # of exported weights
END_S = 7.0  # for the last evaluation and export
IN_FLIGHT = 2  # steps that the device may be behind
WARM_UP, STEADY = 0.03, 0.3  # shares of the training time
REPORT_S = 5.0
EMBED_GAIN = 2.5  # on the rate: a row of the embedding changes only where its token occurs
SNAPSHOT_S = 10.0
MAX_PIECES = 16


def rate_factor(progress: float) -> float:
    """Return the factor on the full rate after a share of the time: warm-up, steady, then linearly to zero."""
    return max(0.0, min(1.0, (progress + 1e-3) / WARM_UP, (1 - progress) / (1 - STEADY)))


class Loader:
    """Copies rows to the device from pinned memory, so that the copy does not wait for the device's other work."""

    def __init__(self, device: torch.device, log: Log) -> None:
        self._device = device
        self._kept: deque[tuple[Tensor, Any]] = deque()
        self._pins = device.type == "cuda"
        self._log = log

    def __call__(self, rows: Ids) -> tuple[Tensor, Tensor]:
        """Return the inputs and the targets of ``rows``."""
        wide = torch.from_numpy(rows.astype("int64"))
        if self._pins:
            try:
                wide = self._pinned(wide)
            except RuntimeError as error:
                self._pins = False
                self._log.write("unpinned", error=str(error)[:300])
        wide = wide.to(self._device)
        return wide[:, :-1].contiguous(), wide[:, 1:].contiguous()

    def _pinned(self, wide: Tensor) -> Tensor:
        pinned = wide.pin_memory()
        copied = pinned.to(self._device, non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        self._kept.append((pinned, event))
        while len(self._kept) > 1 and self._kept[0][1].query():
            self._kept.popleft()
        return copied


class Optimizer:
    """Muon for the matrices of the layers, AdamW for the rest, one factor on both rates."""

    def __init__(self, model: Llama, muon_rate: float, adam_rate: float, log: Log) -> None:
        self.muon = StackedMuon(model, muon_rate)
        self._adam_rate = adam_rate
        self._embed, self._head = [model.embed], [model.head]
        self._vectors = [p for p in model.parameters() if p.ndim == 1]
        self._fused = model.embed.is_cuda
        self._log = log
        self._adam = self._new()

    def _new(self) -> torch.optim.Optimizer:
        groups = [
            {"params": self._embed, "weight_decay": 0.01, "gain": EMBED_GAIN},
            {"params": self._head, "weight_decay": 0.01, "gain": 1.0},
            {"params": self._vectors, "weight_decay": 0.0, "gain": 1.0},
        ]
        return torch.optim.AdamW(groups, lr=self._adam_rate, betas=(0.9, 0.95), fused=self._fused)

    def reset(self) -> None:
        """Forget all moments."""
        self.muon.reset()
        self._adam = self._new()

    def step(self, factor: float) -> None:
        """Step with the full rates times ``factor``."""
        for group in self._adam.param_groups:
            group["lr"] = self._adam_rate * group["gain"] * factor
        try:
            self._adam.step()
        except RuntimeError as error:
            if not self._fused:
                raise
            self._log.write("unfused", error=str(error)[:300])
            self._fused = False
            self._adam = self._new()
        self.muon.step(factor)


class Run:
    """One training run.

    Args:
        feeder: Makes the rows.
        checks: Held-out rows of each language.
        shape: The model's.
        options: Of the command line.
        log: For metrics.
    """

    def __init__(
        self, feeder: Feeder, checks: dict[str, Ids], shape: dict[str, int], options: argparse.Namespace, log: Log
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        name = torch.cuda.get_device_name() if self.device.type == "cuda" else "CPU"
        log.write("device", name=name, torch=torch.__version__, workers=options.workers)
        torch.manual_seed(options.seed)
        torch.set_float32_matmul_precision("high")
        torch.backends.cuda.enable_cudnn_sdp(False)  # The flash kernel has had fewer faults.
        self.feeder, self.options, self.log = feeder, options, log
        self.model = Llama(LlamaShape(**shape), options.length).to(self.device)
        self.parameters = list(self.model.parameters())
        self.optimizer = Optimizer(self.model, options.muon_rate, options.adam_rate, log)
        self.load = Loader(self.device, log)
        self.checks = {language: self.load(rows) for language, rows in checks.items()}
        self.pieces = 1  # of a pass; more if the device has too little memory
        self.tokens = self.steps = 0
        self.scale = 1.0  # on the rate; halved when the training diverges
        self.losses: deque[tuple[int, Tensor, Any]] = deque()
        self.mean = math.inf
        self.kept = self._copy()

    def _copy(self) -> list[Tensor]:
        return [p.detach().clone() for p in self.parameters]

    def step(self, progress: float) -> None:
        """Take one step of the optimizer."""
        total = torch.zeros((), device=self.device)
        for _ in range(self.options.passes):
            rows = self.load(self.feeder.next())
            total += self._pass(rows)
            self.tokens += rows[0].numel()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step(rate_factor(progress) * self.scale)
        for parameter in self.parameters:
            parameter.grad = None
        self.steps += 1
        event = None
        if self.device.type == "cuda":
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
        self.losses.append((self.steps, total, event))
        if len(self.losses) > IN_FLIGHT:
            self._settle()

    def _pass(self, rows: tuple[Tensor, Tensor]) -> Tensor:
        """Add the gradients of some rows and return their share of the step's loss."""
        total = torch.zeros((), device=self.device)
        parts = self.options.passes * self.pieces
        try:
            for ids, targets in zip(rows[0].chunk(self.pieces), rows[1].chunk(self.pieces), strict=True):
                loss = self.model(ids, targets) / parts
                loss.backward()
                total += loss.detach()
        except torch.OutOfMemoryError:
            if self.pieces >= MAX_PIECES:
                raise
            self.log.write("out of memory", pieces=self.pieces)
        else:
            return total
        self.pieces *= 2
        for parameter in self.parameters:
            parameter.grad = None
        torch.cuda.empty_cache()
        return self._pass(rows)

    def _settle(self) -> None:
        """Wait for the oldest step in flight and look at its loss; go back to the last sane weights if it is bad."""
        _, total, event = self.losses.popleft()
        if event is not None:
            event.synchronize()
        loss = float(total)
        if math.isfinite(loss) and loss < self.mean + 2.5:
            self.mean = loss if math.isinf(self.mean) else 0.95 * self.mean + 0.05 * loss
            return
        self.scale /= 2
        self.log.write("diverged", loss=loss, mean=self.mean, scale=self.scale)
        with torch.no_grad():
            for parameter, kept in zip(self.parameters, self.kept, strict=True):
                parameter.copy_(kept)
        self.optimizer.reset()
        self.losses.clear()
        self.mean = math.inf

    def evaluate(self) -> dict[str, float]:
        """Return the loss on the held-out rows of each language in nats a token."""
        losses = {}
        # Not compiled: these rows have another shape, and compiling for it takes longer than evaluating.
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):
            for language, (ids, targets) in self.checks.items():
                losses[language] = round(float(self.model(ids, targets)), 4)
        return losses

    def export(self, name: str) -> None:
        """Write the weights in parts that are small enough to travel, and the model's ``config.json``."""
        data = save({key: tensor.cpu() for key, tensor in self.model.checkpoint().items()})
        for number, start in enumerate(range(0, len(data), PART_BYTES)):
            (self.options.out / f"{name}.{number}").write_bytes(data[start : start + PART_BYTES])
        (self.options.out / "config.json").write_text(json.dumps(self.model.shape.config(), indent=1))
        self.log.write("exported", name=name, bytes=len(data), tokens=self.tokens, held_out=self.evaluate())


def train(feeder: Feeder, checks: dict[str, Ids], shape: dict[str, int], options: argparse.Namespace, log: Log) -> None:
    """Train until the time is over, and export."""
    from training.timed import elapsed_s

    run = Run(feeder, checks, shape, options, log)
    wanted = options.compile == "always" or (options.compile == "auto" and run.device.type == "cuda")
    compile_layers(run.model, run.load(feeder.next()), wanted, log)
    begin, end = elapsed_s(), options.seconds - END_S
    log.write("training", left_s=round(end - begin, 1), parameters=sum(p.numel() for p in run.parameters))
    exported, reported, kept, tokens = False, begin, begin, 0
    while (now := elapsed_s()) < end:
        progress = (now - begin) / max(1e-6, end - begin)
        run.step(progress)
        if now - reported > REPORT_S:
            speed = (run.tokens - tokens) / (now - reported)
            log.write(
                "step", step=run.steps, tokens=run.tokens, loss=round(run.mean, 4), tokens_per_s=round(speed),
                rate=round(rate_factor(progress) * run.scale, 4),
            )  # fmt: skip
            reported, tokens = now, run.tokens
        if now - kept > SNAPSHOT_S and math.isfinite(run.mean):
            run.kept, kept = run._copy(), now
        if progress > 0.5 and not exported:
            run.export("half")
            exported = True
    run.export("weights")
