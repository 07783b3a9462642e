"""``python -m benchmarks.gpu.kernels``: the time of single operations: products, attention, sorting, empty kernels."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.gpu.products import linear_shapes
from benchmarks.gpu.stopwatch import DeviceStopwatch
from benchmarks.gpu.weights import NF4Weights
from infill_completion.catalog import ModelShape
from infill_completion.engine.bench.journal import Journal
from infill_completion.engine.bench.random_weights import SHAPES
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.model.cuda.choice import choose_static

environment.prepare()

_ROWS = (1, 2, 3, 4, 5, 6, 7, 8)
_CACHE_BYTES = 128 << 20  # more than the second-level cache of any GPU
_MAX_COPIES = 16
_BACKENDS = (
    SDPBackend.EFFICIENT_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.MATH,
)  # fmt: skip


class KernelBenchmark:
    """Measures single operations on a device and appends each figure at once."""

    def __init__(self, device: torch.device, journal: Journal) -> None:
        self._device, self._journal = device, journal
        self._dtype = precision.choose_dtype(device, "nf4")
        self._stopwatch = DeviceStopwatch(device)

    def products(self, outputs: int, inputs: int) -> None:
        """Measure bitsandbytes' product by rows; the weights alternate, so that they come from memory as in a model."""
        weights = NF4Weights(outputs, inputs, self._device, self._dtype)
        size = outputs * inputs / 2
        copies = weights.copies(max(1, min(_MAX_COPIES, round(_CACHE_BYTES / size))) if self._is_cuda else 1)
        figures: dict[str, float] = {}
        for rows in _ROWS:
            x = torch.randn(rows, inputs, device=self._device, dtype=self._dtype)
            figures[f"rows_{rows}"] = self._stopwatch.us([partial(weights.product, x, packed) for packed in copies])
        self._report("NF4 product, us", shape=f"{outputs}x{inputs}", gb_s=size / figures["rows_1"] / 1e3, **figures)

    def attention(self, shape: ModelShape, rows: int, length: int) -> None:
        """Measure every kernel of attention as a step of ``rows`` rows calls it, and its first call."""
        made = partial(torch.randn, device=self._device, dtype=self._dtype)
        queries = made(1, shape.kv_heads, rows * shape.heads // shape.kv_heads, shape.head_dim)
        keys, values = (made(1, shape.kv_heads, length, shape.head_dim) for _ in range(2))
        mask = torch.ones(queries.shape[2], length, dtype=torch.bool, device=self._device)
        mask[:, -8:] = False
        work = partial(F.scaled_dot_product_attention, queries, keys, values, attn_mask=mask)
        for backend in _BACKENDS:
            named: dict[str, Any] = {
                "backend": backend.name, "heads": f"{shape.heads}/{shape.kv_heads}", "rows": rows, "length": length,
            }  # fmt: skip
            with sdpa_kernel([backend]):
                self._tried("attention", work, **named)

    def choosing(self, vocabulary: int, rows: int) -> None:
        """Measure a sort of the logits, and the whole choice of a token."""
        logits = torch.randn(rows, vocabulary, device=self._device)
        noise = torch.empty_like(logits).exponential_()
        temperature, top_p = (torch.tensor(value, device=self._device) for value in (0.1, 0.9))
        is_greedy = torch.tensor(False, device=self._device)
        named = {"rows": rows, "vocabulary": vocabulary}
        self._tried("sort", partial(torch.sort, logits, dim=-1, descending=True, stable=True), **named)
        self._tried("choice", partial(choose_static, logits, temperature, top_p, is_greedy, noise), **named)

    def empty_kernels(self) -> None:
        """Measure 100 kernels that do almost nothing: the cost of a launch within a graph."""
        x = torch.zeros(1, device=self._device)
        self._report("empty kernel", us=self._stopwatch.us([partial(x.add_, 0.0)] * 100))

    @property
    def _is_cuda(self) -> bool:
        return self._device.type == "cuda"

    def _tried(self, measurement: str, work: Callable[[], Any], **named: Any) -> None:
        """Measure the first call and further ones; a kernel that does not take these arguments is reported."""
        try:
            first = self._stopwatch.first_ms(work)
            self._report(measurement, **named, first_ms=first, us=self._stopwatch.us([work] * 10))
        except RuntimeError as error:
            self._report(measurement, **named, failed=str(error).partition("\n")[0])

    def _report(self, measurement: str, **figures: Any) -> None:
        shown = {key: round(value, 2) if isinstance(value, float) else value for key, value in figures.items()}
        print(measurement, shown, flush=True)
        self._journal.append(measurement=measurement, **figures)


@torch.inference_mode()
def main() -> int:
    """Measure all operations for the shapes of the models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--shapes", default="7b,13b,34b")
    parser.add_argument("--jsonl", type=Path)
    options = parser.parse_args()
    device = devices.choose_device(options.device)
    devices.make_current(device)
    benchmark, shapes = (
        KernelBenchmark(device, Journal(options.jsonl)),
        [SHAPES[name] for name in options.shapes.split(",")],
    )
    if device.type != "cuda":
        print("CUDA graphs: skipped, need a CUDA device; operators are timed one by one")
    benchmark.empty_kernels()
    for shape in shapes:
        for outputs, inputs in linear_shapes(shape):
            benchmark.products(outputs, inputs)
    for shape in shapes[:: max(1, len(shapes) - 1)]:  # the first and the last; the last shares its keys
        for rows in (1, 5):
            for length in (2048, 8192):
                benchmark.attention(shape, rows, length)
    for rows in (1, 5):
        benchmark.choosing(shapes[0].vocab, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
