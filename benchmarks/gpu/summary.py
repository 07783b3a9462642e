"""A short table of all figures in ``results.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def table(path: Path) -> str:
    """Return one line for each figure and each step, in the order of the file."""
    rows = ["| measurement | figures |", "| --- | --- |"]
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        rows.append(_step_row(line) if "step" in line else _figure_row(line))
    return "\n".join(rows)


def _step_row(line: Mapping[str, Any]) -> str:
    state = "timed out" if line["timed_out"] else "not run" if line["rc"] is None else f"exit code {line['rc']}"
    return f"| **{line['step']}** | {state}, {line['seconds']:.1f} s |"


def _figure_row(line: Mapping[str, Any]) -> str:
    figures = {name: value for name, value in line.items() if name not in {"measurement", "model"}}
    title = " ".join(str(line[name]) for name in ("model", "measurement") if line.get(name))
    return f"| {title} | {', '.join(_pairs(figures.items()))} |"


def _pairs(items: Iterable[tuple[str, Any]]) -> list[str]:
    return [f"{name} {_shown(value)}" for name, value in items if value not in (None, "", [], {})]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return f"({', '.join(_pairs(value.items()))})"
    return str(value).replace("|", "/").replace("\n", " ")
