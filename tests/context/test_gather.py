"""The time that gathering context may take: what comes first, what is told, and how the next request goes on."""

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
from tests.context.test_context import AT_ONCE, HERE, PRICES, SHAPES, Desk
from tests.suggest.scripted import ScriptedEngine, at, says

LATE = ": no time to look through all of it, the next request goes on"
BUDGET = 4000


@dataclass
class Clock:
    """A clock that goes on by ``step_ms`` each time somebody looks at it."""

    step_ms: float
    now_s: float = 0.0

    def __call__(self) -> float:
        self.now_s += self.step_ms / 1000
        return self.now_s


@pytest.fixture(autouse=True)
def hurry(patience: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del patience
    monkeypatch.setattr(gather, "MOST_MS", 50.0)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.py").write_text(f"def {name}(basket, discount): ...\n")
    (tmp_path / "near.py").write_text(SHAPES.replace("Circle", "Near"))
    documents = []
    for number in range(5):
        path = tmp_path / f"shapes{number}.py"
        documents.append(OpenDocument(path.as_uri(), "python", 1, SHAPES.replace("Circle", f"Circle{number}")))
    return Desk(documents, folders=[tmp_path])


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
async def gatherer(clock: Clock) -> AsyncIterator[Gatherer]:
    found = Gatherer(clock)
    yield found
    await found.aclose()


IMPORTS = "from one import one\nfrom two import two\nfrom three import three\n"


def gathered(gatherer: Gatherer, desk: Desk, *, is_invoked: bool = False, text: str = IMPORTS + HERE) -> Context:
    uri = (desk.folders[0] / "main.py").as_uri()
    view = replace(View.of(at(text, uri=uri), 8000, 2000), is_invoked=is_invoked)
    return gatherer.gather(view, desk, Settings(), Privacy(()), BUDGET)


def rounds(gatherer: Gatherer, desk: Desk) -> Iterator[Context]:
    for _ in range(100):
        context = gathered(gatherer, desk)
        yield context
        if not context.is_cut:
            return


async def test_without_time_nothing_is_looked_at_and_every_source_is_named(
    gatherer: Gatherer, clock: Clock, desk: Desk
) -> None:
    clock.step_ms = 51
    context = gathered(gatherer, desk)
    assert context.items == ()
    assert context.is_cut
    assert context.withheld == (f"open documents{LATE}", f"imports{LATE}", f"workspace{LATE}")


async def test_with_time_enough_nothing_is_cut_and_the_choice_is_kept(gatherer: Gatherer, desk: Desk) -> None:
    context = gathered(gatherer, desk)
    assert not context.is_cut
    assert context.withheld == ()
    assert [source.kind for source in context.sources] == ["import"] * 3 + ["similar"] * 5
    assert gathered(gatherer, desk) is context


async def test_the_next_request_goes_on_until_all_is_there_as_if_there_had_been_time(
    gatherer: Gatherer, clock: Clock, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = Gatherer(Clock(0.0))
    expected = gathered(patient, desk)
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
    contexts = list(rounds(gatherer, desk))
    assert len(contexts) > 5
    assert contexts[-1] == expected
    sizes = [len(context.items) for context in contexts]
    assert sizes == sorted(sizes)


async def test_what_was_cut_is_not_kept(gatherer: Gatherer, clock: Clock, desk: Desk) -> None:
    clock.step_ms = 5
    assert gathered(gatherer, desk).is_cut
    clock.step_ms = 0
    context = gathered(gatherer, desk)
    assert not context.is_cut
    assert len(context.items) == 8


async def test_the_most_valuable_comes_first(desk: Desk) -> None:
    seen: list[list[str]] = []
    for step_ms in (9.0, 4.0, 3.0, 2.0, 1.0, 0.0):
        fresh = Gatherer(Clock(step_ms))
        kinds = [source.kind for source in gathered(fresh, desk).sources]
        await fresh.aclose()
        seen.append(kinds)
    assert all(shorter == longer[: len(shorter)] for shorter, longer in itertools.pairwise(seen))
    assert len({len(kinds) for kinds in seen}) > 3


async def test_who_asks_waits_longer(gatherer: Gatherer, clock: Clock, desk: Desk) -> None:
    clock.step_ms = 2
    assert gathered(gatherer, desk).is_cut
    assert not gathered(gatherer, desk, is_invoked=True).is_cut


async def test_a_document_that_was_not_checked_against_the_rules_is_not_shown(
    gatherer: Gatherer, clock: Clock, desk: Desk
) -> None:
    secret = OpenDocument((desk.folders[0] / "secret.py").as_uri(), "python", 1, SHAPES)
    desk = replace(desk, documents=[*desk.documents, secret])
    clock.step_ms = 12  # enough for three of the six
    context = gathered(gatherer, desk, text=HERE)
    assert context.items == ()
    assert context.is_cut


async def test_the_explanation_says_that_the_time_ran_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "prices.py").write_text(PRICES)
    completer = Completer(ScriptedEngine(says("x")), AT_ONCE, Desk(folders=[tmp_path]))
    here = at("from prices import price_of\n\nx = |\n", uri=(tmp_path / "main.py").as_uri())
    monkeypatch.setattr(gather, "MOST_MS", -1.0)
    explanation = await completer.explain(here)
    assert explanation.withheld == (f"imports{LATE}", f"workspace{LATE}")
    assert f"  withheld: imports{LATE}" in explanation.to_text()
    monkeypatch.setattr(gather, "MOST_MS", 60_000.0)
    # At another place, since the same one is explained from the answer that was given there.
    explanation = await completer.explain(replace(here, text=here.text + "\n", version=2, offset=here.offset - 1))
    assert [source["path"] for source in explanation.sources] == ["prices.py"]
    assert explanation.withheld == ()
    await completer.aclose()


def test_once_there_is_no_time_there_is_none_for_anything() -> None:
    clock = Clock(0.0)
    allowance = TimeBudget(50, clock)
    assert allowance.allows("imports")
    clock.now_s = 0.051
    assert not allowance.allows("imports")
    clock.now_s = 0.0
    assert not allowance.for_source("workspace")()
    assert allowance.missing == ("imports", "workspace")
