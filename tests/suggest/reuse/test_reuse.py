"""How often a typing user makes the engine work."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from infill_completion.document.snapshot import SkipReason
from infill_completion.document.view import View
from infill_completion.document.window import Window
from infill_completion.document.workspace import NoDocuments, OpenDocument
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_completion.suggest.reuse import memory as memory_module
from infill_completion.suggest.reuse.change import Change, change_between
from infill_completion.suggest.reuse.memory import Memory, Offer, Remembered, remaining_offers
from tests.suggest.scripted import ScriptedEngine, accept, at, is_idle, says, until
from tests.suggest.typist import AT_ONCE, CODE, NEVER, count_requests, shown, typed


async def test_typing_the_suggestion_needs_neither_engine_nor_debounce() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    assert shown(await completer.complete(at(CODE))) == "a + b"
    completer.configure(NEVER)
    for text, left in [("a", " + b"), ("a ", "+ b"), ("a +", " b"), ("a + ", "b")]:
        answer = await completer.complete(at(typed(text)))
        assert shown(answer) == left
        assert answer.details["reuse"] == "typed through"
    assert count_requests(engine) == 1


async def test_backspace_brings_back_what_was_shown() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    assert shown(await completer.complete(at(typed("a +")))) == " b"
    assert shown(await completer.complete(at(typed("a")))) == " + b"
    assert shown(await completer.complete(at(CODE))) == "a + b"
    assert count_requests(engine) == 1


async def test_backspace_to_where_nothing_was_asked_asks_the_engine() -> None:
    engine = ScriptedEngine(lambda request: "ew = 2" if request.prefix == "n" else "me = 1")
    completer = Completer(engine, AT_ONCE)
    assert shown(await completer.complete(at("na|\n"))) == "me = 1"
    assert shown(await completer.complete(at("n|\n"))) == "ew = 2"
    await completer.aclose()


async def test_a_cursor_that_returns_finds_its_suggestion() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    await completer.complete(at(CODE.replace("|", "") + "x = |"))
    await completer.complete(at("y = |\n", uri="file:///b"))
    await until(lambda: is_idle(completer))
    completer.configure(NEVER)
    answer = await completer.complete(at(CODE))
    assert shown(answer) == "a + b"
    assert answer.details["reuse"] == "asked here before"
    await completer.aclose()


async def test_a_different_text_makes_a_new_request() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    await completer.complete(at(typed("x")))
    assert count_requests(engine) == 2


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("print(add(1, 2))", "print(add(3, 4))"),
        CODE.replace("def add(a, b)", "def add(a, b, c)"),
    ],
)
async def test_a_change_near_the_cursor_makes_a_new_request(other: str) -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    await completer.complete(at(other))
    assert count_requests(engine) == 2


async def test_the_same_text_in_another_document_makes_a_new_request() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    await completer.complete(at(CODE, uri="file:///b"))
    assert count_requests(engine) == 2


async def test_changed_settings_forget_earlier_answers() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    completer.configure(Settings(completion=CompletionSettings(debounce_ms=0, temperature=0.5)))
    await completer.complete(at(CODE))
    assert count_requests(engine) == 2


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
async def test_a_changed_cell_above_makes_a_new_request(changed: list[tuple[str, int, str]]) -> None:
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


async def test_a_cell_added_above_the_first_makes_a_new_request() -> None:
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
    assert count_requests(engine) == 1


async def test_the_bracket_the_editor_closes_is_not_doubled() -> None:
    engine = ScriptedEngine(says("(path, mode)"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at("open|\n"))
    typed_on = at("open(|)\n")
    answer = await completer.complete(typed_on)
    assert accept(typed_on, answer) == "open(path, mode)\n"
    assert answer.details["reuse"] == "typed through, and the editor closed a bracket"


async def test_text_after_the_bracket_that_the_editor_closed_replaces_it() -> None:
    engine = ScriptedEngine(says("(path).read()"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at("open|\n"))
    typed_on = at("open(|)\n")
    assert accept(typed_on, await completer.complete(typed_on)) == "open(path).read()\n"


async def test_an_empty_answer_is_remembered_too() -> None:
    engine = ScriptedEngine(says(""))
    completer = Completer(engine, AT_ONCE)
    assert (await completer.complete(at(CODE))).reason is SkipReason.EMPTY
    assert (await completer.complete(at(CODE))).reason is SkipReason.EMPTY
    assert len(engine.requests) == 1


def test_an_answer_is_forgotten_when_its_prompt_would_be_another_one() -> None:
    view = View.of(at(CODE), 1000, 1000)
    memory, entry = Memory(), Remembered(view, (Offer("a + b"),), sources=(("file:///b", 3),))
    memory.remember(entry)
    assert memory.recall(view, lambda asked: asked is entry) is not None
    assert memory.recall(view, lambda _: False) is None


def test_the_memory_is_bounded() -> None:
    memory = Memory(most_entries=3)
    for number in range(10):
        memory.remember(Remembered(View.of(at(f"{number} = |"), 1000, 1000), (Offer("1"),)))
    assert len(memory) == 3
    assert memory.recall(View.of(at("9 = |"), 1000, 1000)) is not None
    assert memory.recall(View.of(at("1 = |"), 1000, 1000)) is None


def test_every_entry_that_fits_is_found() -> None:
    """The memory must find what a comparison with all entries finds, in texts that repeat themselves, too."""
    draw = random.Random(13)
    compared = found = 0
    for _ in range(3000):
        piece = draw.choice(["ab", "a", "if a:\n    a\n", "    pass\n", "(", "x = '' "])
        typed = draw.choice(["", "a", "ab", piece, piece * 9, "\n", "a)\n" * 4, "(", "b"])
        before = draw.choice(["", "b\n"]) + piece * draw.choice([0, 1, 3, 30, 300])
        closed = ")" if typed == "(" and draw.random() < 0.5 else ""
        offers = tuple(Offer(draw.choice([typed, "", piece]) + draw.choice([typed, piece, "c", "c)"])) for _ in "12")
        budget = draw.choice([100, 1000, 4000])
        old = View.of(at(f"{before}|b\n"), budget, budget)
        new = View.of(at(f"{before}{typed}|{closed}b\n"), budget, budget)
        memory = Memory()
        memory.remember(Remembered(View.of(at("long = |"), 100, 100), (Offer("c" * draw.choice([1, 500])),)))
        memory.remember(Remembered(old, offers))
        recalled = memory.recall(new)
        change = change_between(old.window, new.window)
        fits = change is not None and not change.deleted
        expected = remaining_offers(old, offers, new) if fits else ()
        assert (recalled.offers if recalled else ()) == expected
        compared, found = compared + 1, found + bool(expected)
    assert compared * 0.2 < found < compared * 0.9


@pytest.mark.parametrize("entries", [4, 250])
def test_a_recall_compares_only_what_was_asked_where_the_user_may_have_begun_to_type(
    entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def counting(old: Window, new: Window) -> Change | None:
        compared.append(old.before)
        return change_between(old, new)

    monkeypatch.setattr(memory_module, "change_between", counting)
    memory = Memory()
    for number in range(entries // 2):
        view = View.of(at(f"names = []\nname_{number} = |"), 1000, 1000)
        memory.remember(Remembered(view, (Offer("value + 1"),)))
        memory.remember(Remembered(View.of(at(f"other_{number} = |", uri="file:///b"), 1000, 1000), (Offer("b"),)))
    for text in ("", "v", "value"):
        recalled = memory.recall(View.of(at(f"names = []\nname_1 = {text}|"), 1000, 1000))
        assert recalled is not None
        assert recalled.offers == (Offer("value + 1"[len(text) :]),)
    assert compared == ["name_1 = "] * 3
    assert memory.recall(View.of(at("names = []\nname_1 = other|"), 1000, 1000)) is None


def test_what_is_computed_ahead_is_ranked_when_it_is_needed() -> None:
    view, made = View.of(at("x = |"), 1000, 1000), []

    def make() -> Remembered:
        made.append(view)
        return Remembered(view, (Offer("1"),))

    memory = Memory()
    memory.remember_later(view, 10, make)
    for elsewhere in ("y = |", "x =|", "x = other words|"):
        assert memory.recall(View.of(at(elsewhere), 1000, 1000)) is None
    assert not made
    for _ in range(2):
        assert memory.recall(view) is not None
    assert len(made) == 1
    memory.forget(view.uri)
    assert not len(memory)
