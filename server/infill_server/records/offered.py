"""An answer as a client gets it, with what may be recorded of it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from infill_completion.document.snapshot import Answer, Snapshot
from infill_server.lsp.replacement import Location
from infill_server.records.row import SuggestionRow, language_label, model_label


@dataclass(frozen=True)
class Offered:
    """An answer.

    Attributes:
        uri: The document.
        cursor: Where the suggestions begin.
        texts: The suggestions from there on, best first; none if there is no suggestion.
        row: The first of them for the database.
    """

    uri: str
    cursor: Location
    texts: tuple[str, ...]
    row: SuggestionRow | None

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        answer: Answer,
        cursor: Location,
        *,
        face: str,
        model: str,
        source: str,
        latency_ms: float,
    ) -> Offered:
        """Return the answer to ``snapshot``.

        Args:
            snapshot: The request.
            answer: What the client gets.
            cursor: Its cursor as line and column.
            face: ``inline`` or ``popup``.
            model: The model's name as the engine has it.
            source: Where the answer came from.
            latency_ms: Milliseconds from the request to the answer.
        """
        texts = tuple(text for one in answer.suggestions if (text := _from_cursor(one.text, one.start, snapshot)))
        if not texts:
            return cls(snapshot.uri, cursor, (), None)
        confidence, estimate = answer.suggestions[0].confidence, answer.details.get("estimate")
        row = SuggestionRow(
            time_s=int(time.time()),
            language=language_label(snapshot.language_id),
            model=model_label(model),
            face=face,
            trigger=snapshot.trigger.value,
            source=source,
            latency_ms=round(latency_ms, 2),
            mean_logprob=round(math.log(confidence), 4) if confidence else None,
            first_logprob=_first_logprob(answer.details),
            characters=len(texts[0]),
            lines=len(texts[0].splitlines()),
            estimate=round(estimate, 4) if isinstance(estimate, float) else None,
        )
        return cls(snapshot.uri, cursor, texts, row)


def _from_cursor(text: str, start: int, snapshot: Snapshot) -> str:
    """Return the part of a suggestion after the cursor; it may begin before it, with the popup's entry."""
    return text.removeprefix(snapshot.text[start : snapshot.offset])


def _first_logprob(details: dict[str, Any]) -> float | None:
    """Return the log-probability of the first token, which the step ``engine`` of an answer has."""
    steps = details.get("steps")
    found = [values.get("first_logprob") for name, _, values in steps if name == "engine"] if steps else []
    return round(found[-1], 4) if found and isinstance(found[-1], float) else None
