"""Figures as JSON lines, each written when it is known, so that a run that is killed keeps those it has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Journal:
    """Appends lines to ``path``; None: to no file."""

    path: Path | None = None

    def append(self, **figures: Any) -> None:
        """Append one line; what JSON does not know is written as text."""
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(figures, default=str) + "\n")
