"""The show-model learns from what became of suggestions on this machine."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from infill_completion.suggest.showing.features import logit
from infill_completion.suggest.showing.show_model import ShowModel
from infill_server.records.database import RecordsDatabase
from infill_server.records.recalibration import recalibrated_show_model
from infill_server.records.row import SuggestionOutcome, SuggestionRow

ROW = SuggestionRow(
    int(time.time()) - 60, "python", "org/model", "inline", "automatic", "engine", 12.5, -0.5, None, 8, 1
)  # fmt: skip
RIGHT, WRONG = SuggestionOutcome.ACCEPTED, SuggestionOutcome.TYPED_OVER


@pytest.fixture
def database(tmp_path: Path) -> RecordsDatabase:
    return RecordsDatabase(tmp_path / "suggestions.sqlite3")


def learnt(database: RecordsDatabase, *outcomes: SuggestionOutcome, **changes: object) -> ShowModel | None:
    """Return the show-model after suggestions that had an even chance."""
    changes = {"estimate": 0.5, **changes}
    database.put([replace(ROW, outcome=outcome, id=number, **changes) for number, outcome in enumerate(outcomes)])  # type: ignore[arg-type]
    return recalibrated_show_model(database)


def even(model: ShowModel | None) -> float:
    """Return what the model says where the shipped one says one half."""
    assert model is not None
    return model.shift + model.slope * logit(0.5)


@pytest.mark.parametrize(
    ("right", "wrong", "least", "most"),
    [
        (400, 100, 1.0, 1.5),  # four of five were right: the logit of 0.8 is 1.39
        (100, 400, -1.5, -1.0),
        (250, 250, -0.01, 0.01),
        (0, 2000, -1.5, -1.5),  # bounded
        (4, 1, 0.0, 0.15),  # a few say little
    ],
)
def test_it_moves_to_what_was_right_here(
    database: RecordsDatabase, right: int, wrong: int, least: float, most: float
) -> None:
    assert least <= even(learnt(database, *[RIGHT] * right, *[WRONG] * wrong)) <= most


@pytest.mark.parametrize(
    ("outcome", "changes", "direction"),
    [
        (SuggestionOutcome.TYPED, {}, 1),
        (SuggestionOutcome.UNDONE, {}, -1),
        (SuggestionOutcome.PARTLY, {"taken_characters": 7}, 1),
        (SuggestionOutcome.PARTLY, {"taken_characters": 1}, -1),
    ],
)
def test_what_counts_as_right(
    database: RecordsDatabase, outcome: SuggestionOutcome, changes: dict[str, object], direction: int
) -> None:
    assert even(learnt(database, *[outcome] * 100, **changes)) * direction > 0.3


@pytest.mark.parametrize(
    "changes",
    [{"estimate": None}, {"trigger": "invoked"}, {"outcome": SuggestionOutcome.IGNORED}, {"time_s": 1_000_000_000}],
)
def test_what_says_nothing_is_left_out(database: RecordsDatabase, changes: dict[str, object]) -> None:
    database.put([replace(ROW, **{"outcome": RIGHT, "estimate": 0.5, **changes})])  # type: ignore[arg-type]
    assert recalibrated_show_model(database) is None


def test_a_model_that_is_too_sure_becomes_less_so(database: RecordsDatabase) -> None:
    rows = []
    for number in range(1000):
        estimate, is_right = (0.9, number % 10 < 7) if number % 2 else (0.1, number % 10 < 3)
        rows.append(replace(ROW, id=number, estimate=estimate, outcome=RIGHT if is_right else WRONG))
    database.put(rows)
    model = recalibrated_show_model(database)
    assert model is not None
    assert 0.5 <= model.slope < 0.8


def test_nothing_and_a_damaged_database_leave_it_as_it_ships(database: RecordsDatabase) -> None:
    assert recalibrated_show_model(database) is None
    database.path.write_text("hello " * 100)
    assert recalibrated_show_model(database) is None


@pytest.mark.parametrize(("days", "counts"), [(89, True), (91, False)])
def test_only_the_last_ninety_days_count(database: RecordsDatabase, days: int, counts: bool) -> None:
    model = learnt(database, *[RIGHT] * 50, time_s=int(time.time()) - days * 24 * 3600)
    assert (model is not None) is counts


def test_only_the_last_two_thousand_count(database: RecordsDatabase) -> None:
    before = [
        replace(ROW, outcome=RIGHT, id=2000 + number, time_s=ROW.time_s - 60, estimate=0.5) for number in range(2000)
    ]
    database.put(before)
    assert even(learnt(database, *[WRONG] * 2000)) == -1.5  # bounded
