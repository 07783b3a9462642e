"""A person types; how often is the engine asked?"""

import asyncio
from dataclasses import dataclass

import pytest

from infill_completion.document.snapshot import Answer, SkipReason
from infill_completion.document.view import View
from infill_completion.document.workspace import NoDocuments, OpenDocument
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_completion.suggest.debounce import Debounce
from infill_completion.suggest.reuse import Memory, Offer, Remembered
from tests.suggest.scripted import ScriptedEngine, accept, at, says, until

AT_ONCE = Settings(completion=CompletionSettings(debounce_ms=0))
NEVER = Settings(completion=CompletionSettings(debounce_ms=3_600_000))
CODE = "def add(a, b):\n    return |\n\n\nprint(add(1, 2))\n"


def typed(text: str, marked: str = CODE) -> str:
    return marked.replace("|", text + "|")


def shown(answer: Answer) -> str:
    return answer.suggestions[0].text


def asked(engine: ScriptedEngine) -> int:
    """Return how many requests were made for what the user waits for."""
    return len([request for request in engine.requests if "a + b" not in request.prefix])


async def test_typing_the_suggestion_needs_no_engine_and_no_debounce() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    assert shown(await completer.complete(at(CODE))) == "a + b"
    completer.configure(NEVER)
    for text, left in [("a", " + b"), ("a ", "+ b"), ("a +", " b"), ("a + ", "b")]:
        answer = await completer.complete(at(typed(text)))
        assert shown(answer) == left
        assert answer.details["reuse"] == "typed through"
    assert asked(engine) == 1


async def test_backspace_brings_back_what_was_shown() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    assert shown(await completer.complete(at(typed("a +")))) == " b"
    assert shown(await completer.complete(at(typed("a")))) == " + b"
    assert shown(await completer.complete(at(CODE))) == "a + b"
    assert asked(engine) == 1


async def test_backspace_inside_a_word_before_the_first_request_extends_the_suggestion() -> None:
    engine = ScriptedEngine(says("me = 1"))
    completer = Completer(engine, AT_ONCE)
    assert shown(await completer.complete(at("na|\n"))) == "me = 1"
    answer = await completer.complete(at("n|\n"))
    assert shown(answer) == "ame = 1"
    assert answer.details["reuse"] == "went back"


async def test_a_cursor_that_was_elsewhere_and_comes_back_finds_its_suggestion() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    await completer.complete(at(CODE.replace("|", "") + "x = |"))
    await completer.complete(at("y = |\n", uri="file:///b"))
    await until(lambda: completer._inflight.is_idle)
    completer.configure(NEVER)
    answer = await completer.complete(at(CODE))
    assert shown(answer) == "a + b"
    assert answer.details["reuse"] == "asked here before"
    await completer.aclose()


async def test_another_text_is_asked_for_anew() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    await completer.complete(at(typed("x")))
    assert asked(engine) == 2


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("print(add(1, 2))", "print(add(3, 4))"),
        CODE.replace("def add(a, b)", "def add(a, b, c)"),
    ],
)
async def test_other_text_near_the_cursor_is_another_question(other: str) -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    await completer.complete(at(other))
    assert asked(engine) == 2


async def test_the_same_text_in_another_document_is_another_question() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    await completer.complete(at(CODE, uri="file:///b"))
    assert asked(engine) == 2


async def test_other_settings_forget_what_was_suggested_under_the_old_ones() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    completer.configure(Settings(completion=CompletionSettings(debounce_ms=0, temperature=0.5)))
    await completer.complete(at(CODE))
    assert asked(engine) == 2


def unsure() -> ScriptedEngine:
    return ScriptedEngine(says(["junk()", "noise()", "trash()"]), logprob=-3.0)


