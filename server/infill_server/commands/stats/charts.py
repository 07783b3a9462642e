"""Charts as inline SVG: bars and lines over time, and bars of shares.

Colours come from the page's style sheet, so that a chart is readable on light and dark backgrounds. Each has a
description for screen readers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 12, 26
_ROW = 26
_MOST_LABELS = 8


@dataclass(frozen=True)
class ChartSeries:
    """Values of a chart, one for each place of its axis; None where there is none.

    Attributes:
        name: What they are.
        kind: The class of its marks in the style sheet: ``first`` or ``second``.
        values: The values.
    """

    name: str
    kind: str
    values: Sequence[float | None]


def bars(title: str, names: Sequence[str], series: Sequence[ChartSeries]) -> str:
    """Return bars over time; each series is drawn in front of the one before."""
    top = _nice(max((value or 0 for one in series for value in one.values), default=0))
    step = (WIDTH - LEFT - RIGHT) / max(len(names), 1)
    marks = []
    for one in series:
        for number, value in enumerate(one.values):
            if not value:
                continue
            height = _height(value, top)
            x, y, wide = LEFT + number * step, HEIGHT - BOTTOM - height, min(max(step * 0.8, 1), 40)
            label = escape(f"{names[number]}: {one.name} {value:,.0f}")
            box = f'x="{x + (step - wide) / 2:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{height:.1f}"'
            marks.append(f'<rect class="{one.kind}" {box}><title>{label}</title></rect>')
    return _svg(title, names, series, top, "".join(marks))


def lines(title: str, names: Sequence[str], series: Sequence[ChartSeries], unit: str) -> str:
    """Return lines over time; places without a value are bridged, and each value is a point."""
    top = _nice(max((value or 0 for one in series for value in one.values), default=0))
    step = (WIDTH - LEFT - RIGHT) / max(len(names), 1)
    marks = []
    for one in series:
        known = [(number, value) for number, value in enumerate(one.values) if value is not None]
        points = [
            (LEFT + (number + 0.5) * step, HEIGHT - BOTTOM - _height(value, top), names[number], value)
            for number, value in known
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in points)
        marks.append(f'<polyline class="{one.kind}" points="{path}"/>')
        marks += [
            f'<circle class="{one.kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>'
            f"{escape(f'{name}: {one.name} {value:,.0f} {unit}')}</title></circle>"
            for x, y, name, value in points
        ]
    return _svg(title, names, series, top, "".join(marks), unit)


def shares(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """Return a bar from 0 to 100 % for each row: its name, its share, and a note on the right."""
    height = _ROW * len(rows) + 8
    wide = WIDTH - 190 - 130
    parts = []
    for number, (name, share, note) in enumerate(rows):
        y = 4 + number * _ROW
        parts.append(f'<text x="182" y="{y + 15}" text-anchor="end">{escape(_short(name))}</text>')
        parts.append(f'<rect class="track" x="190" y="{y + 3}" width="{wide}" height="16"/>')
        parts.append(f'<rect class="second" x="190" y="{y + 3}" width="{wide * share:.1f}" height="16"/>')
        parts.append(f'<text x="{190 + wide + 8}" y="{y + 15}">{escape(note)}</text>')
    described = "; ".join(f"{name}: {note}" for name, _, note in rows)
    return _wrapped(title, described, height, "".join(parts))


def _svg(
    title: str, names: Sequence[str], series: Sequence[ChartSeries], top: float, marks: str, unit: str = ""
) -> str:
    grid = []
    for part in (0, 0.5, 1):
        y = HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
        grid.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        grid.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_tick(top * part)}</text>')
    step = (WIDTH - LEFT - RIGHT) / max(len(names), 1)
    every = math.ceil(len(names) / _MOST_LABELS) or 1
    for number in range(0, len(names), every):
        x = LEFT + (number + 0.5) * step
        grid.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(names[number][5:])}</text>')
    described = "; ".join(_described(one, names, unit) for one in series)
    return _wrapped(title, described, HEIGHT, "".join(grid) + marks)


def _wrapped(title: str, described: str, height: int, inner: str) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} {height}" aria-label="{escape(title)}. {escape(described)}">'
        f"{inner}</svg>"
    )


def _described(series: ChartSeries, names: Sequence[str], unit: str) -> str:
    """Return a series in words: its range, and where it is highest."""
    known = [(value, name) for value, name in zip(series.values, names, strict=True) if value is not None]
    if not known:
        return f"{series.name}: no values"
    most, where = max(known)
    unit = f" {unit}" if unit else ""
    return f"{series.name}: {min(known)[0]:,.0f} to {most:,.0f}{unit}, highest {where}"


def _height(value: float, top: float) -> float:
    return value / top * (HEIGHT - TOP - BOTTOM) if top else 0.0


def _nice(value: float) -> float:
    """Return the next number above ``value`` that is 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value)


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"…{name[-23:]}"
