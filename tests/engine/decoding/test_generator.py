from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.api import Chunk, CompletionRequest, ContextItem, FinishReason
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.ngram.mixture import MixtureParameters
from infill_completion.prompt.formats import PromptLayout
from infill_completion.settings import EngineSettings
from tests.engine.tiny import VOCABULARY, never, save_tiny

PREFIX = "import os\n\n\ndef join_paths(first_part, second_part):\n    return os.path.join(first_part, sec"
SUFFIX = "\n\n\ndef split_paths(whole_path):\n    return os.path.split(whole_path)\n"


def ask(**changes: Any) -> CompletionRequest:
    plain: dict[str, Any] = {"prefix": PREFIX, "suffix": SUFFIX, "temperature": 0.0, "max_tokens": 12}
    return CompletionRequest(**plain | changes)


def answers(generator: Generator, request: CompletionRequest) -> tuple[list[str], list[Chunk]]:
    """Return the text of each candidate, and all chunks."""
    chunks = list(generator.stream(request, never))
    return ["".join(c.text for c in chunks if c.index == index) for index in range(request.n)], chunks


def test_the_embedded_model_copies_a_name_from_the_buffer(embedded: Generator) -> None:
    (text,), _ = answers(embedded, ask(stop=("\n",)))
    assert text.startswith("ond_part")


def test_the_last_chunk_carries_the_totals(embedded: Generator) -> None:
    _, chunks = answers(embedded, ask())
    *others, last = chunks
    assert all(chunk.usage is None and chunk.finish_reason is None for chunk in others)
    assert last.explain is None
    assert last.finish_reason in {FinishReason.STOP, FinishReason.LENGTH}
    assert last.usage is not None
    assert last.usage.completion_tokens == sum(chunk.token_count for chunk in chunks)
    assert set(last.timings) == {"prefill_ms", "decode_ms", "ttft_ms", "tokens_per_s"}


def test_an_explanation_does_not_wait_for_the_end(embedded: Generator) -> None:
    """A client that has its suggestion closes the stream, which ends the request."""
    _, chunks = answers(embedded, ask(explain=True))
    first, last = chunks[0], chunks[-1]
    assert len(chunks) > 2
    assert first.explain is not None
    assert last.explain is not None
    for explain in (first.explain, last.explain):
        assert first.usage is not None
        assert sum(explain["tokens_by_source"].values()) == first.usage.prompt_tokens
        assert explain["prompt"].startswith("<s>▁<PRE>▁<SUF>\n\n\ndef split_paths")
        assert explain["respelled"] == " sec"
    assert all(chunk.explain is None for chunk in chunks[1:-1])


def test_typing_on_computes_only_the_new_tokens(embedded: Generator) -> None:
    answers(embedded, ask(prefix=PREFIX))
    _, chunks = answers(embedded, ask(prefix=PREFIX + "on"))
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.prompt_tokens - usage.cached_tokens <= 3


@pytest.mark.parametrize("layout", [PromptLayout.SPM, PromptLayout.PSM, PromptLayout.LINE_LAST])
def test_reuse_does_not_change_the_answers(tiny: Generator, layout: PromptLayout) -> None:
    reusing = tiny.with_settings(layout=layout)
    for end in (60, 64, 61, 90, len(PREFIX), 62):  # typing, deleting, jumping
        request = ask(prefix=PREFIX[:end])
        fresh = tiny.with_settings(layout=layout)
        assert answers(reusing, request)[0] == answers(fresh, request)[0]


def test_several_candidates_share_one_prefill_and_differ(tiny: Generator) -> None:
    texts, chunks = answers(tiny, ask(n=3, temperature=3.0, top_p=1.0, seed=5))
    assert len(set(texts)) == 3
    assert [sum(c.finish_reason is not None for c in chunks if c.index == i) for i in range(3)] == [1, 1, 1]
    assert answers(tiny, ask(n=3, temperature=3.0, top_p=1.0, seed=5))[0] == texts


