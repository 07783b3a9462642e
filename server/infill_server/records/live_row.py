"""A row that is still changing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from infill_server.records.row import SuggestionRow


class LiveRow:
    """A row, and what stores its present state.

    Attributes:
        row: Its present state.
    """

    def __init__(self, row: SuggestionRow, put: Callable[[SuggestionRow], None]) -> None:
        self.row = row
        self._put = put

    def change(self, **values: Any) -> None:
        """Change values without storing them."""
        self.row = replace(self.row, **values)

    def store(self, **values: Any) -> None:
        """Change values and store the row."""
        self.change(**values)
        self._put(self.row)
