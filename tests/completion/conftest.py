"""Time for every gathering of context, since what these tests say must not depend on how busy the machine is."""

from __future__ import annotations

import pytest

from infill_completion.context import gather
from infill_completion.syntax import grammars


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MOST_MS", 60_000.0)
    monkeypatch.setattr(grammars, "MOST_MS", 60_000.0)