async def test_what_an_invoked_request_got_is_not_thrown_at_one_that_nobody_asked_for() -> None:
    completer = Completer(unsure(), AT_ONCE)
    assert (await completer.complete(at("|"))).reason is SkipReason.LOW_CONFIDENCE
    assert len((await completer.complete(at("|", invoked=True))).suggestions) == 3
    answer = await completer.complete(at("|"))
    assert (answer.suggestions, answer.reason) == ((), SkipReason.LOW_CONFIDENCE)
    assert len((await completer.complete(at("|", invoked=True))).suggestions) == 3
    await completer.aclose()


async def test_a_request_that_nobody_asked_for_is_a_question_of_its_own() -> None:
    engine = ScriptedEngine(says(["sum(a)", "len(a)", "max(a)"]), logprob=-0.1)
    completer = Completer(engine, AT_ONCE)
    assert len((await completer.complete(at("x = |\n", invoked=True))).suggestions) == 3
    for _ in range(2):
        assert [item.text for item in (await completer.complete(at("x = |\n"))).suggestions] == ["sum(a)"]
        # Neither forgets the other.
        assert len((await completer.complete(at("x = |\n", invoked=True))).suggestions) == 3
    assert [request.n for request in engine.requests if request.prefix == "x = "] == [3, 1]
    await completer.aclose()


async def test_a_suggestion_the_user_asked_for_stays_while_it_is_typed_however_unsure() -> None:
    completer = Completer(unsure(), AT_ONCE)
    await completer.complete(at("x = |\n", invoked=True))
    for marked, left in [("x = no|\n", "ise()"), ("x = nois|\n", "e()"), ("x = noi|\n", "se()")]:
        assert [item.text for item in (await completer.complete(at(marked))).suggestions] == [left]
    await completer.aclose()


async def test_inside_a_word_a_suggestion_that_was_invoked_shows_only_while_it_is_typed() -> None:
    completer = Completer(ScriptedEngine(says("tal("), logprob=-0.1), AT_ONCE)
    inside = "result = compute_to|values\n"
    assert (await completer.complete(at(inside))).reason is SkipReason.MID_LINE
    assert shown(await completer.complete(at(inside, invoked=True))) == "tal("
    assert (await completer.complete(at(inside))).reason is SkipReason.MID_LINE
    assert shown(await completer.complete(at("result = compute_tota|values\n"))) == "l("
    await completer.aclose()


async def test_an_unsure_answer_that_comes_too_late_for_its_asker_is_not_shown_to_the_next() -> None:
    engine = unsure()
    engine.gate = asyncio.Event()
    completer = Completer(engine, AT_ONCE)
    asker = asyncio.create_task(completer.complete(at("x = |\n", invoked=True)))
    await engine.started.wait()
    typist = asyncio.create_task(completer.complete(at("x = j|\n", version=2)))
    assert (await asker).reason is SkipReason.SUPERSEDED
    engine.gate.set()
    assert (await typist).reason is SkipReason.LOW_CONFIDENCE
    await completer.aclose()


@dataclass
class Notebook(NoDocuments):
    """A notebook whose last cell is completed."""

    cells: list[OpenDocument]

    def cells_before(self, uri: str) -> list[OpenDocument]:
        del uri
        return self.cells


@pytest.mark.parametrize(
    "changed",
    [
        [("#1", 2, "approved = [1]"), ("#2", 1, "print()")],
        [("#2", 1, "print()")],
        [],
        [("#2", 1, "print()"), ("#1", 1, "apples = 3")],
        [("#1", 1, "apples = 3"), ("#2", 1, "print()"), ("#3", 1, "application = 4")],
    ],
)
async def test_a_cell_above_that_changes_makes_another_question(changed: list[tuple[str, int, str]]) -> None:
    engine = ScriptedEngine(lambda request: "les" if "apples" in request.prefix else "roved")
    notebook = Notebook([OpenDocument("#1", "python", 1, "apples = 3"), OpenDocument("#2", "python", 1, "print()")])
    completer = Completer(engine, AT_ONCE, notebook)
    assert shown(await completer.complete(at("app|"))) == "les"
    assert (await completer.complete(at("app|"))).details["reuse"] == "asked here before"
    notebook.cells = [OpenDocument(uri, "python", version, text) for uri, version, text in changed]
    answer = await completer.complete(at("app|"))
    assert "reuse" not in answer.details
    assert shown(answer) == ("les" if any("apples" in text for _, _, text in changed) else "roved")
    await completer.aclose()


