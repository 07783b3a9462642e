"""Several candidates in the cache of one prompt: each gets its own logits, and the prompt is stored once."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.loaded_model import ANSWER_TOKENS
from infill_completion.engine.model.cuda.device_loop import DeviceLoop
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork, positions, visible
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.ngram.mixture import MixtureParameters
from tests.engine.tiny import never

PROMPT = [1, 77, 1203, 9, 400, 12, 3000]
ANSWERS = [[5, 81, 300, 7], [9, 9, 1200, 44], [2048, 3, 17, 600]]
ASK = CompletionRequest(prefix="def f(value):\n    ", suffix="\n", max_tokens=12, temperature=0.0, n=3, seed=4)


def interleaved(answers: list[list[int]]) -> list[int]:
    return [ids[at] for at in range(len(answers[0])) for ids in answers]


def after_the_prompt(decoder: Decoder, room: int = 64) -> KVCache:
    cache = KVCache(decoder.kv_shape, room)
    decoder.forward(torch.tensor([PROMPT]), cache, 0)
    return cache


def each_alone(decoder: Decoder) -> torch.Tensor:
    """Return the logits after every token of every answer, ``(tokens, answers, vocabulary)``."""
    rows = [
        decoder.forward(torch.tensor([ids]), after_the_prompt(decoder), len(PROMPT), all_logits=True)[0]
        for ids in ANSWERS
    ]
    return torch.stack(rows, 1)


def test_a_token_sees_the_prompt_and_its_own_candidate() -> None:
    fork = Fork(2, 3)
    places = torch.arange(2, 8)
    assert positions(places, *fork).tolist() == [2, 2, 2, 3, 3, 3]
    seen = [row.nonzero().flatten().tolist() for row in visible(places, 8, *fork)]
    assert seen == [[0, 1, 2], [0, 1, 3], [0, 1, 4], [0, 1, 2, 5], [0, 1, 3, 6], [0, 1, 4, 7]]


def test_a_single_text_is_a_fork_of_one_way() -> None:
    places = torch.arange(5)
    assert positions(places, 0, 1).tolist() == list(range(5))
    assert visible(places, 5, 0, 1).equal(torch.ones(5, 5, dtype=torch.bool).tril())


@pytest.mark.parametrize("tokens_a_step", [1, 2, 4])
def test_candidates_in_one_cache_have_the_logits_of_each_alone(tiny: Generator, tokens_a_step: int) -> None:
    decoder, start = tiny.model.forward_pass.decoder, len(PROMPT)
    cache, fed, parts = after_the_prompt(decoder), interleaved(ANSWERS), []
    for at in range(0, len(fed), 3 * tokens_a_step):
        ids = torch.tensor([fed[at : at + 3 * tokens_a_step]])
        parts.append(decoder.forward(ids, cache, start + at, all_logits=True, fork=Fork(start, 3))[0])
    assert torch.allclose(torch.cat(parts).view(4, 3, -1), each_alone(decoder), atol=1e-4)


def test_the_static_step_scores_candidates_as_the_decoder_does(tiny: Generator) -> None:
    decoder, start = tiny.model.forward_pass.decoder, len(PROMPT)
    loop, cache = DeviceLoop(decoder, 4), after_the_prompt(decoder, room=300)
    fed, expected = interleaved(ANSWERS), each_alone(decoder)
    for step in range(4):
        place = start + 3 * step
        got = loop.score(cache, fed[3 * step : 3 * step + 3], place, Fork(start, 3))
        assert torch.allclose(got, expected[step], atol=1e-4)
    whole = loop.score(cache, fed, start, Fork(start, 3))
    assert torch.allclose(whole.view(4, 3, -1), expected, atol=1e-4)


def test_typed_tokens_are_scored_in_as_many_steps_as_they_need(tiny: Generator) -> None:
    decoder, loop = tiny.model.forward_pass.decoder, DeviceLoop(tiny.model.forward_pass.decoder, 4)
    typed, cache = [8, 900, 31, 5, 5, 77, 1024, 6, 12, 13, 14], after_the_prompt(decoder, room=300)
    expected = decoder.forward(torch.tensor([typed]), after_the_prompt(decoder, room=300), len(PROMPT), all_logits=True)
    assert torch.allclose(loop.score(cache, typed, len(PROMPT)), expected[0], atol=1e-4)


def test_scores_stay_as_they_are_while_another_answer_has_its_turn(tiny: Generator) -> None:
    loop, cache = (
        DeviceLoop(tiny.model.forward_pass.decoder, 4),
        after_the_prompt(tiny.model.forward_pass.decoder, room=300),
    )
    scores = loop.score(cache, [8, 900], len(PROMPT))
    kept = scores.clone()
    loop.score(after_the_prompt(tiny.model.forward_pass.decoder, room=300), [77, 31], len(PROMPT))
    assert scores.equal(kept)


def texts_of(generator: Generator, request: CompletionRequest) -> list[str]:
    chunks: list[Chunk] = list(generator.stream(request, never))
    return ["".join(chunk.text for chunk in chunks if chunk.index == index) for index in range(request.n)]


@pytest.mark.parametrize("cache", [None, MixtureParameters()], ids=["model alone", "with cache"])
@pytest.mark.parametrize("prefix", [ASK.prefix, "import os\n\n\ndef main():\n    retu"], ids=["whole", "inside a word"])
def test_the_device_gives_the_candidates_that_the_host_gives(
    exact: Generator, cache: MixtureParameters | None, prefix: str
) -> None:
    request = replace(ASK, prefix=prefix)
    expected = texts_of(exact.with_settings(cache=cache), request)
    device = exact.with_settings(cache=cache)
    device.model.device_loop = DeviceLoop(device.model.forward_pass.decoder, device.model.settings.draft_tokens)
    assert texts_of(device, request) == expected
    assert device.model.device_loop.steps > 0


def test_the_prompt_of_candidates_is_held_once_and_kept_for_the_next_request(tiny: Generator) -> None:
    generator = tiny.with_settings(heal=False)
    list(generator.stream(ASK, never))
    assert (
        generator.model.slots.bytes
        == generator.model.slots.capacity * generator.model.forward_pass.kv_shape.bytes_per_token
    )
    last = list(generator.stream(replace(ASK, n=1), never))[-1]
    assert last.usage is not None
    assert last.usage.cached_tokens == last.usage.prompt_tokens - 1


@pytest.mark.parametrize("count", [1, 3, 16])
def test_candidates_share_the_room_after_the_prompt(tiny: Generator, count: int) -> None:
    generator = tiny.with_settings(heal=False)
    generator.model.stop_tokens = frozenset()
    request = replace(ASK, n=count, max_tokens=4 * ANSWER_TOKENS, temperature=1.0)
    chunks = list(generator.stream(request, never))
    places = generator.model.slots.capacity - len(generator.model.prompt(request).ids)
    positions_left = generator.model.forward_pass.decoder.capacity - len(generator.model.prompt(request).ids)
    each = [sum(chunk.token_count for chunk in chunks if chunk.index == index) for index in range(count)]
    assert each == [min(places // count, positions_left)] * count
