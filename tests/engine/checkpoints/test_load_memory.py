"""The memory of loading: packed weights and little else, counted by the system in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from infill_completion.engine.model import int8
from infill_completion.engine.model.huge_pages import untouched
from infill_completion.engine.model.kv_cache import KVCache, KVShape
from tests.engine.checkpoints.gguf.quantized_model import write_model
from tests.engine.tiny import save_tiny

pytestmark = [
    pytest.mark.skipif(not int8.available(), reason="this torch has no int8 products for the CPU"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

_MIB = 1 << 20
# Loads twice: what the first time needs once, such as threads and code, is no part of the second.
_SCRIPT = """
import pathlib, sys, torch
from infill_completion.engine import memory
from infill_completion.engine.checkpoints.packed_weights import load_packed

def read(key):
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split(key + ":")[1].split()[0]) << 10

small, path, bits = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
load_packed(small, bits)
memory.return_free()
pathlib.Path("/proc/self/clear_refs").write_text("5")
before = read("VmRSS")
model = load_packed(path, bits)
peak = read("VmHWM")
memory.return_free()
print(sum(part.nbytes for part in model.packed), peak - before, read("VmRSS") - before)
"""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a small checkpoint and one of 150 MB in 32 bits."""
    folder = tmp_path_factory.mktemp("checkpoints")
    shape = {"hidden_size": 512, "head_dim": 64, "num_attention_heads": 8, "intermediate_size": 2048}
    return save_tiny(folder / "small"), save_tiny(folder / "large", num_hidden_layers=8, **shape)


@pytest.mark.parametrize("bits", [4, 8])
def test_a_checkpoint_is_never_in_memory_as_a_whole(checkpoints: tuple[Path, Path], bits: int) -> None:
    small, large = checkpoints
    done = subprocess.run(
        [sys.executable, "-P", "-c", _SCRIPT, str(small), str(large), str(bits)],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    packed, peak, resident = map(int, done.stdout.split())
    whole = (large / "model.safetensors").stat().st_size
    assert packed < whole * (0.29 if bits == 8 else 0.2)
    # A part of a matrix at a time is widened, and huge pages are rounded up.
    assert peak < packed + 28 * _MIB < whole
    assert resident < packed + 12 * _MIB


def test_a_gguf_file_takes_no_more(checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.gguf", "Q4_1", vocabulary=40_000, hidden=512)
    done = subprocess.run(
        [sys.executable, "-P", "-c", _SCRIPT, str(checkpoints[0]), str(path), "4"],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    packed, peak, resident = map(int, done.stdout.split())
    assert packed > 20 * _MIB
    assert peak < packed + 28 * _MIB
    assert resident < packed + 12 * _MIB


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_cache_takes_memory_only_for_what_is_written() -> None:
    shape = KVShape((torch.device("cpu"),) * 16, 8, 128, torch.int8)
    before = resident()
    cache = KVCache(shape, 8192)
    assert cache.bytes > 250 * _MIB
    assert resident() - before < 20 * _MIB  # the scales
    rows = torch.ones(1, 8, 64, 128)
    for layer in range(16):
        cache.write(layer, rows, rows, 100)
    assert resident() - before < 40 * _MIB
    assert torch.equal(cache.read(3, 164)[0][:, :, 100:], rows)
    assert not cache.read(3, 164)[0][:, :, :100].any()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (5,), (2, 3, 70_000)])
def test_untouched_memory_is_zeros_of_any_shape(shape: tuple[int, ...]) -> None:
    made = untouched(shape, torch.float32)
    assert made.shape == shape
    assert torch.equal(made, torch.zeros(shape))
