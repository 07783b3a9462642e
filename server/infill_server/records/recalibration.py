"""The show-model as it fits what became of earlier suggestions on this machine."""

from __future__ import annotations

import logging
import time

from infill_completion.suggest.showing.show_model import ShowModel
from infill_server.records.database import RecordsDatabase, RecordsError
from infill_server.records.row import SuggestionOutcome, SuggestionRow

log = logging.getLogger(__name__)

# Habits change, and so do models.
NEWEST, MOST_AGE_S = 2000, 90 * 24 * 3600
_RIGHT = frozenset({SuggestionOutcome.ACCEPTED, SuggestionOutcome.TYPED})
_WRONG = frozenset({SuggestionOutcome.TYPED_OVER, SuggestionOutcome.UNDONE})


def recalibrated_show_model(database: RecordsDatabase | None = None) -> ShowModel | None:
    """Return the show-model of this machine; None if there is nothing to learn from, or it cannot be read.

    Reads the database, so it is called outside the event loop.
    """
    try:
        rows = (database or RecordsDatabase()).rows(time.time() - MOST_AGE_S, NEWEST)
    except RecordsError as error:
        log.info("the show-model stays as it ships: %s", error)
        return None
    seen = [verdict for row in rows if (verdict := _verdict(row)) is not None]
    return ShowModel.shipped().recalibrated(seen) if seen else None


def _verdict(row: SuggestionRow) -> tuple[float, bool] | None:
    """Return the probability that a suggestion had, and whether it was right; None if that is not known.

    What was ignored may have been right.
    """
    if row.estimate is None or row.trigger != "automatic":
        return None
    if row.outcome in _RIGHT or row.outcome in _WRONG:
        return row.estimate, row.outcome in _RIGHT
    if row.outcome is SuggestionOutcome.PARTLY:
        return row.estimate, 2 * row.taken_characters >= row.characters
    return None
