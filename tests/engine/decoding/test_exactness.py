"""The decoding equals transformers' forward pass, within the noise of the number format."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.engine.decoding.candidate import Candidate
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.ngram.mixture import MixtureParameters
from infill_completion.prompt.formats import PromptLayout
from tests.engine.tiny import VOCABULARY, never

IDS = torch.randint(5, VOCABULARY, (2, 48), generator=torch.Generator().manual_seed(1))


def in_steps(decoder: Decoder, ids: torch.Tensor) -> torch.Tensor:
    """Prefill two parts, then one token at a time."""
    cache = KVCache(decoder.kv_shape, ids.shape[1] + 3, ids.shape[0])
    ends = [0, 20, 40, *range(41, ids.shape[1] + 1)]
    parts = [decoder.forward(ids[:, a:b], cache, a, all_logits=True) for a, b in itertools.pairwise(ends)]
    return torch.cat(parts, 1)


def whole(model: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = model(ids).logits.float()
    return logits


def test_bfloat16_is_as_close_to_float32_as_in_transformers(tiny_folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    exact = whole(AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32), IDS)
    model = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.bfloat16)
    theirs = whole(model, IDS) - exact
    ours = in_steps(Decoder(model.eval().requires_grad_(False), 64), IDS) - exact
    assert ours.norm() <= 1.25 * theirs.norm()
    assert ours.abs().max() <= 2 * theirs.abs().max()
    assert theirs.norm() < 0.1 * exact.norm()  # the noise is small enough to be conclusive


def test_the_noise_test_would_detect_tokens_out_of_order(tiny_folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    exact = whole(AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32), IDS)
    model = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.bfloat16).eval().requires_grad_(False)
    swapped = IDS.clone()
    swapped[:, [3, 4]] = IDS[:, [4, 3]]
    assert (in_steps(Decoder(model, 64), swapped) - exact).norm() > 5 * (whole(model, IDS) - exact).norm()


def test_nf4_equals_transformers_with_the_same_weights(tiny_folder: Path) -> None:
    """The reference computes in float32 with the dequantised weights, so only the noise of bfloat16 is left."""
    import bitsandbytes

    from infill_completion.engine.checkpoints.checkpoint import load
    from infill_completion.settings import EngineSettings

    settings = EngineSettings(model=str(tiny_folder), device="cpu", quantization="nf4")
    loaded = load(settings, lambda share, doing: None)
    from transformers import AutoModelForCausalLM

    reference = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    modules = dict(loaded.model.named_modules())
    functional: Any = bitsandbytes.functional
    for name, module in reference.named_modules():
        kind = type(modules.get(name)).__name__
        if kind == "Linear4bit":
            weight = modules[name].weight
            module.weight.data = functional.dequantize_4bit(weight.data, weight.quant_state).float()
        elif hasattr(module, "weight"):
            module.weight.data = modules[name].weight.detach().float()
    expected = whole(reference, IDS[:1])
    theirs = whole(loaded.model, IDS[:1]) - expected
    ours = in_steps(Decoder(loaded.model, 64), IDS[:1]) - expected
    assert 0 < ours.norm() <= 1.25 * theirs.norm()
    assert theirs.norm() < 0.1 * expected.norm()


class RecordedCandidates(list[Candidate]):
    """The candidates that a generator makes, with their token ids."""

    def __init__(self, generator: Generator, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        make = generator.model.candidate

        def recorded(*args: Any) -> Candidate:
            self.append(make(*args))
            return self[-1]

        patch.setattr(generator.model, "candidate", recorded)


@pytest.mark.parametrize(("n", "temperature"), [(1, 0.0), (1, 0.9), (3, 0.0), (3, 0.9)])
@pytest.mark.parametrize("draft_tokens", [0, 4])
def test_log_probabilities_equal_those_of_a_whole_forward_pass(
    tiny: Generator, monkeypatch: pytest.MonkeyPatch, n: int, temperature: float, draft_tokens: int
) -> None:
    generator = tiny.with_settings(heal=False, draft_tokens=draft_tokens)
    candidates = RecordedCandidates(generator, monkeypatch)
    request = CompletionRequest("x = [1, 2, 1, 2, ", "]\n", max_tokens=12, temperature=temperature, n=n, seed=5)
    chunks = list(generator.stream(request, never))
    prompt = generator.model.prompt(request).ids
    assert len(candidates) == n
    for candidate in candidates:
        ids = [*prompt, *candidate.ids]
        likely = whole(generator.model.transformers_model, torch.tensor([ids]))[0].log_softmax(-1)
        expected = sum(float(likely[at - 1, ids[at]]) for at in range(len(prompt), len(ids)))
        reported = sum(chunk.logprob_sum for chunk in chunks if chunk.index == candidate.number)
        assert reported == pytest.approx(expected, abs=1e-3)
        assert sum(chunk.token_count for chunk in chunks if chunk.index == candidate.number) == len(candidate.ids)


LINES = ["import os", "", "def area(width, height):", "    return width * height", "total = area(3, 4)", "print(total)"]


def edits(seed: int) -> Iterator[CompletionRequest]:
    """Yield the requests of a user who types, deletes, moves the cursor and switches files."""
    chance = random.Random(seed)
    files = ["\n".join(LINES), "\n".join(reversed(LINES))]
    file, at = 0, 40
    for _ in range(24):
        kind = chance.choice(["type", "type", "type", "delete", "move", "file"])
        text = files[file]
        if kind == "type":
            typed = chance.choice(["w", "wid", " = area(", "\n    ", "total"])
            files[file], at = text[:at] + typed + text[at:], at + len(typed)
        elif kind == "delete" and at > 3:
            files[file], at = text[: at - 2] + text[at:], at - 2
        elif kind == "move":
            at = chance.randrange(len(text))
        else:
            file = 1 - file
            at = min(at, len(files[file]))
        yield CompletionRequest(files[file][:at], files[file][at:], max_tokens=10, temperature=0.0)


def cancel_early(generator: Generator, request: CompletionRequest) -> None:
    """Send a request, and cancel it after three chunks."""
    chunks: list[Chunk] = []
    chunks.extend(generator.stream(request, lambda: len(chunks) > 2))
    assert chunks[-1].finish_reason is not None


@pytest.mark.parametrize("layout", [PromptLayout.SPM, PromptLayout.PSM, PromptLayout.LINE_LAST])
@pytest.mark.parametrize("cache", [None, MixtureParameters()], ids=["model alone", "with cache"])
def test_nothing_that_saves_time_changes_a_token(
    tiny: Generator, monkeypatch: pytest.MonkeyPatch, layout: PromptLayout, cache: MixtureParameters | None
) -> None:
    """Reused keys and values, drafts, recent texts and cancelled answers, compared with none of them."""
    used = tiny.with_settings(layout=layout, cache=cache, draft_tokens=4)
    saved = 0
    for number, request in enumerate(edits(seed=7)):
        plain = tiny.with_settings(layout=layout, cache=cache, draft_tokens=0)
        with monkeypatch.context() as patch:
            expected = RecordedCandidates(plain, patch)
            list(plain.stream(request, never))
            got = RecordedCandidates(used, patch)
            if number % 3 == 0:  # cancelled, then sent again
                cancel_early(used, request)
                assert [one.ids for one in got] == [one.ids[: len(got[0].ids)] for one in expected]
                got.clear()
            (*_, last) = used.stream(request, never)
        assert [one.ids for one in got] == [one.ids for one in expected]
        assert last.usage is not None
        saved += last.usage.cached_tokens
    assert saved > 500  # the test would prove nothing if nothing had been reused
