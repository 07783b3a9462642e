"""Whether a model's steps run in the kernels: decided on the device, when the model is loaded."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from infill_completion.engine.environment import OWN_KERNELS  # isort: skip  # before torch
import torch
from torch import Tensor

from infill_completion.engine.model.cuda.capture import GraphCapture
from infill_completion.engine.model.cuda.kernels import prefill
from infill_completion.engine.model.cuda.kernels.attention import INT8_HEAD_DIMS
from infill_completion.engine.model.cuda.kernels.packed_model import PackedModel
from infill_completion.engine.model.cuda.kernels.products import MAX_ROWS, PLANS, Places, Products, StepPlan
from infill_completion.engine.model.cuda.kernels.runtime import kernels
from infill_completion.engine.model.cuda.kernels.step_kernels import StepKernels
from infill_completion.engine.model.cuda.kernels.step_weights import StepWeights, linear_layers, step_weights
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fused_ops import PLAIN
from infill_completion.engine.model.kv_cache import KVCache, KVShape

log = logging.getLogger(__name__)

_BUCKET = 256
_TOKENS = 3 * MAX_ROWS  # of the texts that are compared: a step, and a prompt
_TOLERANCE = 0.1  # of the norm of the logits: torch rounds to 16 bits after every operator
_TIMES = 5


def step_kernels(model: Any, decoder: Decoder, capacity: int) -> StepKernels | None:
    """Return the kernels of a model, or None where they do not suit it or the device, or are no gain there.

    With kernels, the model and its decoder hold packed weights afterwards, in the same memory, and compute with these
    in any number of rows.  Without, they are as they were.

    Args:
        model: The transformers model.
        decoder: Its decoder, on a CUDA device.
        capacity: Most tokens of a cache.
    """
    if os.environ.get(OWN_KERNELS) == "0" or (weights := step_weights(model, decoder)) is None:
        return None
    packed: PackedModel | None = None
    try:
        launcher = kernels.load(decoder.device, decoder.dtype)
        processors = torch.cuda.get_device_properties(decoder.device).multi_processor_count
        # Both before the weights are packed, after which bitsandbytes can no longer read them.
        expected, theirs_s = logits(decoder), _seconds_of_bitsandbytes(model, decoder)
        packed = PackedModel(model, decoder, weights, launcher, processors)
        packed.pack()
        made = StepKernels(decoder, weights, launcher, processors, capacity)
        gain = theirs_s / _seconds_of_kernels(made, weights, processors)
        fault = _fault(error(made, expected), prompt_error(decoder, expected), gain)
    except RuntimeError as error_:
        # The message is CUDA's, NVRTC's or torch's: no text of a user ever reaches a kernel.
        fault = f"cannot be used here: {error_}"
    if not fault:
        choose_plan(made)
        return made
    log.warning("The kernels are off, and torch's operators are used instead: they %s", fault)
    if packed is not None:
        packed.unpack()
    return None


def _fault(step: float, prompt: float, gain: float) -> str:
    """Return what is wrong with the kernels, as the end of a sentence, given what they differ by and gain."""
    # Not `>`, so that NaN is a fault.
    if not (step <= _TOLERANCE and prompt <= _TOLERANCE):
        return f"differ from these by {step:.2g} in a step and {prompt:.2g} in a prompt."
    return "" if gain >= 1.0 else f"are no gain on this device ({gain:.2f} times as fast)."


def use_for_prompts(made: StepKernels) -> bool:
    """Let the decoder run the operations between the products of prompts in kernels; return whether it does.

    It does not where they do not suit the model, or differ from torch's operators.
    """
    decoder = made.decoder
    if not prefill.supports(decoder.hidden, decoder.head_dim, decoder.intermediate):
        return False
    expected = logits(decoder)
    decoder.ops = prefill.kernel_ops(made.launcher)
    try:
        difference = prompt_error(decoder, expected)
    except RuntimeError as error_:
        decoder.ops = PLAIN
        log.warning("Prompts are read with torch's operators: %s", error_)
        return False
    if not difference <= _TOLERANCE:  # or NaN
        decoder.ops = PLAIN
        log.warning("The kernels for prompts differ from torch's operators by %.2g; these are used.", difference)
    return decoder.ops is not PLAIN


def rounded_shape(made: StepKernels) -> KVShape | None:
    """Return the type of a cache of 8-bit integers, or None where steps and prompts cannot use one."""
    decoder = made.decoder
    shape = decoder.kv_shape._replace(dtype=torch.int8)
    if decoder.head_dim not in INT8_HEAD_DIMS:
        log.warning("Keys and values keep 16 bits: the kernels have none of 8 bits for this model.")
        return None
    expected = logits(decoder)
    try:
        step, prompt = error(made, expected, shape), _difference(logits(decoder, shape), expected)
    except RuntimeError as error_:
        log.warning("Keys and values keep 16 bits: %s", error_)
        return None
    if not (step <= _TOLERANCE and prompt <= _TOLERANCE):
        log.warning("Keys and values keep 16 bits: with 8, a step differs by %.2g, a prompt by %.2g.", step, prompt)
        return None
    return shape


@torch.inference_mode()
def logits(decoder: Decoder, shape: KVShape | None = None) -> Tensor:
    """Return the logits after each of a few tokens, more than a step has, ``(tokens, vocabulary)``.

    ``shape`` is the type of the cache; None: that of the decoder.
    """
    return decoder.forward(_ids(decoder), KVCache(shape or decoder.kv_shape, _TOKENS), 0, all_logits=True)[0]


def prompt_error(decoder: Decoder, expected: Tensor) -> float:
    """Return the relative difference of :func:`logits` from those before."""
    return _difference(logits(decoder), expected)


@torch.inference_mode()
def error(made: StepKernels, expected: Tensor, shape: KVShape | None = None) -> float:
    """Return the relative difference of the logits of a step from those of :func:`logits`."""
    decoder = made.decoder
    ids = _ids(decoder)[:, :MAX_ROWS].contiguous()
    zero = torch.zeros(1, dtype=torch.long, device=decoder.device)
    got = made.run(ids, Places(zero, zero, zero + 1), KVCache(shape or decoder.kv_shape, _BUCKET), _BUCKET)
    return _difference(got[:MAX_ROWS, : decoder.vocab_size].float(), expected[:MAX_ROWS])


def choose_plan(made: StepKernels) -> None:
    """Let the products run as is fastest for this model and device, by the time of whole steps: kernels overlap.

    Where a whole step cannot be captured, as where memory is short, they run as they did when they were compared.
    """
    decoder = made.decoder
    zero, cache = torch.zeros(1, dtype=torch.long, device=decoder.device), KVCache(decoder.kv_shape, _BUCKET)
    step = partial(made.run, _ids(decoder)[:, :1].contiguous(), Places(zero, zero, zero + 1), cache, _BUCKET)
    seconds: dict[StepPlan, float] = {}
    try:
        for made.plan in PLANS:
            seconds[made.plan] = _seconds([step])
    except RuntimeError as error_:
        made.plan = PLANS[0]
        log.warning("Products: %s, which was not compared with others: %s", made.plan, error_)
        return
    made.plan = min(seconds, key=seconds.__getitem__)
    log.info("Products: %s; a step takes %.2f ms.", made.plan, seconds[made.plan])


def _ids(decoder: Decoder) -> Tensor:
    return torch.arange(1, 1 + _TOKENS, device=decoder.device)[None] % decoder.vocab_size


def _difference(got: Tensor, expected: Tensor) -> float:
    return float((got - expected).norm() / expected.norm())


def _seconds_of_bitsandbytes(model: Any, decoder: Decoder) -> float:
    """Return the time of the products of one token with the matrices of a layer, not packed yet."""
    like, modules = decoder.embed, linear_layers(model.model.layers[0])
    return _seconds([partial(module, _random(1, module.in_features, like)) for module in modules])


def _seconds_of_kernels(made: StepKernels, weights: StepWeights, processors: int) -> float:
    """Return the time of the same products in the kernels."""
    products, like = Products(made.launcher, weights.codebooks, processors), made.decoder.embed
    return _seconds(
        [
            partial(products.plain, matrix, _random(1, matrix.inputs, like), _random(1, matrix.outputs, like))
            for matrix in weights.layers[0].matrices
        ]
    )


def _random(rows: int, columns: int, like: Tensor) -> Tensor:
    return torch.randn(rows, columns, device=like.device, dtype=like.dtype)


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
