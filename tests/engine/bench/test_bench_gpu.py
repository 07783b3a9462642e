"""The engine on a CUDA device in 4 bits, compared with transformers on the same weights.

``INFILL_LS_TEST_DEVICE=cpu`` runs the same tests without such a device.
"""

import os
from dataclasses import replace

import pytest
import torch

from infill_completion.engine.bench import command, workload
from infill_completion.engine.bench.random_weights import SHAPES, random_model
from infill_completion.engine.bench.subject import drawn
from infill_completion.engine.checkpoints import checkpoint, precision, quantize
from infill_completion.engine.checkpoints.selection import EMBEDDED
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.settings import EngineSettings

DEVICE = os.environ.get("INFILL_LS_TEST_DEVICE", "cuda")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(DEVICE.startswith("cuda") and not torch.cuda.is_available(), reason="needs a CUDA device"),
]
SETTINGS = EngineSettings(device=DEVICE, quantization="nf4", context_tokens=1024)


@pytest.fixture(scope="module")
def subject():
    made = drawn("tiny", SETTINGS)
    yield made
    made.generator.close()


def request_of(subject, tokens=24, **changes):
    request = workload.request_of(subject.generator, 400, tokens)
    return replace(request, temperature=0.0, **changes)


def answer(generator, request):
    texts: dict[int, str] = {}
    for chunk in generator.stream(request, lambda: False):
        texts[chunk.index] = texts.get(chunk.index, "") + chunk.text
    return texts


@torch.inference_mode()
def test_logits_are_those_of_transformers(subject):
    """Equal within the precision of bfloat16: the two sum in different orders."""
    generator = subject.generator
    ids = torch.tensor([list(generator.model.prompt(request_of(subject)).ids)], device=DEVICE)
    expected = subject.model(ids).logits.float()
    decoder = generator.model.forward_pass.decoder
    cache = KVCache(decoder.kv_shape, ids.shape[1])
    got = decoder.forward(ids, cache, 0, all_logits=True).float()
    assert got.shape == expected.shape
    scale = expected.std()
    assert (got - expected).abs().mean() < 0.02 * scale
    # Random weights: the two largest of 16,384 logits are often closer than the precision.
    assert (got.argmax(-1) == expected.argmax(-1)).float().mean() > 0.9


@torch.inference_mode()
def test_one_token_at_a_time_gives_the_logits_of_all_at_once(subject):
    decoder = subject.generator.model.forward_pass.decoder
    ids = torch.tensor([list(subject.generator.model.prompt(request_of(subject)).ids)[:40]], device=DEVICE)
    whole = decoder.forward(ids, KVCache(decoder.kv_shape, 64), 0, all_logits=True).float()
    cache = KVCache(decoder.kv_shape, 64)
    steps = [decoder.forward(ids[:, at : at + 1], cache, at).float() for at in range(ids.shape[1])]
    assert (torch.stack(steps, 1) - whole).abs().mean() < 0.02 * whole.std()


def test_a_request_is_answered_the_same_again_from_the_cache(subject):
    generator = workload.endless(subject.generator, shipped=False)
    request = request_of(subject)
    first, last = answer(generator, request), workload.run(generator, request)
    assert last.usage is not None
    assert last.usage.cached_tokens == last.usage.prompt_tokens - 1
    assert answer(generator, request) == first


def test_several_candidates_have_one_length_each(subject):
    generator = workload.endless(subject.generator, shipped=False)
    last = workload.run(generator, request_of(subject, tokens=12, n=4))
    assert last.usage is not None
    assert last.usage.completion_tokens >= 4 * 12


def test_a_written_checkpoint_loads_bit_by_bit(tmp_path):
    device = torch.device(DEVICE)
    model = random_model(SHAPES["tiny"], device, precision.choose_dtype(device, "nf4"), "nf4")
    before = {name: values.clone() for name, values in model.state_dict().items()}
    quantize.save(model, EMBEDDED, tmp_path)
    settings = replace(SETTINGS, model=str(tmp_path), quantization="auto")
    after = checkpoint.load(settings, lambda *_ignored: None).model.state_dict()
    for name, values in before.items():
        assert torch.equal(values.cpu().view(torch.uint8), after[name].cpu().view(torch.uint8)), name


def test_closing_gives_the_memory_back():
    if not DEVICE.startswith("cuda"):
        pytest.skip("memory is counted on CUDA only")
    before = torch.cuda.memory_allocated()
    made = drawn("tiny", SETTINGS)
    during = torch.cuda.memory_allocated()
    made.generator.close()
    del made
    command._free()
    assert during > before
    assert torch.cuda.memory_allocated() <= before + (1 << 20)


def test_the_benchmark_measures_everything(tmp_path, capsys):
    arguments = ["--shape", "tiny", "--device", DEVICE, "--quantization", "nf4", "--context", "0,200"]
    assert command.main([*arguments, "--tokens", "4", "--repeats", "1", "--json", str(tmp_path / "out.json")]) == 0
    assert "failed" not in capsys.readouterr().out
