"""Whole engines of each family on a CPU: compiled and not, in 8 and 4 bits, from safetensors and GGUF files."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_completion.api import CompletionRequest, FinishReason
from infill_completion.engine.checkpoints.packed_weights import StreamedModel
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model.native import build as native_build
from infill_completion.settings import EngineSettings
from tests.engine.checkpoints.gguf.test_gguf_loading import exported
from tests.engine.checkpoints.gguf.test_gguf_loading import model_of as gguf_model_of
from tests.engine.checkpoints.test_other_families import save
from tests.engine.model.native.int8_models import COMPILE_LIMIT_S, needs_compiler
from tests.engine.model.native.test_families import _FAMILIES
from tests.engine.tiny import never

pytestmark = needs_compiler
ASK = CompletionRequest("def f(value):\n    return val", "\n", max_tokens=12, temperature=0.0)
NAMES = ("Llama with all biases", "StarCoder2, tied", "StarCoder2 without biases", "Granite", "Granite, tied, biases")


def answer(path: Path, quantization: str) -> tuple[str, bool, object]:
    """Return the greedy answer of an engine, whether the compiled step gave it, and its quantization."""
    settings = EngineSettings(model=str(path), device="cpu", quantization=quantization)
    generator = Generator.load(settings, lambda *_: None, without_transformers=True)
    assert native_build.shared().wait(COMPILE_LIMIT_S)
    assert isinstance(generator.model.transformers_model, StreamedModel)
    chunks = list(generator.stream(ASK, never))
    assert chunks[-1].finish_reason in {FinishReason.STOP, FinishReason.LENGTH}
    is_compiled = generator.model.forward_pass.native_step() is not None
    held = generator.details["quantization"]
    generator.close()
    return "".join(chunk.text for chunk in chunks), is_compiled, held


@pytest.mark.parametrize("quantization", ["int8", "int4"])
@pytest.mark.parametrize("name", NAMES)
def test_an_engine_runs_the_compiled_step_of_each_family(tmp_path: Path, name: str, quantization: str) -> None:
    text, is_compiled, held = answer(save(tmp_path, **_FAMILIES[name]), quantization)
    assert is_compiled
    assert held == quantization
    assert answer(tmp_path, quantization)[0] == text


@pytest.mark.parametrize("quantization", ["int8", "int4"])
@pytest.mark.parametrize("family", ["granite", "starcoder2"])
def test_a_gguf_file_runs_compiled_too(tmp_path: Path, family: str, quantization: str) -> None:
    path = tmp_path / "model.gguf"
    model = gguf_model_of(f"{family}")
    path.write_bytes(exported(model, "F16", family))
    _, is_compiled, held = answer(path, quantization)
    assert held in {"int8", "int4"}
    assert is_compiled == (model.config.head_dim % 16 == 0)
