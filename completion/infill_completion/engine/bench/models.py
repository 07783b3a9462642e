"""What is measured: a checkpoint of this machine, or random weights in the true shape of a CodeLlama."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, replace
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch
from torch import Tensor, nn

from infill_completion.catalog import ModelShape, Quantization
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.checkpoints.checkpoint import Checkpoint, load
from infill_completion.engine.checkpoints.model_settings import ModelSettings
from infill_completion.engine.checkpoints.selection import EMBEDDED
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.settings import EngineSettings

environment.prepare()

SHAPES = {
    "tiny": ModelShape(2, 256, 704, 4, 2, 64, 16_384),
    "7b": ModelShape(32, 4096, 11008, 32, 32, 128, 32_016),
    "13b": ModelShape(40, 5120, 13824, 40, 40, 128, 32_016),
    "34b": ModelShape(48, 8192, 22016, 64, 8, 128, 32_000),
}
ROPE_THETA = 1e6  # of every CodeLlama (paper, section 2.4)


@dataclass(frozen=True)
class Subject:
    """A model under measurement.

    Attributes:
        name: What the table calls it.
        generator: Ours.
        model: The transformers model that holds the same weights.
        shape: Its shape.
        quantization: How its linear layers are held.
        load_s: Seconds from the call to the end of the warm-up.
        is_random: Whether the weights were drawn rather than trained.
        is_packed: Whether the head is held in 8 bits like the layers; see :mod:`infill_completion.engine.model.int8`.
    """

    name: str
    generator: Generator
    model: Any
    shape: ModelShape
    quantization: Quantization
    load_s: float
    is_random: bool = False
    is_packed: bool = False

    def step_bytes(self, context_tokens: int) -> int:
        """Return the bytes that one step reads, as weights, keys and values are held here."""
        linear = self.shape.linear_bytes(self.quantization)
        head: int = self.model.lm_head.weight.element_size()
        if self.quantization is Quantization.BF16:
            linear = linear * head // 2  # or float32, as the head
        elif self.is_packed and not self.shape.tied:
            head = 1
        per_token: int = self.generator.details["kv_bytes_per_token"]
        return linear + head * self.shape.vocab * self.shape.hidden + context_tokens * per_token


def stored(settings: EngineSettings, *, whole_window: bool = False) -> Subject:
    """Load the model that the settings name.

    Args:
        settings: As those of an engine.
        whole_window: Take prompts as long as the settings say, even longer than the model was trained for: what a
            token costs does not depend on that.

    Raises:
        ModelError: As :func:`infill_completion.engine.checkpoints.checkpoint.load`.
    """
    started = time.perf_counter()
    loaded = load(settings, lambda _share, _what: None)
    if whole_window:
        config = loaded.model.config
        config.max_position_embeddings = max(config.max_position_embeddings, 2 * settings.context_tokens)
        loaded = replace(loaded, settings=replace(loaded.settings, context_tokens=None))
    return _subject(loaded.name, loaded, settings.context_tokens, started, is_random=False)


def drawn(name: str, settings: EngineSettings) -> Subject:
    """Make a model of the shape ``name`` with random weights, quantised as the settings say."""
    started = time.perf_counter()
    device = devices.choose_device(settings.device)
    quantization = precision.choose_quantization(settings.quantization, device, name)
    dtype = precision.choose_dtype(device, quantization)
    is_packed = precision.is_packed(quantization, device)
    model = random_model(SHAPES[name], device, dtype, "none" if is_packed else quantization)
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
        packed=is_packed,
    )
    return _subject(f"CodeLlama-{name} shape" if name != "tiny" else name, loaded, settings.context_tokens, started,
                    is_random=True)  # fmt: skip


def _subject(name: str, loaded: Checkpoint, context_tokens: int, started: float, *, is_random: bool) -> Subject:
    generator = Generator(LoadedModel(loaded, context_tokens))
    generator.warm_up()
    load_s = time.perf_counter() - started
    shape = ModelShape.of(loaded.model.config.to_dict())
    return Subject(name, generator, loaded.model, shape, _held(loaded.quantization), load_s, is_random, loaded.packed)


def _held(quantization: str) -> Quantization:
    return Quantization.BF16 if quantization == "none" else Quantization(quantization)


@torch.no_grad()  # not inference mode, whose tensors transformers cannot use outside of it
def random_model(shape: ModelShape, device: torch.device, dtype: torch.dtype, quantization: str, seed: int = 0) -> Any:
    """Return a ``LlamaForCausalLM`` with normal random weights; no layer is ever held unquantised but one at a time."""
    import transformers
    from transformers.models.llama import modeling_llama

    typed: Any = transformers
    rotary: Any = modeling_llama.LlamaRotaryEmbedding
    config = typed.LlamaConfig(
        vocab_size=shape.vocab, hidden_size=shape.hidden, intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim, max_position_embeddings=16_384, tie_word_embeddings=shape.tied,
        rope_parameters={"rope_theta": ROPE_THETA, "rope_type": "default"}, attn_implementation="sdpa",
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    with torch.device("meta"):
        model: Any = typed.LlamaForCausalLM(config).to(dtype)
    random = torch.Generator(device=device).manual_seed(seed)

    def values(like: Tensor) -> Tensor:
        scale = 1.0 / math.sqrt(like.shape[-1])
        return torch.empty(like.shape, dtype=dtype, device=device).normal_(0.0, scale, generator=random)

    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and name != "lm_head":
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, _linear(values(module.weight), quantization, dtype))
        elif isinstance(module, nn.Linear | nn.Embedding):
            module.weight = nn.Parameter(values(module.weight), requires_grad=False)
        elif type(module).__name__ == "LlamaRMSNorm":
            module.weight = nn.Parameter(torch.ones(shape.hidden, dtype=dtype, device=device), requires_grad=False)
    with device:  # it computes its frequencies where it is made
        model.model.rotary_emb = rotary(config)
    if shape.tied:
        model.tie_weights()
    return model.eval().requires_grad_(False)


def _linear(weight: Tensor, quantization: str, dtype: torch.dtype) -> nn.Module:
    rows, columns = weight.shape
    if quantization == "none":
        linear = nn.Linear(columns, rows, bias=False, device="meta")
        linear.weight = nn.Parameter(weight, requires_grad=False)
        return linear
    import bitsandbytes

    bnb: Any = bitsandbytes.nn
    if quantization == "int8":
        whole: Any = bnb.Linear8bitLt(columns, rows, bias=False, has_fp16_weights=False, device="meta")
        whole.weight = bnb.Int8Params(weight, requires_grad=False, has_fp16_weights=False).to(weight.device)
        return whole  # type: ignore[no-any-return]
    four: Any = bnb.Linear4bit(
        columns, rows, bias=False, compute_dtype=dtype, compress_statistics=True, quant_type="nf4", device="meta"
    )
    four.weight = bnb.Params4bit(
        weight, requires_grad=False, compress_statistics=True, quant_type="nf4", module=four
    ).to(weight.device)
    return four  # type: ignore[no-any-return]


def padded_tokenizer(vocab: int) -> Tokenizer:
    """Return the embedded tokenizer, filled up to ``vocab`` so that every id of a random model has a text."""
    document = json.loads((EMBEDDED / "tokenizer.json").read_text(encoding="utf-8"))
    pieces: dict[str, int] = document["model"]["vocab"]
    taken = max([*pieces.values(), *(int(token["id"]) for token in document["added_tokens"])]) + 1
    pieces |= {f"<unused_{id_}>": id_ for id_ in range(taken, vocab)}
    return Tokenizer(document)
