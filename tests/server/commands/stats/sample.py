"""Rows of some weeks, the same at each call."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path

from infill_server.records.database import RecordsDatabase
from infill_server.records.row import SuggestionOutcome, SuggestionRow

FIRST_DAY = datetime(2026, 10, 26, 9).astimezone()
LANGUAGES = {"python": 0.42, "typescript": 0.36, "go": 0.31, "markdown": 0.12}


def sample_rows(days: int = 28) -> list[SuggestionRow]:
    """Return some dozens of rows a day, fewer at weekends; more of them are taken as time goes by."""
    chance = random.Random(7)
    return [
        _row(chance, day, number)
        for day in range(days)
        for number in range(chance.randint(2, 8) if day % 7 > 4 else chance.randint(30, 70))
    ]


def write_sample(path: Path) -> None:
    """Write the rows of a sample to a database."""
    RecordsDatabase(path).put(sample_rows())


def _row(chance: random.Random, day: int, number: int) -> SuggestionRow:
    name = chance.choices(list(LANGUAGES), weights=(6, 4, 2, 1))[0]
    characters, luck = chance.randint(6, 90), chance.random()
    taken = LANGUAGES.get(name, 0.3) + day * 0.003
    outcome = SuggestionOutcome.ACCEPTED if luck < taken else SuggestionOutcome.TYPED_OVER
    outcome = SuggestionOutcome.PARTLY if luck < 0.05 else outcome
    outcome = SuggestionOutcome.TYPED if luck > 0.92 else outcome
    kept = chance.choice((1.0, 1.0, 1.0, 0.8, 0.0)) if outcome.is_taken else None
    return SuggestionRow(
        time_s=int(FIRST_DAY.timestamp()) + day * 86_400 + number * 300,
        language=name,
        model="Qwen/Qwen2.5-Coder-1.5B" if day > 9 else "embedded",
        face="inline",
        trigger="automatic",
        source=chance.choice(("engine", "memory", "joined")),
        latency_ms=round(chance.lognormvariate(3.6 if day > 9 else 3.9, 0.8), 2),
        mean_logprob=round(-chance.expovariate(4), 4),
        first_logprob=None,
        characters=characters,
        lines=1 + characters // 40,
        outcome=outcome,
        taken_characters=characters if outcome is SuggestionOutcome.ACCEPTED else 5 if outcome.is_taken else 0,
        kept_30s=kept,
        kept_300s=None if kept is None else min(kept, 0.9),
        id=day * 1000 + number,
    )
