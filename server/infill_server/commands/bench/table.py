"""Figures as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table(summary: dict[str, Any], rows: Sequence[tuple[str, str]]) -> str:
    """Return figures with one line each: its label, and the figure or a dash if there is none.

    Args:
        summary: The figures by name.
        rows: Names and labels.
    """
    width = max(len(label) for _, label in rows) + 2
    return "\n".join(f"{label:<{width}}{'-' if summary[key] is None else summary[key]:>10}" for key, label in rows)
