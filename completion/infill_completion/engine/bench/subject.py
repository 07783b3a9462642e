"""The model to measure: a checkpoint on this machine, or random weights in the true shape of a CodeLlama."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch

from infill_completion.catalog import ModelShape, Quantization
from infill_completion.engine.bench.random_weights import SHAPES, padded_tokenizer, random_model
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.checkpoints.checkpoint import Checkpoint, load
from infill_completion.engine.checkpoints.model_settings import ModelSettings
from infill_completion.engine.checkpoints.selection import EMBEDDED
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.settings import EngineSettings

environment.prepare()


@dataclass(frozen=True)
class Subject:
    """A model to measure.

    Attributes:
        name: Name in the table.
        generator: The engine's generator.
        model: The transformers model with the same weights, as bitsandbytes or torch compute with them.
        shape: Shape of the model.
        quantization: Storage of its linear layers.
        load_s: Seconds from the call to the end of the warm-up.
        is_random: Whether the weights are random.
        is_cpu_int8: Whether the head has 8 bits like the layers; see :mod:`infill_completion.engine.model.int8`.
        copy_bytes: Memory of :attr:`model`, where it is a copy for comparison only.
    """

    name: str
    generator: Generator
    model: Any
    shape: ModelShape
    quantization: Quantization
    load_s: float
    is_random: bool = False
    is_cpu_int8: bool = False
    copy_bytes: int = 0

    def step_bytes(self, context_tokens: int) -> int:
        """Return the bytes that one step reads, with the actual storage of weights, keys and values."""
        linear = self.shape.linear_bytes(self.quantization)
        head: int = self.model.lm_head.weight.element_size()
        if self.quantization is Quantization.BF16:
            linear = linear * head // 2  # or float32, as the head
        elif self.is_cpu_int8 and not self.shape.tied:
            head = 1
        per_token: int = self.generator.details["kv_bytes_per_token"]
        return linear + head * self.shape.vocab * self.shape.hidden + context_tokens * per_token


def stored(settings: EngineSettings, *, whole_window: bool = False, compares: bool = True) -> Subject:
    """Load the model that the settings name.

    Args:
        settings: As those of an engine.
        whole_window: Allow prompts as long as the settings say, even longer than the model was trained on: the cost of
            a token does not depend on training.
        compares: Whether to keep the weights as bitsandbytes reads them too, where the engine may reorder them.

    Raises:
        ModelError: As :func:`infill_completion.engine.checkpoints.checkpoint.load`.
    """
    started = time.perf_counter()
    loaded = load(settings, lambda _share, _what: None)
    if whole_window:
        config = loaded.model.config
        config.max_position_embeddings = max(config.max_position_embeddings, 2 * settings.context_tokens)
        loaded = replace(loaded, settings=replace(loaded.settings, context_tokens=None))
    return _subject(loaded.name, loaded, settings.context_tokens, started, is_random=False, compares=compares)


def drawn(name: str, settings: EngineSettings, *, compares: bool = True) -> Subject:
    """Make a model of the shape ``name`` with random weights, quantised as the settings say.

    ``compares`` is that of :func:`stored`.
    """
    started = time.perf_counter()
    device = devices.choose_device(settings.device)
    quantization = precision.choose_quantization(settings.quantization, device, name)
    dtype = precision.choose_dtype(device, quantization)
    is_cpu_int8 = precision.is_cpu_int8(quantization, device)
    model = random_model(SHAPES[name], device, dtype, "none" if is_cpu_int8 else quantization)
    shape = SHAPES[name]
    loaded = Checkpoint(
        name=name,
        folder=EMBEDDED,
        model=model,
        tokenizer=padded_tokenizer(shape.vocab),
        settings=ModelSettings(),
        device=device,
        dtype=dtype,
        quantization=quantization,
        weight_bytes=shape.weight_bytes(_held(quantization)),
        cpu_int8=is_cpu_int8,
    )
    return _subject(f"CodeLlama-{name} shape" if name != "tiny" else name, loaded, settings.context_tokens, started,
                    is_random=True, compares=compares)  # fmt: skip


def _subject(
    name: str, loaded: Checkpoint, context_tokens: int, started: float, *, is_random: bool, compares: bool
) -> Subject:
    model, copy_bytes = loaded.model, 0
    copied_s = time.perf_counter()
    if compares and loaded.device.type == "cuda" and loaded.quantization == "nf4":
        before = torch.cuda.memory_allocated(loaded.device)
        model = copied(loaded.model)
        copy_bytes = torch.cuda.memory_allocated(loaded.device) - before
        torch.cuda.synchronize(loaded.device)
    copied_s = time.perf_counter() - copied_s
    generator = Generator(LoadedModel(loaded, context_tokens))
    generator.warm_up()
    load_s = time.perf_counter() - started - copied_s
    config = loaded.model.config
    shape = ModelShape.of(vars(config) if isinstance(config, SimpleNamespace) else config.to_dict())
    return Subject(
        name, generator, model, shape, _held(loaded.quantization), load_s, is_random, loaded.cpu_int8, copy_bytes
    )


def copied(model: Any) -> Any:
    """Return a copy of a transformers model with 4-bit layers."""
    made = copy.deepcopy(model)
    for module in made.modules():
        if type(module).__name__ == "Linear4bit":
            module.weight.module = module  # bitsandbytes leaves the old one there, with its weights
    return made


def _held(quantization: str) -> Quantization:
    return Quantization.BF16 if quantization == "none" else Quantization(quantization)
