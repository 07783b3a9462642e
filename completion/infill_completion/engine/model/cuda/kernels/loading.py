"""Whether a model's steps run in the kernels: decided on the device, when the model is loaded."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.capture import GraphCapture
from infill_completion.engine.model.cuda.kernels import prefill
from infill_completion.engine.model.cuda.kernels.products import MAX_ROWS, Places
from infill_completion.engine.model.cuda.kernels.runtime import kernels
from infill_completion.engine.model.cuda.kernels.step_kernels import StepKernels
from infill_completion.engine.model.cuda.kernels.step_weights import step_weights
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fused_ops import PLAIN
from infill_completion.engine.model.kv_cache import KVCache

log = logging.getLogger(__name__)

# 0: bitsandbytes and torch's operators only.
SWITCH = "INFILL_LS_FUSED"

_BUCKET = 256
_IDS = (1, 2, 3, 4, 5, 6, 7, 8)
_TOLERANCE = 0.1  # of the norm of the logits: torch rounds to 16 bits after every operator
_TIMES = 5


def step_kernels(model: Any, decoder: Decoder, capacity: int) -> StepKernels | None:
    """Return the kernels of a model, or None where they do not suit it or the device, or are no gain there.

    Args:
        model: The transformers model.
        decoder: Its decoder, on a CUDA device.
        capacity: Most tokens of a cache.
    """
    if os.environ.get(SWITCH) == "0" or (weights := step_weights(model, decoder)) is None:
        return None
    try:
        launcher = kernels.load(decoder.device, decoder.dtype)
        processors = torch.cuda.get_device_properties(decoder.device).multi_processor_count
        made = StepKernels(decoder, weights, launcher, processors, capacity)
        if (difference := error(made)) > _TOLERANCE:
            log.warning("The kernels differ from torch's operators by %.2g; these are used instead.", difference)
            return None
        if (gain := _gain(made, model)) < 1.0:
            log.warning("The kernels are no gain on this device (%.2f times as fast).", gain)
            return None
    except RuntimeError as error_:
        # The message is CUDA's, NVRTC's or torch's: no text of a user ever reaches a kernel.
        log.warning("The kernels are off, and torch's operators are used instead: %s", error_)
        return None
    return made


def use_for_prompts(made: StepKernels) -> bool:
    """Let the decoder run the operations between the products of prompts in kernels; return whether it does.

    It does not where they do not suit the model, or differ from torch's operators.
    """
    decoder = made.decoder
    if not prefill.supports(decoder.hidden, decoder.head_dim, decoder.intermediate):
        return False
    decoder.ops = prefill.kernel_ops(made.launcher)
    try:
        difference = prompt_error(decoder)
    except RuntimeError as error_:
        decoder.ops = PLAIN
        log.warning("Prompts are read with torch's operators: %s", error_)
        return False
    if difference > _TOLERANCE:
        decoder.ops = PLAIN
        log.warning("The kernels for prompts differ from torch's operators by %.2g; these are used.", difference)
    return decoder.ops is not PLAIN


@torch.inference_mode()
def prompt_error(decoder: Decoder) -> float:
    """Return the relative difference of the logits of a few tokens from those of torch's operators."""
    ids = torch.tensor([_IDS], device=decoder.device) % decoder.vocab_size
    logits, ops = [], decoder.ops
    for decoder.ops in (PLAIN, ops):
        logits.append(decoder.forward(ids, KVCache(decoder.kv_shape, len(_IDS)), 0, all_logits=True))
    return float((logits[1] - logits[0]).norm() / logits[0].norm())


@torch.inference_mode()
def error(made: StepKernels) -> float:
    """Return the relative difference of the logits of a few tokens from those of the decoder."""
    decoder = made.decoder
    ids = torch.tensor([_IDS], device=decoder.device) % decoder.vocab_size
    expected = decoder.forward(ids, KVCache(decoder.kv_shape, _BUCKET), 0, all_logits=True)[0]
    zero = torch.zeros(1, dtype=torch.long, device=decoder.device)
    got = made.run(ids, Places(zero, zero, zero + 1), KVCache(decoder.kv_shape, _BUCKET), _BUCKET)
    difference = got[:MAX_ROWS, : decoder.vocab_size].float() - expected
    return float(difference.norm() / expected.norm())


def _gain(made: StepKernels, model: Any) -> float:
    """Return the time of bitsandbytes' products of one token with the matrices of a layer, divided by the kernels'."""
    modules = [module for module in model.model.layers[0].modules() if type(module).__name__ == "Linear4bit"]
    works = []
    for module in modules:
        inputs, outputs = module.in_features, module.out_features
        x = torch.randn(1, inputs, device=made.decoder.device, dtype=made.decoder.dtype)
        out = torch.empty(1, outputs, device=made.decoder.device, dtype=made.decoder.dtype)
        works.append((partial(module, x), made.product(module, x, out)))
    theirs, ours = (_seconds([work[side] for work in works]) for side in (0, 1))
    return theirs / ours


@torch.inference_mode()
def _seconds(works: Iterable[Callable[[], Tensor | None]]) -> float:
    def all_of_them() -> None:
        for work in works:
            work()

    capture = GraphCapture(is_possible=True)
    graph = capture.record(all_of_them)
    if graph is None:
        raise RuntimeError(capture.error)
    cuda: Any = torch.cuda
    best = float("inf")
    for _ in range(_TIMES):
        start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        best = min(best, start.elapsed_time(end))
    return best
