"""A user who pauses sees a suggestion grow by whole lines."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from infill_completion.api import Chunk, CompletionRequest, FinishReason
from infill_completion.document.snapshot import SkipReason, Snapshot, Trigger
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from tests.suggest.growing.writer import Writer, paused
from tests.suggest.scripted import LocalScriptedEngine, at, is_idle, says, until
from tests.suggest.typist import AT_ONCE, shown, typed

BODY = "def f(a):\n    x = |\n"
LINES = "a + 1\n    y = x * 2\n    return x + y\n"


async def test_it_grows_by_the_lines_that_the_model_is_sure_of() -> None:
    writer = Writer(BODY, LINES)
    completer = Completer(writer.engine, AT_ONCE)
    assert shown(await completer.complete(at(BODY))) == "a + 1"
    assert await paused(completer, at(BODY)) == 1
    answer = await completer.complete(at(BODY))
    assert shown(answer) == "a + 1\n    y = x * 2\n    return x + y"
    assert answer.details["reuse"] == "asked here before"
    assert await paused(completer, at(BODY)) == 0  # that is all
    await completer.aclose()


async def test_it_grows_to_ten_lines_at_most() -> None:
    lines = "a + 1\n" + "".join(f"    y{number} = f{number}(x)\n" for number in range(14))
    completer = Completer(Writer(BODY, lines).engine, AT_ONCE)
    await completer.complete(at(BODY))
    await paused(completer, at(BODY))
    assert shown(await completer.complete(at(BODY))).count("\n") == 10
    await completer.aclose()


async def test_who_types_on_sees_it_with_the_next_key_and_all_of_it_to_its_end() -> None:
    completer = Completer(Writer(BODY, LINES).engine, AT_ONCE)
    await completer.complete(at(BODY))
    await paused(completer, at(BODY))
    whole = "a + 1\n    y = x * 2\n    return x + y"
    for count in range(1, len(whole)):
        answer = await completer.complete(at(typed(whole[:count], BODY)))
        assert not whole[count:].strip() or shown(answer) == whole[count:]
    await completer.aclose()


async def test_after_accepting_the_first_line_the_rest_stays() -> None:
    completer = Completer(Writer(BODY, LINES).engine, AT_ONCE)
    await completer.complete(at(BODY))
    await paused(completer, at(BODY))
    await completer.complete(at(BODY))
    assert shown(await completer.complete(at(typed("a + 1", BODY)))) == "\n    y = x * 2\n    return x + y"
    assert shown(await completer.complete(at(typed("a + 1\n    ", BODY)))) == "y = x * 2\n    return x + y"
    assert shown(await completer.complete(at(typed("a ", BODY)))) == "+ 1\n    y = x * 2\n    return x + y"
    await completer.aclose()


async def test_what_follows_all_of_it_is_computed_once_it_is_accepted() -> None:
    writer = Writer(BODY, LINES)
    completer = Completer(writer.engine, AT_ONCE)
    await completer.complete(at(BODY))
    await paused(completer, at(BODY))
    answer = await completer.complete(at(BODY))
    await until(lambda: is_idle(completer))
    completer.accepted("file:///a", shown(answer))
    await until(lambda: is_idle(completer))
    assert shown(answer).endswith("x + y")
    assert any(request.prefix.endswith("return x + y") for request in writer.engine.requests)
    await completer.aclose()


async def test_the_next_key_ends_it() -> None:
    writer = Writer(BODY, LINES)
    completer = Completer(writer.engine, AT_ONCE)
    await completer.complete(at(BODY))
    await until(lambda: is_idle(completer))
    writer.engine.gate = asyncio.Event()
    grown: list[None] = []
    pause = asyncio.create_task(completer.grow(at(BODY), lambda: grown.append(None)))
    await until(lambda: writer.engine.requests[-1].prefix.endswith("x * 2"))
    answer = asyncio.create_task(completer.complete(at(typed("b", BODY))))
    await until(pause.done)
    writer.engine.gate.set()
    await answer
    assert not grown
    await completer.aclose()


async def test_a_request_for_the_same_place_does_not_end_it() -> None:
    writer = Writer(BODY, LINES)
    completer = Completer(writer.engine, AT_ONCE)
    await completer.complete(at(BODY))
    await until(lambda: is_idle(completer))
    writer.engine.gate = asyncio.Event()
    grown: list[None] = []
    pause = asyncio.create_task(completer.grow(at(BODY), lambda: grown.append(None)))
    await until(lambda: writer.engine.requests[-1].prefix.endswith("x * 2"))
    await completer.complete(at(BODY))
    assert await paused(completer, at(BODY)) == 0  # it is growing already
    writer.engine.gate.set()
    await pause
    assert grown
    await completer.aclose()


async def test_where_nothing_is_known_nothing_grows() -> None:
    writer = Writer(BODY, LINES)
    completer = Completer(writer.engine, AT_ONCE)
    assert await paused(completer, at(BODY)) == 0
    assert not writer.engine.requests
    await completer.aclose()


@pytest.mark.parametrize(
    "completion",
    [
        CompletionSettings(debounce_ms=0, multiline="never"),
        CompletionSettings(debounce_ms=0, ahead="never"),
        CompletionSettings(debounce_ms=0, enabled=False),
        CompletionSettings(debounce_ms=0, languages={"python": False}),
    ],
)
async def test_settings_that_forbid_it(completion: CompletionSettings) -> None:
    completer = Completer(Writer(BODY, LINES).engine, AT_ONCE)
    await completer.complete(at(BODY))
    completer.configure(Settings(completion=completion))
    await completer.complete(at(BODY))
    assert await paused(completer, at(BODY)) == 0
    await completer.aclose()


async def test_recordings_do_without() -> None:
    completer = Completer(Writer(BODY, LINES).engine, AT_ONCE, is_steady=True)
    await completer.complete(at(BODY))
    assert await paused(completer, at(BODY)) == 0
    await completer.aclose()


async def test_what_was_invoked_stays_as_it_is() -> None:
    completer = Completer(Writer(BODY, LINES).engine, AT_ONCE)
    snapshot = at(BODY, invoked=True)
    before = shown(await completer.complete(snapshot))
    assert await paused(completer, snapshot) == 0
    assert await paused(completer, at(BODY)) == 0
    assert shown(await completer.complete(snapshot)) == before
    await completer.aclose()


async def test_a_popup_entry_does_not_grow() -> None:
    code = "def f(a):\n    x = tot|\n"
    start = code.index("tot")
    snapshot = replace(at(code), selected=(start, start + 3, "total"))
    completer = Completer(Writer(code.replace("tot|", "total|"), LINES).engine, AT_ONCE)
    await completer.complete(snapshot)
    assert await paused(completer, snapshot) == 0
    await completer.aclose()


@pytest.mark.parametrize(("eagerness", "lines"), [("low", 1), ("medium", 2), ("auto", 2), ("high", 3)])
async def test_eagerness_says_how_likely_all_lines_must_be(eagerness: str, lines: int) -> None:
    # The show-model gives the second line 0.28, and both together 0.11.
    writer = Writer(BODY, LINES, logprobs={"    y = x * 2": math.log(0.8), "    return x + y": math.log(0.9)})
    settings = Settings(completion=CompletionSettings(debounce_ms=0, eagerness=eagerness))
    completer = Completer(writer.engine, settings)
    await completer.complete(at(BODY))
    await paused(completer, at(BODY))
    assert shown(await completer.complete(at(BODY))).count("\n") + 1 == lines
    await completer.aclose()


async def test_an_engine_without_probabilities_shows_what_it_showed() -> None:
    writer = Writer(BODY, LINES, logprobs=None)
    completer = Completer(writer.engine, AT_ONCE)
    await completer.complete(at(BODY))
    assert await paused(completer, at(BODY)) == 0
    await completer.aclose()


async def test_the_end_of_a_whole_line_brings_the_next_ones() -> None:
    code = "def f(a):\n    x = a|\n"
    writer = Writer(code, "\n    y = x * 2\n    return x + y\n")
    completer = Completer(writer.engine, AT_ONCE)
    assert (await completer.complete(at(code))).reason is SkipReason.NEXT_LINE
    assert await paused(completer, at(code)) == 1
    assert shown(await completer.complete(at(code))) == "\n    y = x * 2\n    return x + y"
    await completer.aclose()


async def test_a_suggestion_that_is_hidden_while_typing_shows_at_a_pause() -> None:
    code = "def f(a):\n    x = |\n"
    unsure = "call_this_function(with_this, and_that)"
    writer = Writer(code, unsure + "\n", logprobs={"    x = " + unsure: math.log(0.75)})
    settings = Settings(completion=CompletionSettings(debounce_ms=0, eagerness="low"))
    completer = Completer(writer.engine, settings)
    assert (await completer.complete(at(code))).reason is SkipReason.LOW_CONFIDENCE
    assert await paused(completer, at(code)) == 1
    assert shown(await completer.complete(at(code))) == unsure
    await completer.aclose()


async def test_a_pause_waits_for_an_answer_that_the_key_did_not_wait_for() -> None:
    code, unsure = (
        "def f(a):\n    x = |\n",
        "call_this_function(with_this, and_that, and_something_else, and_more_of_it)",
    )
    engine = LocalScriptedEngine(says(unsure), logprob=-0.4, gate=asyncio.Event(), free_chunks=16)
    completer = Completer(engine, AT_ONCE)
    assert (await completer.complete(at(code))).reason is SkipReason.LOW_CONFIDENCE
    grown: list[None] = []
    pause = asyncio.create_task(completer.grow(at(code), lambda: grown.append(None)))
    await asyncio.sleep(0)
    assert engine.gate is not None
    assert not pause.done()
    engine.gate.set()
    await pause
    assert len(grown) == 1
    assert shown(await completer.complete(at(code))) == unsure
    await completer.aclose()


@dataclass
class SurerEngine(LocalScriptedEngine):
    """One that is unsure of the beginning alone, so that the whole turns out to be worth showing."""

    async def complete(self, request: CompletionRequest) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        text = self.script(request)
        assert isinstance(text, str)
        for number, sign in enumerate(text):
            if number >= self.free_chunks and self.gate is not None:
                await self.gate.wait()
            yield Chunk(text=sign, token_count=1, logprob_sum=self.logprob if number < self.free_chunks else -1e-6)
        yield Chunk(finish_reason=FinishReason.STOP)


@pytest.mark.parametrize(
    ("marked", "language_id"),
    [("x = |\n", "python"), ("def f(a):\n    x = |\n", "python"), ("# x = |\n", "python"), ("It is |\n", "markdown")],
)
@pytest.mark.parametrize("is_known", [False, True])
async def test_a_pause_shows_what_turned_out_better_than_it_began(
    marked: str, language_id: str, is_known: bool
) -> None:
    code = at(marked, language_id)
    whole = "call_this_function(with_this, and_that, and_something_else, and_more_of_it, and_even_more_of_all_of_it)"
    engine = SurerEngine(says(whole), logprob=-2.0, gate=asyncio.Event(), free_chunks=3)
    completer = Completer(engine, AT_ONCE)
    assert (await completer.complete(code)).reason is SkipReason.LOW_CONFIDENCE
    assert engine.gate is not None
    engine.gate.set()
    await until(lambda: is_idle(completer) or not is_known)
    grown: list[None] = []
    await completer.grow(code, lambda: grown.append(None))
    assert grown
    assert shown(await completer.complete(code)).startswith(whole)
    told = len(grown)
    await completer.grow(code, lambda: grown.append(None))
    assert len(grown) == told
    await completer.aclose()


def crlf(marked: str) -> Snapshot:
    return at(marked.replace("\n", "\r\n"))


async def test_windows_line_ends() -> None:
    completer = Completer(Writer(BODY, LINES).engine, AT_ONCE)
    await completer.complete(crlf(BODY))
    await paused(completer, crlf(BODY))
    assert shown(await completer.complete(crlf(BODY))) == "a + 1\r\n    y = x * 2\r\n    return x + y"
    await completer.aclose()


async def test_a_pause_before_the_answer_does_not_keep_it_from_growing() -> None:
    completer = Completer(Writer(BODY, LINES).engine, AT_ONCE)
    assert await paused(completer, at(BODY)) == 0
    await completer.complete(at(BODY))
    assert await paused(completer, at(BODY)) == 1
    await completer.aclose()


async def test_it_stays_in_the_block_however_long_the_user_pauses() -> None:
    body = "function f() {\n    if (a) {\n        x = |"
    snapshot = replace(at(body), language_id="javascript")
    completer = Completer(Writer(body, "1;\n        y = 2;\n    }\n}\n").engine, AT_ONCE)
    await completer.complete(snapshot)
    assert await paused(completer, snapshot) == 1
    assert shown(await completer.complete(snapshot)) == "1;\n        y = 2;\n    }"
    assert await paused(completer, snapshot) == 0
    assert shown(await completer.complete(snapshot)) == "1;\n        y = 2;\n    }"
    await completer.aclose()


async def test_what_was_shown_at_a_pause_and_deleted_does_not_come_again() -> None:
    line = "call_this_function(with_this, and_that)"
    settings = Settings(completion=CompletionSettings(debounce_ms=0, eagerness="low"))
    completer = Completer(Writer(BODY, f"{line}\n", {f"    x = {line}": math.log(0.75)}).engine, settings)
    await completer.complete(at(BODY))
    assert await paused(completer, at(BODY)) == 1
    text = shown(await completer.complete(at(BODY)))
    assert text == line
    completer.accepted("file:///a", text)
    await completer.complete(at(typed(text, BODY)))
    assert (await completer.complete(at(BODY))).reason is SkipReason.JUST_DELETED
    assert await paused(completer, at(BODY)) == 0
    await completer.aclose()


async def test_what_is_asked_for_ends_it() -> None:
    writer = Writer(BODY, LINES)
    completer = Completer(writer.engine, AT_ONCE)
    await completer.complete(at(BODY))
    await until(lambda: is_idle(completer))
    writer.engine.gate = asyncio.Event()
    grown: list[None] = []
    pause = asyncio.create_task(completer.grow(at(BODY), lambda: grown.append(None)))
    await until(lambda: writer.engine.requests[-1].prefix.endswith("x * 2"))
    answer = asyncio.create_task(completer.complete(replace(at(BODY), trigger=Trigger.INVOKED)))
    await until(pause.done)
    writer.engine.gate.set()
    await answer
    assert not grown
    await completer.aclose()


async def test_keys_ahead_go_on_where_nothing_can_grow() -> None:
    writer = Writer(BODY, LINES, None)  # Without probabilities nothing grows.
    completer = Completer(writer.engine, AT_ONCE)
    await completer.complete(at(BODY))
    await paused(completer, at(BODY))
    await until(lambda: is_idle(completer))
    assert any(request.prefix.endswith("x = a + 1") for request in writer.engine.requests)
    await completer.aclose()
