"""Answers stay valid while other documents change, as long as the excerpts that they were made from are the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infill_completion.context import gather
from infill_completion.context.gathering import Gathering
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_completion.suggest.reuse.memory import Offer
from tests.context.test_context import HERE, SHAPES, EditorDocuments, opened
from tests.suggest.scripted import LocalScriptedEngine, ScriptedEngine, at, is_idle, says, until
from tests.suggest.typist import AT_ONCE

FAR = "\n".join(f"name_{number} = {number}" for number in range(200))


@pytest.mark.parametrize(
    ("change", "requests"),
    [
        ((f"{FAR}\n", f"{FAR}\nlast = 1\n"), 1),
        (("def area", "def surface"), 2),
        (("class Circle", "class Disc"), 2),
    ],
)
async def test_an_answer_is_known_while_its_excerpts_are_the_same(change: tuple[str, str], requests: int) -> None:
    editor = EditorDocuments([opened("shapes.py", f"{SHAPES}\n\n{FAR}\n")])
    engine = ScriptedEngine(says("self.radius"))
    completer = Completer(engine, AT_ONCE, editor)
    await completer.complete(at(HERE))
    assert engine.requests[0].context
    edited = editor.documents[0].text.replace(*change)
    assert edited != editor.documents[0].text
    editor.documents = [opened("shapes.py", edited, version=2)]
    answer = await completer.complete(at(HERE))
    assert [suggestion.text for suggestion in answer.suggestions] == ["self.radius"]
    assert len([request for request in engine.requests if not request.prefix.endswith("self.radius")]) == requests
    await completer.aclose()


async def test_an_answer_is_forgotten_with_a_document_in_its_prompt() -> None:
    editor = EditorDocuments([opened("shapes.py", SHAPES)])
    engine = ScriptedEngine(says("self.radius"))
    completer = Completer(engine, AT_ONCE, editor)
    await completer.complete(at(HERE))
    editor.documents = []
    await completer.complete(at(HERE))
    assert [len(request.context) for request in engine.requests if request.prefix.endswith("return ")] == [1, 0]
    await completer.aclose()


async def test_a_key_gathers_once_for_all_answers_that_may_be_outdated(monkeypatch: pytest.MonkeyPatch) -> None:
    editor = EditorDocuments([opened("shapes.py", SHAPES)])
    completer = Completer(ScriptedEngine(says("self.radius")), AT_ONCE, editor)
    await completer.complete(at(HERE))
    history = completer._history
    first = history.recall(completer._requests.view(at(HERE)))
    assert first is not None
    for typed in range(1, 6):
        view = completer._requests.view(at(HERE.replace("|", "self.radius"[:typed] + "|")))
        history._memory.remember(replace(first.entry, view=view, offers=(Offer("self.radius"[typed:]),)))
    editor.documents = [opened("shapes.py", SHAPES.replace("def area", "def surface"), version=2)]
    made: list[Gathering] = []

    def recorded(*args: object) -> Gathering:
        made.append(Gathering(*args))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(gather, "Gathering", recorded)
    monkeypatch.setattr(gather, "MAX_MS", 0.0)
    assert history.recall(completer._requests.view(at(HERE.replace("|", "self.r|")))) is None
    assert len(made) == 1
    await completer.aclose()


@pytest.mark.parametrize(("ahead", "gathered"), [("always", ["file:///project/first.py"]), ("never", [])])
async def test_after_a_line_the_context_of_the_last_document_is_gathered_again(
    ahead: str, gathered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def recorded(*args: object) -> Gathering:
        made = Gathering(*args)  # type: ignore[arg-type]
        seen.append(made.view.uri)
        return made

    monkeypatch.setattr(gather, "Gathering", recorded)
    editor = EditorDocuments([opened("first.py", SHAPES), opened("second.py", SHAPES)])
    settings = Settings(completion=CompletionSettings(debounce_ms=0, ahead=ahead))
    completer = Completer(LocalScriptedEngine(), settings, editor)
    await completer.complete(at(HERE, uri="file:///project/first.py"))
    await until(lambda: is_idle(completer))
    for version, written in enumerate(("x = 1\n|", "x = 1\n |", "x = 1\n  |"), start=2):
        editor.documents = [editor.documents[0], replace(editor.documents[1], version=version)]
        await completer.complete(at(written, uri="file:///project/second.py"))
        await until(lambda: is_idle(completer))
    assert seen.count("file:///project/first.py") == 1 + len(gathered)
    await completer.aclose()
