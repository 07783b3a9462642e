"""``python -m benchmarks.gpu.product``: versions, and bitsandbytes' NF4 product against the dequantised weights."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor

from benchmarks.gpu.weights import NF4Weights
from infill_completion.engine.bench.journal import Journal
from infill_completion.engine.bench.machine import device_name, versions
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.model.cuda.capture import GraphCapture

environment.prepare()

_ROWS = (1, 5, 8)
_MAX_ERROR = 0.02  # of the standard deviation of the product; sums of 16-bit numbers in different orders


def main() -> int:
    """Measure the relative error of each product; return 1 if one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--jsonl", type=Path)
    options = parser.parse_args()
    device, journal = devices.choose_device(options.device), Journal(options.jsonl)
    devices.make_current(device)
    name, found = device_name(device), versions()
    print(name, found)
    journal.append(measurement="versions", device=name, **found)
    errors = [_measured(rows, device, journal) for rows in _ROWS]
    return int(max(errors) > _MAX_ERROR)


@torch.inference_mode()
def _measured(rows: int, device: torch.device, journal: Journal) -> float:
    """Compare a product of ``rows`` rows, plain and as a graph; return the larger relative error."""
    side = 4096 if device.type == "cuda" else 512
    weights = NF4Weights(side, side, device, precision.choose_dtype(device, "nf4"))
    x = torch.randn(rows, side, device=device, dtype=weights.dtype)
    expected = x.float() @ weights.dequantized().float().T
    errors: dict[str, Any] = {"plain": _error(weights.product(x), expected)}
    if device.type == "cuda":
        errors["graph"] = _error(_replayed(lambda: weights.product(x)), expected)
    else:
        print("graph: skipped, needs a CUDA device")
    print(f"{rows} rows, relative error: {errors}")
    journal.append(measurement="NF4 product, relative error", rows=rows, **errors)
    return float(max(errors.values()))


def _replayed(product: Callable[[], Tensor]) -> Tensor:
    """Return the product as a replayed graph computes it."""
    capture, results = GraphCapture(is_possible=True), []
    graph = capture.record(lambda: results.append(product()))
    if graph is None:
        raise RuntimeError(capture.error)
    results[-1].zero_()
    graph.replay()
    torch.cuda.synchronize()
    return results[-1]


def _error(got: Tensor, expected: Tensor) -> float:
    return float((got.float() - expected).abs().max() / expected.std())


if __name__ == "__main__":
    sys.exit(main())
