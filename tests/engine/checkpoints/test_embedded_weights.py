"""The embedded model without transformers: the same results, in a process that never imports it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from infill_completion.engine.checkpoints.checkpoint import load
from infill_completion.engine.checkpoints.embedded_weights import load_llama
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.settings import EngineSettings
from tests.engine.tiny import save_tiny

IDS = torch.randint(5, 4000, (1, 40), generator=torch.Generator().manual_seed(2))
DEADLINE_S = 120.0
LOADS = """
import sys
from infill_completion.engine.decoding.generator import Generator
from infill_completion.settings import EngineSettings
settings = EngineSettings(model="embedded", device="cpu")
Generator.load(settings, lambda share, doing: None, without_transformers=True).close()
print([name for name in ("transformers", "accelerate", "bitsandbytes", "huggingface_hub") if name in sys.modules])
"""


def logits(decoder: Decoder) -> torch.Tensor:
    return decoder.forward(IDS, KVCache(decoder.kv_shape, 64), 0, all_logits=True)


@pytest.mark.parametrize("quantization", ["none", "int8"])
def test_the_decoder_computes_the_same_to_the_last_bit(quantization: str) -> None:
    settings = EngineSettings(model="embedded", device="cpu", quantization=quantization)
    whole, plain = (load(settings, lambda share, doing: None, without_transformers=flag) for flag in (False, True))
    assert (whole.cpu_int8, whole.dtype, whole.weight_bytes) == (plain.cpu_int8, plain.dtype, plain.weight_bytes)
    decoders = [Decoder(each.model, 64, cpu_int8=each.cpu_int8) for each in (whole, plain)]
    assert torch.equal(decoders[0].cos, decoders[1].cos)
    assert torch.equal(decoders[0].sin, decoders[1].sin)
    assert torch.equal(*map(logits, decoders))


@pytest.mark.parametrize("changes", [{}, {"tie_word_embeddings": True}, {"num_hidden_layers": 12}], ids=str)
def test_other_llamas_of_plain_weights_are_read_right_too(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = save_tiny(tmp_path, **changes)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval().requires_grad_(False)
    plain = load_llama(folder, torch.float32)
    assert sum(value.numel() for value in plain.parameters()) == sum(value.numel() for value in model.parameters())
    assert torch.equal(logits(Decoder(model, 64)), logits(Decoder(plain, 64)))


def test_an_engine_with_the_embedded_model_never_imports_transformers() -> None:
    done = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert done.stdout.strip() == "[]"
