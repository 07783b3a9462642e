"""The time for gathering context: the order of the sources, what is reported, and how the next request continues."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from infill_completion.context import Context, Gatherer, gather, nearby, similar
from infill_completion.context.imports import files as reading
from infill_completion.context.signatures import outline
from infill_completion.context.time_budget import TimeBudget
from infill_completion.document.view import View
from infill_completion.document.workspace import OpenDocument
from infill_completion.privacy.rules import Privacy
from infill_completion.settings import Settings
from infill_completion.suggest.completer import Completer
from tests.context.test_context import AT_ONCE, HERE, PRICES, SHAPES, EditorDocuments
from tests.suggest.scripted import ScriptedEngine, at, says

LATE = ": not searched completely in time; the next request continues"
BUDGET = 4000


@dataclass
class Clock:
    """A clock that advances by ``step_ms`` each time it is read."""

    step_ms: float
    now_s: float = 0.0

    def __call__(self) -> float:
        self.now_s += self.step_ms / 1000
        return self.now_s


@pytest.fixture(autouse=True)
def hurry(patience: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del patience
    monkeypatch.setattr(gather, "MAX_MS", 50.0)


@pytest.fixture
def editor(tmp_path: Path) -> EditorDocuments:
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.py").write_text(f"def {name}(basket, discount): ...\n")
    (tmp_path / "near.py").write_text(SHAPES.replace("Circle", "Near"))
    documents = []
    for number in range(5):
        path = tmp_path / f"shapes{number}.py"
        documents.append(OpenDocument(path.as_uri(), "python", 1, SHAPES.replace("Circle", f"Circle{number}")))
    return EditorDocuments(documents, folders=[tmp_path])


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
async def gatherer(clock: Clock) -> AsyncIterator[Gatherer]:
    found = Gatherer(clock)
    yield found
    await found.aclose()


IMPORTS = "from one import one\nfrom two import two\nfrom three import three\n"


def gathered(
    gatherer: Gatherer, editor: EditorDocuments, *, is_invoked: bool = False, text: str = IMPORTS + HERE
) -> Context:
    uri = (editor.folders[0] / "main.py").as_uri()
    view = replace(View.of(at(text, uri=uri), 8000, 2000), is_invoked=is_invoked)
    return gatherer.gather(view, editor, Settings(), Privacy(()), BUDGET)


def rounds(gatherer: Gatherer, editor: EditorDocuments) -> Iterator[Context]:
    for _ in range(100):
        context = gathered(gatherer, editor)
        yield context
        if not context.is_cut:
            return


async def test_without_time_nothing_is_searched_and_every_source_is_named(
    gatherer: Gatherer, clock: Clock, editor: EditorDocuments
) -> None:
    clock.step_ms = 51
    context = gathered(gatherer, editor)
    assert context.items == ()
    assert context.is_cut
    assert context.withheld == (f"open documents{LATE}", f"imports{LATE}", f"workspace{LATE}")


async def test_with_enough_time_nothing_is_cut_and_the_choice_is_kept(
    gatherer: Gatherer, editor: EditorDocuments
) -> None:
    context = gathered(gatherer, editor)
    assert not context.is_cut
    assert context.withheld == ()
    assert [source.kind for source in context.sources] == ["import"] * 3 + ["similar"] * 5
    assert gathered(gatherer, editor) is context


async def test_later_requests_continue_until_the_choice_is_the_one_without_a_limit(
    gatherer: Gatherer, clock: Clock, editor: EditorDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = Gatherer(Clock(0.0))
    expected = gathered(patient, editor)
    await patient.aclose()

    def slow(module: object, name: str) -> None:
        work = getattr(module, name)

        def worked(*args: object) -> object:
            clock.now_s += 0.03
            return work(*args)

        monkeypatch.setattr(module, name, worked)

    slow(reading, "read_source")
    slow(outline, "_signatures_of")
    slow(similar, "_most_similar")
    slow(nearby, "_document")
    contexts = list(rounds(gatherer, editor))
    assert len(contexts) > 5
    assert contexts[-1] == expected
    sizes = [len(context.items) for context in contexts]
    assert sizes == sorted(sizes)


async def test_a_choice_that_was_cut_is_not_kept(gatherer: Gatherer, clock: Clock, editor: EditorDocuments) -> None:
    clock.step_ms = 5
    assert gathered(gatherer, editor).is_cut
    clock.step_ms = 0
    context = gathered(gatherer, editor)
    assert not context.is_cut
    assert len(context.items) == 8


async def test_the_most_valuable_sources_come_first(editor: EditorDocuments) -> None:
    seen: list[list[str]] = []
    for step_ms in (9.0, 4.0, 3.0, 2.0, 1.0, 0.0):
        fresh = Gatherer(Clock(step_ms))
        kinds = [source.kind for source in gathered(fresh, editor).sources]
        await fresh.aclose()
        seen.append(kinds)
    assert all(shorter == longer[: len(shorter)] for shorter, longer in itertools.pairwise(seen))
    assert len({len(kinds) for kinds in seen}) > 3


async def test_an_invoked_request_may_take_longer(gatherer: Gatherer, clock: Clock, editor: EditorDocuments) -> None:
    clock.step_ms = 2
    assert gathered(gatherer, editor).is_cut
    assert not gathered(gatherer, editor, is_invoked=True).is_cut


async def test_a_document_that_was_not_checked_against_the_rules_is_not_shown(
    gatherer: Gatherer, clock: Clock, editor: EditorDocuments
) -> None:
    secret = OpenDocument((editor.folders[0] / "secret.py").as_uri(), "python", 1, SHAPES)
    editor = replace(editor, documents=[*editor.documents, secret])
    clock.step_ms = 12  # enough for three of the six
    context = gathered(gatherer, editor, text=HERE)
    assert context.items == ()
    assert context.is_cut


async def test_the_explanation_reports_that_the_time_ran_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "prices.py").write_text(PRICES)
    completer = Completer(ScriptedEngine(says("x")), AT_ONCE, EditorDocuments(folders=[tmp_path]))
    here = at("from prices import price_of\n\nx = |\n", uri=(tmp_path / "main.py").as_uri())
    monkeypatch.setattr(gather, "MAX_MS", -1.0)
    explanation = await completer.explain(here)
    assert explanation.withheld == (f"imports{LATE}", f"workspace{LATE}")
    assert f"  withheld: imports{LATE}" in explanation.to_text()
    monkeypatch.setattr(gather, "MAX_MS", 60_000.0)
    # At another offset, since the explanation of the same one would come from its earlier answer.
    explanation = await completer.explain(replace(here, text=here.text + "\n", version=2, offset=here.offset - 1))
    assert [source["path"] for source in explanation.sources] == ["prices.py"]
    assert explanation.withheld == ()
    await completer.aclose()


def test_once_the_time_has_run_out_no_source_gets_any() -> None:
    clock = Clock(0.0)
    allowance = TimeBudget(50, clock)
    assert allowance.allows("imports")
    clock.now_s = 0.051
    assert not allowance.allows("imports")
    clock.now_s = 0.0
    assert not allowance.for_source("workspace")()
    assert allowance.missing == ("imports", "workspace")


@pytest.mark.parametrize(
    ("name", "language"),
    [
        (".git/COMMIT_EDITMSG", "git-commit"),
        (".git/COMMIT_EDITMSG", "plaintext"),
        (".git/MERGE_MSG", "gitcommit"),
        (".git/rebase-merge/git-rebase-todo", "git-rebase"),
        ("fix.patch", "plaintext"),
        ("Fix.DIFF", "diff"),
        ("untitled-1", "diff"),
    ],
)
async def test_a_commit_message_and_a_patch_are_no_context_for_other_files(
    tmp_path: Path, name: str, language: str
) -> None:
    text = 'Connect\n\n+DATABASE_HOST = "db"\n+def connect_database(host, DATABASE_PIN): ...\n'
    here = "connection = connect_database(DATABASE_HOST, DATABASE_PIN)\ndatabase = |\n"
    for shown_name, shown_language, count in ((name, language, 0), ("other.py", "python", 1)):
        draft = OpenDocument((tmp_path / shown_name).as_uri(), shown_language, 1, text)
        engine = ScriptedEngine(says("q"))
        completer = Completer(engine, Settings(), EditorDocuments([draft], folders=[tmp_path]))
        await completer.complete(at(here, uri=(tmp_path / "main.py").as_uri(), invoked=True))
        assert len(engine.requests[0].context) == count
        await completer.aclose()


async def test_a_commit_message_is_completed_itself_with_its_secrets_masked(tmp_path: Path) -> None:
    engine = ScriptedEngine(says("q"))
    completer = Completer(engine, Settings(), EditorDocuments(folders=[tmp_path]))
    message = "Use |\n# ---- >8 ----\ndiff --git a/.env b/.env\n-DB_PASSWORD=hunter2!old\n+DB_PASSWORD=hunter2!new\n"
    uri = (tmp_path / ".git" / "COMMIT_EDITMSG").as_uri()
    await completer.complete(at(message, "git-commit", uri=uri, invoked=True))
    [request, *_] = engine.requests
    assert "DB_PASSWORD=***" in str(request.suffix)
    assert "hunter2" not in str(request.suffix)
    await completer.aclose()


async def test_whoever_comes_back_from_another_document_finds_the_context_ready(
    gatherer: Gatherer, clock: Clock, editor: EditorDocuments
) -> None:
    first = gathered(gatherer, editor)
    edited = replace(editor.documents[0], version=2, text=SHAPES.replace("area", "surface"))
    here = OpenDocument((editor.folders[0] / "main.py").as_uri(), "python", 1, IMPORTS + HERE)
    editor.documents = [here, edited, *editor.documents[1:]]
    assert len(list(gatherer.gather_elsewhere(edited.uri, editor, Settings(), Privacy(()), BUDGET))) == 1
    clock.step_ms, before_s = 1, clock.now_s
    context = gathered(gatherer, editor)
    assert clock.now_s == before_s
    assert context != first
    fresh = Gatherer(Clock(0.0))
    assert context == gathered(fresh, editor)
    await fresh.aclose()


async def test_gathering_for_other_documents_forgets_none_of_them(gatherer: Gatherer, editor: EditorDocuments) -> None:
    editor.folders = []  # no other files
    here = OpenDocument("file:///here.py", "python", 1, "ours = 1\n")
    away = OpenDocument("file:///away.py", "python", 1, f"theirs = 1\n{SHAPES}")
    editor.documents = [here, away]
    for document in (away, here):
        view = View.of(at(HERE, uri=document.uri), 8000, 2000)
        gatherer.gather(view, editor, Settings(), Privacy(()), BUDGET)
    editor.documents = [replace(here, version=2), away]
    assert len(list(gatherer.gather_elsewhere(here.uri, editor, Settings(), Privacy(()), BUDGET))) == 1
    assert gatherer.knows("theirs", here.uri)
    assert not gatherer.knows("ours", here.uri)
    assert gatherer.knows("ours", away.uri)


async def test_only_the_last_documents_are_kept_up_to_date(gatherer: Gatherer, editor: EditorDocuments) -> None:
    editor.documents = [replace(editor.documents[0], uri=f"file:///{number}.py") for number in range(9)]
    for document in editor.documents:
        view = View.of(at(HERE, uri=document.uri), 8000, 2000)
        gatherer.gather(view, editor, Settings(), Privacy(()), BUDGET)
    elsewhere = gatherer.gather_elsewhere("file:///0.py", editor, Settings(), Privacy(()), BUDGET)
    assert len(list(elsewhere)) == gather.MOST_ELSEWHERE
