"""``python -m benchmarks.gpu.own_kernels``: the project's kernels beside the operators that they replace."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.gpu.products import linear_shapes
from benchmarks.gpu.stopwatch import DeviceStopwatch
from benchmarks.gpu.weights import NF4Weights
from infill_completion.catalog import ModelShape
from infill_completion.engine.bench.journal import Journal
from infill_completion.engine.bench.random_weights import SHAPES
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.model.cuda.kernels.attention import PLANS, Plan, SplitAttention, plan_for
from infill_completion.engine.model.cuda.kernels.choose import Chooser
from infill_completion.engine.model.cuda.kernels.dense import dequantize
from infill_completion.engine.model.cuda.kernels.launcher import Launcher
from infill_completion.engine.model.cuda.kernels.products import Products
from infill_completion.engine.model.cuda.kernels.runtime import kernels

environment.prepare()

_ROWS = (1, 2, 8)
_CACHE_BYTES = 128 << 20  # more than the second-level cache of any GPU
_CALLS = 32  # at a time
_MAX_ERROR = 0.01  # of the norm


class OwnKernelBenchmark:
    """Measures each kernel, and its error; ``worst`` is the largest of these."""

    def __init__(self, device: torch.device, journal: Journal, *, overlap: bool) -> None:
        self._device, self._journal, self._overlap = device, journal, overlap
        self._dtype = precision.choose_dtype(device, "nf4")
        self._launcher: Launcher = kernels.load(device, self._dtype, overlap=overlap)
        self._processors = torch.cuda.get_device_properties(device).multi_processor_count
        self._stopwatch = DeviceStopwatch(device)
        self.worst = 0.0

    def products(self, outputs: int, inputs: int) -> None:
        """Measure the plain product by rows; the weights alternate, so that they come from memory as in a model."""
        weights = NF4Weights(outputs, inputs, self._device, self._dtype)
        products = Products(self._launcher, weights.codebooks, self._processors)
        size = outputs * inputs / 2
        matrices = [weights.matrix for _ in range(1 + min(15, round(_CACHE_BYTES / size)))]
        figures: dict[str, float] = {}
        for rows in _ROWS:
            x, out = self._randn(rows, inputs), self._randn(rows, outputs)
            products.plain(matrices[0], x, out)
            figures[f"error_{rows}"] = self._error(out, x.double() @ weights.dequantized().double().T)
            works = [partial(products.plain, matrix, x, out) for matrix in matrices]
            figures[f"rows_{rows}"] = self._us(works)
        self._report("own product, us", shape=f"{outputs}x{inputs}", gb_s=size / figures["rows_1"] / 1e3, **figures)

    def dense(self, outputs: int, inputs: int) -> None:
        """Measure turning packed weights into dense ones, of which the bits must be bitsandbytes' own."""
        weights = NF4Weights(outputs, inputs, self._device, self._dtype)
        matrix, expected = weights.matrix, weights.dequantized()
        out = torch.full_like(expected, math.nan)
        work = partial(dequantize, self._launcher, weights.codebooks, matrix, out)
        work()
        different = int((out != expected).sum())
        us = self._us([work])
        self._error(out, expected.double())
        size = outputs * inputs * (0.5 + out.element_size())
        self._report("own dense weights", shape=f"{outputs}x{inputs}", us=us, gb_s=size / us / 1e3, different=different)

    def attention(self, shape: ModelShape, rows: int, length: int, plan: Plan) -> None:
        """Measure attention over a cache of many layers, so that it comes from memory."""
        heads, kv_heads, dim = shape.heads, shape.kv_heads, shape.head_dim
        attention = SplitAttention(
            self._launcher, heads=heads, kv_heads=kv_heads, head_dim=dim, rows=rows, bucket=length,
            device=self._device, plan=plan,
        )  # fmt: skip
        size = 2 * kv_heads * length * dim * 2
        caches = [self._randn(2, kv_heads, length, dim) for _ in range(max(1, min(16, _CACHE_BYTES // size)))]
        queries, out = self._randn(rows, heads, dim), self._randn(rows, heads, dim)
        at, zero = self._long(length - rows), self._long(0)
        works = [partial(attention, queries, cache[0], cache[1], at, zero, zero + 1, length, out) for cache in caches]
        works[0]()
        error = self._error(out, _attention(queries, caches[0], length - rows))
        us = self._us(works)
        named = {"heads": f"{heads}/{kv_heads}", "rows": rows, "length": length, "plan": f"{plan.warps}x{plan.steps}"}
        self._report("own attention", **named, us=us, gb_s=size / us / 1e3, error=error)

    def choosing(self, vocabulary: int, rows: int) -> None:
        """Measure the choice of a token, greedy and sampled."""
        logits, result = self._randn(rows, vocabulary), torch.zeros(rows, 2, dtype=torch.float64, device=self._device)
        index = self._long(7)
        for temperature in (0.0, 0.1, 1.0):
            chooser = Chooser(self._launcher, vocabulary, self._device)
            chooser.prepare(temperature, 0.9, 1)
            us = self._stopwatch.us([partial(chooser.run, logits, index, result)] * 10)
            self._report("own choice", rows=rows, vocabulary=vocabulary, temperature=temperature, us=us)

    def _us(self, works: Sequence[Callable[[], None]]) -> float:
        """Return the microseconds of one of ``works``; in few calls, to launch their graph would count too."""
        return self._stopwatch.us([*works] * math.ceil(_CALLS / len(works)))

    def _randn(self, *size: int) -> Tensor:
        return torch.randn(*size, device=self._device).to(self._dtype)

    def _long(self, value: int) -> Tensor:
        return torch.tensor([value], device=self._device)

    def _error(self, got: Tensor, expected: Tensor) -> float:
        error = float((got.double() - expected).norm() / expected.norm())
        self.worst = float("inf") if math.isnan(error) else max(self.worst, error)
        return error

    def _report(self, measurement: str, **figures: Any) -> None:
        shown = {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}
        print(measurement, "overlap" if self._overlap else "", shown, flush=True)
        self._journal.append(measurement=measurement, overlap=self._overlap, **figures)


def _attention(queries: Tensor, cache: Tensor, at: int) -> Tensor:
    """Return attention in float64, ``(rows, heads, head_dim)``."""
    rows, heads, _ = queries.shape
    keys, values = (part.double().repeat_interleave(heads // part.shape[0], 0) for part in cache)
    mask = torch.ones(rows, keys.shape[1], dtype=torch.bool, device=keys.device).tril(at)
    return F.scaled_dot_product_attention(queries.double().transpose(0, 1), keys, values, attn_mask=mask).transpose(
        0, 1
    )


@torch.inference_mode()
def main() -> int:
    """Measure all kernels for the shapes of the models; return 1 if one computes something else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--shapes", default="7b,13b,34b")
    parser.add_argument("--jsonl", type=Path)
    options = parser.parse_args()
    device, journal = devices.choose_device(options.device), Journal(options.jsonl)
    devices.make_current(device)
    if device.type != "cuda":
        print("The kernels: skipped, need a CUDA device.")
        return 0
    worst = 0.0
    for overlap in (True, False):
        benchmark = OwnKernelBenchmark(device, journal, overlap=overlap)
        shapes = [SHAPES[name] for name in options.shapes.split(",")]
        for shape in shapes if overlap else shapes[:1]:
            for outputs, inputs in linear_shapes(shape):
                benchmark.products(outputs, inputs)
                if overlap:
                    benchmark.dense(outputs, inputs)
            for rows, length in ((1, 2048), (8, 2048), (1, 8192), (8, 8192)):
                for plan in PLANS if overlap else [plan_for(shape.kv_heads)]:
                    benchmark.attention(shape, rows, length, plan)
        for rows in (1, 8):
            benchmark.choosing(shapes[0].vocab, rows)
        worst = max(worst, benchmark.worst)
    return int(worst > _MAX_ERROR)


if __name__ == "__main__":
    sys.exit(main())