async def test_a_cell_that_is_added_above_the_first_makes_another_question() -> None:
    notebook = Notebook([])
    completer = Completer(ScriptedEngine(says("les")), AT_ONCE, notebook)
    await completer.complete(at("app|"))
    notebook.cells = [OpenDocument("#1", "python", 1, "apples = 3")]
    assert "reuse" not in (await completer.complete(at("app|"))).details
    await completer.aclose()


async def test_an_edit_far_from_the_cursor_keeps_the_answer() -> None:
    far = "# a comment\n" * 400
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(far + CODE + far))
    answer = await completer.complete(at("# new\n" + far + typed("a") + far + "# new\n"))
    assert shown(answer) == " + b"
    assert asked(engine) == 1


async def test_the_bracket_the_editor_closes_is_not_doubled() -> None:
    engine = ScriptedEngine(says("(path, mode)"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at("open|\n"))
    typed_on = at("open(|)\n")
    answer = await completer.complete(typed_on)
    assert accept(typed_on, answer) == "open(path, mode)\n"
    assert answer.details["reuse"] == "typed through, and the editor closed a bracket"


async def test_text_behind_the_bracket_the_editor_closed_takes_its_place() -> None:
    engine = ScriptedEngine(says("(path).read()"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at("open|\n"))
    typed_on = at("open(|)\n")
    assert accept(typed_on, await completer.complete(typed_on)) == "open(path).read()\n"


async def test_a_running_generation_is_joined_by_what_was_typed_since() -> None:
    engine = ScriptedEngine(says("alpha + beta"), gate=asyncio.Event(), free_chunks=1)
    completer = Completer(engine, AT_ONCE)
    older = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    newer = asyncio.create_task(completer.complete(at(typed("al"), invoked=False)))
    assert (await older).reason is SkipReason.SUPERSEDED
    assert engine.gate is not None
    engine.gate.set()
    assert shown(await newer) == "pha + beta"
    assert len([request for request in engine.requests if request.prefix.endswith("return ")]) == 1
    assert not any(request.prefix.endswith("return al") for request in engine.requests)


async def test_a_generation_that_turns_out_to_say_something_else_is_replaced() -> None:
    engine = ScriptedEngine(lambda request: "alpha")
    engine.gate, engine.free_chunks = asyncio.Event(), 1
    engine.piece = 1
    completer = Completer(engine, AT_ONCE)
    older = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    newer = asyncio.create_task(completer.complete(at(typed("ax"))))
    assert (await older).reason is SkipReason.SUPERSEDED
    engine.gate.set()
    assert shown(await newer) == "alpha"
    assert engine.requests[0] in engine.closed
    assert any(request.prefix.endswith("return ax") for request in engine.requests)


async def test_a_request_withdrawn_by_the_editor_lends_its_generation_to_the_next_one() -> None:
    engine = ScriptedEngine(says("alpha + beta"), gate=asyncio.Event(), free_chunks=1)
    completer = Completer(engine, AT_ONCE)
    older = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    older.cancel()
    with pytest.raises(asyncio.CancelledError):
        await older
    newer = asyncio.create_task(completer.complete(at(typed("a"))))
    await asyncio.sleep(0)
    assert engine.gate is not None
    engine.gate.set()
    assert shown(await newer) == "lpha + beta"
    assert not any(request.prefix.endswith("return a") for request in engine.requests)


async def test_two_requests_for_one_place_share_one_generation() -> None:
    engine = ScriptedEngine(says("a + b"), gate=asyncio.Event())
    completer = Completer(engine, AT_ONCE)
    popup = asyncio.create_task(completer.complete(at(CODE)))
    ghost = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    assert engine.gate is not None
    engine.gate.set()
    assert shown(await popup) == shown(await ghost) == "a + b"
    assert asked(engine) == 1


async def test_what_follows_an_accepted_suggestion_is_there_before_the_user_asks() -> None:
    def script(request: object) -> str:
        prefix = getattr(request, "prefix", "")
        return "\n    return c\n" if prefix.endswith("a + b") else "a + b"

    engine = ScriptedEngine(script)
    completer = Completer(engine, AT_ONCE)
    code = "def add(a, b):\n    c = |\n"
    await completer.complete(at(code))
    await until(lambda: engine.ended == 2 and completer._inflight.is_idle)
    completer.configure(NEVER)
    answer = await completer.complete(at(typed("a + b\n    ", code)))
    assert shown(answer) == "return c"
    assert answer.details["reuse"] == "computed ahead"


async def test_what_is_computed_ahead_is_filtered_like_anything_else() -> None:
    engine = ScriptedEngine(lambda request: "\n    return c<EOT>\n" if request.prefix.endswith("a + b") else "a + b")
    completer = Completer(engine, AT_ONCE)
    code = "def add(a, b):\n    c = |\n"
    await completer.complete(at(code))
    await until(lambda: engine.ended == 2 and completer._inflight.is_idle)
    assert shown(await completer.complete(at(typed("a + b\n    ", code)))) == "return c"


async def test_looking_ahead_gives_way_to_what_the_user_asks_for() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    engine.gate = asyncio.Event()
    engine.started.clear()
    await engine.started.wait()
    ahead = engine.requests[-1]
    assert ahead.prefix.endswith("a + b")
    asking = asyncio.create_task(completer.complete(at(CODE, uri="file:///b")))
    await until(lambda: len(engine.requests) == 3)
    assert ahead in engine.closed
    engine.gate.set()
    assert shown(await asking) == "a + b"
    await completer.aclose()


async def test_taking_a_suggestion_computes_what_follows_where_that_was_given_up() -> None:
    engine = ScriptedEngine(lambda request: "\n    return c\n" if request.prefix.endswith("a + b") else "a + b")
    completer = Completer(engine, AT_ONCE)
    code = "def add(a, b):\n    c = |\n"
    offered = await completer.complete(at(code))
    await completer.complete(at("x = |\n", uri="file:///b"))  # which comes first
    await until(lambda: completer._inflight.is_idle)
    engine.requests.clear()
    completer.accepted("file:///a", shown(offered))
    await until(lambda: bool(engine.requests) and completer._inflight.is_idle)
    assert [request.prefix for request in engine.requests] == ["def add(a, b):\n    c = a + b"]
    completer.configure(NEVER)
    answer = await completer.complete(at(typed("a + b\n    ", code)))
    assert shown(answer) == "return c"
    completer.accepted("file:///a", "something else")  # by a client that is mistaken
    await completer.aclose()


async def test_behind_a_suggestion_that_was_taken_nobody_waits_for_a_pause() -> None:
    engine = ScriptedEngine(lambda request: "a + b" if request.prefix.endswith("c = ") else "")
    completer = Completer(engine, AT_ONCE)
    code = "def add(a, b):\n    c = |\n"
    offered = await completer.complete(at(code))
    completer.configure(NEVER)
    completer.accepted("file:///a", shown(offered))
    async with asyncio.timeout(5):
        answer = await completer.complete(at(typed("a + b  ", code)))
    assert answer.reason is SkipReason.EMPTY
    await completer.aclose()


async def test_taking_a_word_or_a_line_keeps_the_rest_without_new_work() -> None:
    body = "\n    first = a + b\n    second = a - b\n    return first * second"
    engine = ScriptedEngine(lambda request: body if request.prefix.endswith(":") else "")
    completer = Completer(engine, AT_ONCE)
    code = "def f(a, b):|\r\n"
    whole = body.replace("\n", "\r\n")
    assert shown(await completer.complete(at(code))) == whole
    await until(lambda: completer._inflight.is_idle)
    completer.configure(NEVER)
    asked_before = len(engine.requests)
    for taken in ("\r\n    first", "\r\n    first = ", "\r\n    first = a + b", "\r\n    first = a + b\r\n    second"):
        answer = await completer.complete(at(typed(taken, code)))
        assert shown(answer) == whole.removeprefix(taken)
    assert len(engine.requests) == asked_before
    await completer.aclose()


async def test_a_closed_document_is_forgotten_and_its_request_answered() -> None:
    engine = ScriptedEngine(says("a + b"), gate=asyncio.Event())
    completer = Completer(engine, AT_ONCE)
    waiting = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    completer.closed("file:///a")
    assert (await waiting).reason is SkipReason.SUPERSEDED
    await completer.aclose()
    assert engine.closed == engine.requests


async def test_an_empty_answer_is_remembered_too() -> None:
    engine = ScriptedEngine(says(""))
    completer = Completer(engine, AT_ONCE)
    assert (await completer.complete(at(CODE))).reason is SkipReason.EMPTY
    assert (await completer.complete(at(CODE))).reason is SkipReason.EMPTY
    assert len(engine.requests) == 1


def test_an_answer_made_from_another_document_is_forgotten_when_that_one_changes() -> None:
    view = View.of(at(CODE), 1000, 1000)
    memory = Memory()
    memory.remember(Remembered(view, (Offer("a + b"),), sources=(("file:///b", 3),)))
    assert memory.recall(view, {"file:///b": 3, "file:///c": 9}) is not None
    assert memory.recall(view, {"file:///b": 4}) is None
    assert memory.recall(view, {}) is None


def test_the_memory_is_bounded() -> None:
    memory = Memory(most_entries=3)
    for number in range(10):
        memory.remember(Remembered(View.of(at(f"{number} = |"), 1000, 1000), (Offer("1"),)))
    assert len(memory) == 3
    assert memory.recall(View.of(at("9 = |"), 1000, 1000), {}) is not None
    assert memory.recall(View.of(at("1 = |"), 1000, 1000), {}) is None


def test_the_debounce_follows_the_typist_and_the_model() -> None:
    debounce = Debounce()
    for beat in range(100):
        debounce.key(beat * 0.1)
        debounce.answered(5)
    fast_model = debounce.wait_ms
    for _ in range(100):
        debounce.answered(2000)
    slow_model = debounce.wait_ms
    assert fast_model < 20
    assert 100 < slow_model < 130
    for beat in range(100):
        debounce.key(100 + beat * 0.4)
    assert debounce.wait_ms > slow_model


def test_the_first_answer_tells_more_of_the_model_than_what_was_supposed() -> None:
    debounce = Debounce()
    supposed = debounce.latency_ms
    debounce.answered(supposed / 10)
    assert debounce.latency_ms == pytest.approx(supposed / 10)
    debounce.answered(supposed)  # a later one moves the mean as it always did
    assert debounce.latency_ms == pytest.approx(0.55 * supposed)


def test_a_pause_for_thought_is_no_typing_rhythm() -> None:
    debounce = Debounce()
    before = debounce.interval_ms
    debounce.key(0)
    debounce.key(60)
    assert debounce.interval_ms == before


async def test_popup_by_key_and_ghost_text_at_one_place_are_both_answered() -> None:
    engine = ScriptedEngine(says(["sum(a)", "len(a)"]), logprob=-0.1, gate=asyncio.Event())
    completer = Completer(engine, AT_ONCE)
    popup = asyncio.create_task(completer.complete(at("x = |\n", invoked=True)))
    await engine.started.wait()
    ghost = asyncio.create_task(completer.complete(at("x = |\n")))
    assert engine.gate is not None
    engine.gate.set()
    async with asyncio.timeout(5):
        answers = await asyncio.gather(popup, ghost)
    assert [[item.text for item in answer.suggestions] for answer in answers] == [["sum(a)", "len(a)"], ["sum(a)"]]
    await completer.aclose()