def test_padded_embeddings_are_never_chosen(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path, vocab_size=VOCABULARY + 64)
    settings = EngineSettings(model=str(folder), device="cpu", quantization="none")
    generator = Generator.load(settings, lambda share, doing: None)
    assert generator.model.tokenizer.vocab_size == VOCABULARY
    # One of them would be the likeliest at every step.
    generator.model.transformers_model.lm_head.weight[VOCABULARY:] *= 1000
    for changes in ({}, {"n": 2}, {"temperature": 1.0, "top_p": 1.0, "seed": 1}, {"prefix": "x = "}):
        _, chunks = answers(generator, ask(**changes))
        assert all(math.isfinite(chunk.logprob_sum) for chunk in chunks)
    generator.close()


def test_log_probabilities_are_the_models_own(tiny: Generator) -> None:
    plain = tiny.with_settings(heal=False)
    request = ask(max_tokens=5)
    chunks = list(plain.stream(request, never))
    prompt = plain.model.prompt(request).ids
    model, ids, expected = plain.model.transformers_model, list(prompt), 0.0
    for _ in range(5):
        with torch.inference_mode():
            likely = model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        expected += float(likely.max())
        ids.append(int(likely.argmax()))
    assert sum(chunk.logprob_sum for chunk in chunks) == pytest.approx(expected, abs=1e-3)


def test_the_answer_ends_before_a_stop_string(tiny: Generator) -> None:
    (whole,), _ = answers(tiny, ask(max_tokens=10))
    stop = whole[6:9]
    (text,), chunks = answers(tiny, ask(max_tokens=10, stop=(stop, "never there")))
    assert text == whole[: whole.index(stop)]
    assert chunks[-1].finish_reason is FinishReason.STOP


def test_the_answer_ends_before_the_end_token(tiny: Generator) -> None:
    twin = tiny.with_settings(heal=False)
    request = ask(max_tokens=6)
    ids = greedy(twin, request, 4)
    twin.model.stop_tokens = frozenset({ids[3]})
    (text,), chunks = answers(twin, request)
    assert text == twin.model.tokenizer.decode(ids[: ids.index(ids[3])])
    assert chunks[-1].finish_reason is FinishReason.STOP


