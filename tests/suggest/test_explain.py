import json
from collections.abc import AsyncIterator
from dataclasses import replace

from infill_completion.api import Chunk, CompletionRequest, EngineState, EngineUnavailableError, Usage
from infill_completion.document.snapshot import SkipReason, Trigger
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_completion.suggest.explanation import Explanation
from tests.suggest.scripted import ScriptedEngine, at, says
from tests.suggest.typist import AT_ONCE


async def test_an_explanation_covers_everything_from_prompt_to_suggestion() -> None:
    completer = Completer(ScriptedEngine(says("x)"), logprob=-0.5), AT_ONCE)
    explanation = await completer.explain(at("print(|)\n"))
    assert explanation.decision == "text before the rest of the line"
    assert (explanation.prefix, explanation.suffix) == ("print(", ")\n")
    assert [suggestion.text for suggestion in explanation.suggestions] == ["x"]
    candidate = explanation.candidates[0]
    assert (candidate.raw, candidate.text) == ("x)", "x")
    assert [(step.name, step.before, step.after) for step in candidate.filters] == [("trim_overlap", "x)", "x")]
    assert explanation.usage["cached_tokens"] == 5
    assert explanation.timings_ms["ttft_ms"] == 1.0
    assert [name for name, _, _ in explanation.steps][:2] == ["memory", "asked"]
    await completer.aclose()


async def test_it_is_available_as_json_and_as_a_page() -> None:
    completer = Completer(ScriptedEngine(says("x)")), AT_ONCE)
    explanation = await completer.explain(at("print(|)\n"))
    assert json.loads(json.dumps(explanation.to_json()))["suggestions"][0]["text"] == "x"
    page = explanation.to_text()
    assert "trim_overlap: Drop what the suggestion repeats of the rest of the line." in page
    assert "prompt:" in page
    await completer.aclose()


def test_the_page_lists_the_lines_that_the_suffix_chose_from() -> None:
    rows = [
        {"text": "a", "logprob": -1.0, "suffix_logprob": -9.0},
        {"text": "b", "logprob": -2.0, "suffix_logprob": -3.0},
    ]
    plain = Explanation("file:///a.py", "python", "invoked", "the rest of the line")
    assert "of the text after the cursor" not in plain.to_text()
    page = replace(plain, engine={"reranked": rows}).to_text().splitlines()
    assert page[page.index("  'a': -1.0, then -9.0") + 1] == "  'b': -2.0, then -3.0"


def test_the_page_says_what_of_the_workspace_was_counted() -> None:
    plain = Explanation("file:///a.py", "python", "invoked", "the rest of the line", request={"n": 1})
    assert "counted" not in plain.to_text()
    counted = {"workspace_texts": 3, "workspace_tokens": 900, "workspace_mixed": True}
    page = replace(plain, engine=counted).to_text()
    assert "  counted in the model's choice: 3 files of the workspace, 900 tokens" in page
    assert "  counted for drafts only: 3 files" in replace(plain, engine=counted | {"workspace_mixed": False}).to_text()


async def test_an_empty_answer_is_explained_too() -> None:
    engine = ScriptedEngine(says("x"))
    off = Settings(completion=CompletionSettings(languages={"python": False}))
    explanation = await Completer(engine, off).explain(at("print(|)\n"))
    assert explanation.reason == SkipReason.LANGUAGE_OFF.value
    assert "switched off for this language" in explanation.to_text()
    assert engine.requests == []


async def test_a_failure_of_the_engine_is_reported_with_the_next_step() -> None:
    error = EngineUnavailableError("No engine; run `infill-ls doctor`.", EngineState.FAILED)
    explanation = await Completer(ScriptedEngine(lambda _: error), AT_ONCE).explain(at("x = |"))
    assert explanation.message == "No engine; run `infill-ls doctor`."


def sampling(*texts: str) -> ScriptedEngine:
    """Return an engine that draws a different sample each time, as models do without a seed."""
    samples = iter(texts)
    return ScriptedEngine(lambda request: next(samples) if request.prefix.endswith("= ") else "")


