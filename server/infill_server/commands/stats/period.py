"""Times of the statistics: the start that ``--since`` names, and the days or weeks of the charts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from infill_server.errors import UsageError

_AGO = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
# More days than these are drawn as weeks.
_MOST_DAYS = 62


def since_s(written: str, now: datetime) -> float:
    """Return the start of the statistics in seconds since 1970.

    Args:
        written: So many hours, days or weeks ago (``12h``, ``30d``, ``4w``), or a date of the local time.
        now: The present time.

    Raises:
        UsageError: It is written differently.
    """
    if ago := _AGO.fullmatch(written.strip()):
        return max((now - int(ago[1]) * _UNITS[ago[2]]).timestamp(), 0.0)
    try:
        return datetime.combine(date.fromisoformat(written.strip()), datetime.min.time()).astimezone().timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"Write --since as 12h, 30d, 4w or 2026-11-01, not {written[:40]!r}.") from error


def day_of(time_s: float) -> date:
    """Return the day of a time, where this machine is."""
    return datetime.fromtimestamp(time_s, UTC).astimezone().date()


def periods(first: date, last: date) -> tuple[str, list[date]]:
    """Return ``day`` or ``week``, and the first day of each of them from ``first`` to ``last``."""
    if (last - first).days < _MOST_DAYS:
        return "day", [first + timedelta(days=number) for number in range((last - first).days + 1)]
    monday = first - timedelta(days=first.weekday())
    return "week", [monday + timedelta(weeks=number) for number in range((last - monday).days // 7 + 1)]