def greedy(generator: Generator, request: CompletionRequest, count: int) -> list[int]:
    """Return the first tokens by whole forward passes of transformers."""
    ids = list(generator.model.prompt(request).ids)
    for _ in range(count):
        with torch.inference_mode():
            ids.append(int(generator.model.transformers_model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[-count:]


def test_max_tokens_ends_with_length(tiny: Generator) -> None:
    _, chunks = answers(tiny, ask(max_tokens=3, prefix="x = 1\n"))
    assert chunks[-1].finish_reason is FinishReason.LENGTH
    assert sum(chunk.token_count for chunk in chunks) == 3


def test_an_answer_of_one_line_ends_with_it(embedded: Generator) -> None:
    (whole,), _ = answers(embedded, ask(max_tokens=40))
    (text,), chunks = answers(embedded, ask(max_tokens=40, ends_with_line=True))
    assert "\n" in whole.strip()
    assert text.rstrip(" ") == whole[: whole.index("\n") + 1]
    assert chunks[-1].finish_reason is FinishReason.STOP
    assert chunks[-1].usage is not None


def test_a_model_that_does_not_infill_may_write_something_before_its_line(embedded: Generator) -> None:
    (whole,), _ = answers(embedded, ask(suffix=None, max_tokens=24))
    (text,), _ = answers(embedded, ask(suffix=None, max_tokens=24, ends_with_line=True))
    assert text == whole


@pytest.mark.parametrize(
    ("text", "written"), [("\n  \n  a\nb\n", "\n  \n  a\n"), ("\n  {\n  a\n", "\n  {\n  a\n"), ("a{\nb\n", "a{\n")]
)
def test_blank_lines_and_an_opening_brace_alone_do_not_end_it(embedded: Generator, text: str, written: str) -> None:
    candidate = embedded.model.candidate(0, "", ask(ends_with_line=True, max_tokens=99), None)
    for id_ in embedded.model.tokenizer.encode_infilling(text):
        if candidate.finish is None:
            candidate.push(id_, -1.0)
    assert candidate.raw.rstrip(" ") == written


def test_cancelling_stops_before_the_next_token(tiny: Generator) -> None:
    got: list[Chunk] = []
    got.extend(tiny.stream(ask(max_tokens=50), lambda: len(got) >= 3))
    assert got[-1].finish_reason is FinishReason.CANCELLED
    assert sum(chunk.token_count for chunk in got) <= 5
    assert got[-1].usage is not None


def test_cancelling_at_once_answers_without_a_token(tiny: Generator) -> None:
    (chunk,) = tiny.stream(ask(), lambda: True)
    assert (chunk.finish_reason, chunk.text, chunk.token_count) == (FinishReason.CANCELLED, "", 0)
    assert chunk.usage is not None


def test_a_deadline_that_has_passed_is_the_finish_reason(tiny: Generator) -> None:
    *_, chunk = tiny.stream(ask(deadline_ms=0), never)
    assert chunk.finish_reason is FinishReason.DEADLINE


def test_echo_begins_with_the_prompt(tiny: Generator) -> None:
    (text,), _ = answers(tiny, ask(echo=True))
    assert text == PREFIX + answers(tiny, ask())[0][0]


def test_without_a_suffix_the_text_is_continued(tiny: Generator) -> None:
    _, chunks = answers(tiny, ask(suffix=None, explain=True))
    explain = chunks[-1].explain
    assert explain is not None
    assert explain["layout"] == "left_to_right"
    assert "▁<MID>" not in explain["prompt"]


@pytest.mark.parametrize("prefix", ["", "\n", "é", "x" * 5000, "\t\t", "return sel", "foo(", "ab😀", "</s>", " " * 70])
def test_any_prefix_gets_an_answer_that_follows_it(tiny: Generator, prefix: str) -> None:
    (text,), chunks = answers(tiny, ask(prefix=prefix, suffix="", max_tokens=4, stop=("\0",)))
    assert chunks[-1].finish_reason is not None
    assert chunks[-1].usage is not None
    assert isinstance(text, str)


def test_a_healed_word_is_spelled_again_exactly(tiny: Generator) -> None:
    """The generated text begins with the text that was left out of the prompt, even if the model prefers another."""
    for prefix in ("return selxq", "x =    ", "call(((", "naïve_ümläut"):
        _, chunks = answers(tiny, ask(prefix=prefix, echo=False, max_tokens=3))
        assert chunks[-1].usage is not None
        prompt = tiny.model.prompt(ask(prefix=prefix))
        assert prompt.spell
        candidate = tiny.model.candidate(0, prompt.spell, ask(), None)
        written = b""
        while len(written) < len(prompt.spell.encode()):
            id_ = int(candidate.scores(torch.randn(4096)).argmax())
            candidate.push(id_, 0.0)
            written += tiny.model.tokenizer.pieces[id_]
        assert written.startswith(prompt.spell.encode())


def test_the_ngram_index_adds_names_the_model_does_not_know(tiny: Generator) -> None:
    mixed = tiny.with_settings(cache=MixtureParameters(bias=8.0))
    (text,), _ = answers(mixed, ask(prefix="value = frobnicate(quux_table)\nother = frobnicate(qu", stop=("\n",)))
    assert text == "ux_table)"


def test_the_ngram_index_covers_files_outside_the_prompt(tiny: Generator) -> None:
    mixed = tiny.with_settings(cache=MixtureParameters(bias=8.0), context_share=0.0)
    request = ask(prefix="other = frobnicate(qu", context=(ContextItem("a.py", "x = frobnicate(quux_table)\n"),))
    (text,), chunks = answers(mixed, CompletionRequest(**{**request.__dict__, "stop": ("\n",), "explain": True}))
    assert text == "ux_table)"
    assert chunks[-1].explain is not None
    assert chunks[-1].explain["tokens_by_source"]["context"] == 0


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("passes", [0, 1, 2, 7], ids=["first prefill", "first step", "second step", "later"])
@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("no more"), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")],
    ids=["GPU", "CPU"],
)
def test_running_out_of_memory_halves_the_context_and_continues(
    tiny: Generator, monkeypatch: pytest.MonkeyPatch, n: int, passes: int, error: Exception
) -> None:
    request = ask(n=n, max_tokens=16, explain=True)
    expected = answers(tiny.with_settings(), request)[0]
    twin = tiny.with_settings()
    forward = Decoder.forward
    failures = iter([*[False] * passes, True])

    def scarce(self: Decoder, *args: Any, **options: Any) -> torch.Tensor:
        if next(failures, False):
            raise error
        return forward(self, *args, **options)

    monkeypatch.setattr(Decoder, "forward", scarce)
    before = twin.model.context_tokens
    got, chunks = answers(twin, request)
    assert got == expected  # the prompt also fits into half of the context
    assert sum(chunk.usage is not None for chunk in chunks) == (2 if len(chunks) > 1 else 1)  # first and last
    assert twin.model.context_tokens == twin.details["context_tokens"] == before // 2


def test_another_failure_is_not_mistaken_for_a_full_device(tiny: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_options: Any) -> torch.Tensor:
        raise RuntimeError("shapes do not match")

    twin = tiny.with_settings()
    monkeypatch.setattr(Decoder, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        answers(twin, ask())
    assert twin.model.context_tokens == tiny.model.context_tokens


def test_a_request_longer_than_the_room_after_the_prompt_ends_by_length(tiny: Generator) -> None:
    _, chunks = answers(tiny, ask(max_tokens=4096))
    assert chunks[-1].finish_reason in {FinishReason.LENGTH, FinishReason.STOP}


def test_details_describe_the_model(embedded: Generator) -> None:
    details = embedded.details
    assert (details["device"], details["infilling"]) == ("cpu", True)
    assert details["cache_model"] is True
    assert details["weight_bytes"] < 100 << 20


REPETITIVE = "table = {}\n" + "".join(f"table['key_{n}'] = compute(value_{n}, other)\n" for n in range(6)) + "table["


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("cache", [None, MixtureParameters()], ids=["model alone", "with cache"])
def test_drafts_change_the_speed_but_not_the_tokens(
    exact: Generator, tiny: Generator, monkeypatch: pytest.MonkeyPatch, temperature: float, cache: Any
) -> None:
    steps: list[int] = []
    forward = Decoder.forward

    def counted(self: Decoder, ids: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        steps.append(ids.shape[1])
        return forward(self, ids, *args, **options)

    monkeypatch.setattr(Decoder, "forward", counted)
    request = ask(prefix=REPETITIVE, max_tokens=40, temperature=temperature, seed=1)
    for generator in (tiny, exact):
        counts, texts = [], []
        for draft_tokens in (0, 4):
            steps.clear()
            twin = generator.with_settings(draft_tokens=draft_tokens, cache=cache)
            twin.model.forward_pass = ForwardPass(twin.model.forward_pass.decoder)  # the prompt is one step
            texts.append(answers(twin, request)[0])
            counts.append(len(steps))
            assert max(steps[1:]) <= 1 + draft_tokens
        assert texts[0] == texts[1]
    if cache is not None:
        assert counts[1] < 0.7 * counts[0]


def test_the_slot_keeps_the_tokens_decoded_with_drafts(exact: Generator) -> None:
    """The next prompt reuses the answer, and the reused keys and values are right."""
    request = ask(prefix=REPETITIVE, max_tokens=30)
    used = exact.with_settings(draft_tokens=4)
    (text,), _ = answers(used, request)
    longer = ask(prefix=REPETITIVE + text, max_tokens=10)
    fresh = exact.with_settings(draft_tokens=0)
    after, chunks = answers(used, longer)
    assert after == answers(fresh, longer)[0]
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.prompt_tokens - usage.cached_tokens <= 4