async def test_the_answer_that_was_given_is_explained_not_a_new_sample() -> None:
    engine = sampling("first", "second", "third")
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at("y = |\n"))
    for _ in range(2):
        explanation = await completer.explain(at("y = |\n"))
        assert [suggestion.text for suggestion in explanation.suggestions] == ["first"]
        assert [candidate.raw for candidate in explanation.candidates] == ["first"]
    # The engine is only asked to explain the prompt.
    requests = [request for request in engine.requests if request.prefix == "y = "]
    assert [(request.explain, request.max_tokens) for request in requests] == [(False, 128), (True, 1), (True, 1)]
    await completer.aclose()


async def test_a_suggestion_typed_into_is_explained_by_its_origin() -> None:
    completer = Completer(sampling("first", "second"), AT_ONCE)
    await completer.complete(at("y = |\n"))
    explanation = await completer.explain(at("y = fi|\n"))
    assert [suggestion.text for suggestion in explanation.suggestions] == ["rst"]
    assert [candidate.raw for candidate in explanation.candidates] == ["first"]
    assert explanation.remembered == "typed through"
    await completer.aclose()


async def test_explaining_an_older_answer_does_not_change_it() -> None:
    completer = Completer(sampling("first", "other", "second"), AT_ONCE)
    here, elsewhere = at("y = |\n"), at("y = \nz = |\n")
    await completer.complete(here)
    await completer.complete(elsewhere)
    explanation = await completer.explain(here)
    assert [suggestion.text for suggestion in explanation.suggestions] == ["first"]
    assert [candidate.raw for candidate in explanation.candidates] == ["second"]
    assert (await completer.complete(here)).suggestions[0].text == "first"
    await completer.aclose()


async def test_an_explanation_repeats_a_refusal() -> None:
    engine = ScriptedEngine(says("tal("))
    completer = Completer(engine, AT_ONCE)
    here = at("result = compute_to|values\n")
    assert (await completer.complete(here)).reason is SkipReason.MID_LINE
    explanation = await completer.explain(here)
    assert (explanation.reason, explanation.suggestions) == (SkipReason.MID_LINE.value, ())
    assert engine.requests == []
    assert SkipReason.MID_LINE.value in explanation.to_text()
    assert "by hand" in SkipReason.MID_LINE.value
    invoked = await completer.explain(replace(here, trigger=Trigger.INVOKED))
    assert [suggestion.text for suggestion in invoked.suggestions] == ["tal("]
    await completer.aclose()


class Endless:
    """An engine that explains its prompt at once and then never stops."""

    is_closed = False

    async def complete(self, request: CompletionRequest) -> AsyncIterator[Chunk]:
        del request
        explained = {"tokens_by_source": {"prefix": 7, "suffix": 2}, "dropped_by_source": {}, "respelled": "pri"}
        explained |= {"weights": "/state/learned/c0ffee.safetensors"}
        try:
            yield Chunk(text="x", usage=Usage(9, 4, 1), timings={"prefill_ms": 2.0}, explain=explained)
            while True:
                yield Chunk(text="\ny = 1")
        finally:
            self.is_closed = True


async def test_an_explanation_waits_only_for_the_suggestion() -> None:
    engine = Endless()
    completer = Completer(engine, AT_ONCE)
    explanation = await completer.explain(at("z = |\n"))
    assert engine.is_closed
    assert [suggestion.text for suggestion in explanation.suggestions] == ["x"]
    assert explanation.usage["cached_tokens"] == 4
    page = explanation.to_text()
    assert "tokens_by_source: prefix 7, suffix 2" in page
    assert "spelled again by the model: 'pri'" in page
    assert "weights: /state/learned/c0ffee.safetensors" in page
    await completer.aclose()


async def test_an_explanation_lists_what_was_withheld_and_what_is_remembered() -> None:
    secret = "ghp_" + "a1B2" * 9
    completer = Completer(ScriptedEngine(says("1")), AT_ONCE)
    here = at(f'key = "{secret}"\nx = |\n')
    await completer.complete(here)
    explanation = await completer.explain(here)
    assert explanation.withheld == ("GitHub token",)
    assert secret not in explanation.prefix
    assert explanation.remembered == "asked here before"
    assert "an earlier answer serves: asked here before" in explanation.to_text()
    await completer.aclose()
