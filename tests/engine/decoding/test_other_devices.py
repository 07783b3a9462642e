"""What Apple's and Intel's devices would be asked for, on a CPU: no 64-bit numbers, nothing of CUDA, 16-bit weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from infill_completion.api import CompletionRequest
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.checkpoints.checkpoint import load
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.model.cuda.choice import DeviceChoice
from infill_completion.settings import EngineSettings
from tests.engine.tiny import never

ASK = CompletionRequest(prefix="def total(numbers):\n    tot", suffix="\n", max_tokens=12, temperature=0.8, seed=3)
LONG = replace(ASK, prefix="x = compute(y, z)\n" * 60 + ASK.prefix, max_tokens=4)
REQUESTS = [ASK, LONG, replace(ASK, temperature=0.0), replace(ASK, n=3), replace(ASK, n=3, temperature=0.1)]


class Narrow(TorchDispatchMode):
    """Refuses operators with 64-bit floating-point numbers, which Apple's devices do not have."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, result)):
            dtype = leaf.dtype if isinstance(leaf, torch.Tensor) else leaf
            assert dtype not in {torch.float64, torch.complex64, torch.complex128}, func
        return result


@pytest.fixture(scope="module")
def generator(tiny_folder: Path) -> Iterator[Generator]:
    """A model in the numbers of such a device, chosen from as on one."""
    settings = EngineSettings(model=str(tiny_folder), device="cpu", quantization="none")
    checkpoint = load(settings, lambda share, doing: None)
    half = precision.choose_dtype(torch.device("mps"), "none")
    assert half is torch.float16
    model = LoadedModel(replace(checkpoint, model=checkpoint.model.to(half), dtype=half), 512)
    decoder = model.forward_pass.decoder
    assert decoder.dtype is half
    model.device_choice = DeviceChoice(decoder.vocab_size, decoder.device)
    made = Generator(model)
    yield made
    made.close()


@contextlib.contextmanager
def without_cuda() -> Iterator[None]:
    """Let every call that needs CUDA fail, also on a machine that has it."""

    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("CUDA is asked for")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("_lazy_init", "current_stream", "synchronize", "get_device_capability", "Event", "Stream"):
            patch.setattr(torch.cuda, name, refuse)
        yield


@pytest.mark.parametrize("request_", REQUESTS, ids=["sampled", "long", "greedy", "three", "three distinct"])
def test_requests_need_no_wide_numbers_and_nothing_of_cuda(generator: Generator, request_: CompletionRequest) -> None:
    with without_cuda(), Narrow():
        chunks = list(generator.with_settings().stream(request_, never))
    assert {chunk.index for chunk in chunks} == set(range(request_.n))
    assert chunks[-1].finish_reason is not None


def test_the_check_finds_wide_numbers() -> None:
    with Narrow(), pytest.raises(AssertionError):
        torch.ones(2).double()


@pytest.mark.parametrize(("kind", "quantization"), [("mps", "none"), ("xpu", "none")])
def test_these_devices_are_not_asked_for_what_only_cuda_has(kind: str, quantization: str) -> None:
    device = torch.device(kind)
    with without_cuda():
        assert precision.choose_quantization("auto", device, "a model") == quantization
        assert precision.choose_dtype(device, quantization) is torch.float16
        assert devices.free_bytes(device) is None
        assert devices.set_threads(device, 10**9) == 1
        assert devices.prefill_threads(device, 1) == 1
        devices.choose_attention(device)
