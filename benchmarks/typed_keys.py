"""What somebody who types sees of ghost text, key by key, and the figures that come of it.

The screens are the editor's own: each is what stood there after one of its redraws.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

_WORD = re.compile(r"\s*(\w+|[^\w\s]+)")


@dataclass(frozen=True)
class Screen:
    """One redraw: the ghost text, and where the cursor was; ``ms`` counts from the key before it.

    ``in_place`` tells whether the ghost text was drawn at the cursor.
    """

    ms: float
    ghost: str
    row: int
    col: int
    in_place: bool = True

    @property
    def visible(self) -> bool:
        """Whether there was anything to see."""
        return bool(self.ghost.strip())


@dataclass
class Key:
    """A typed letter and the screens until the next one; ``done_ms`` is when all work for it was over, if awaited."""

    letter: str
    screens: list[Screen] = field(default_factory=list)
    done_ms: float | None = None

    @property
    def first(self) -> Screen | None:
        """The screen that shows the letter itself."""
        return self.screens[0] if self.screens else None

    @property
    def last(self) -> Screen | None:
        """The screen that the next letter is typed at."""
        return self.screens[-1] if self.screens else None

    @property
    def shown_ms(self) -> float | None:
        """Milliseconds until ghost text was first visible, or None where it never was."""
        return next((screen.ms for screen in self.screens if screen.visible), None)

    @property
    def turned(self) -> bool:
        """Whether visible ghost text gave way to other ghost text, or to none, although nothing was typed."""
        shown = [screen.ghost for screen in self.screens]
        return any(a.strip() and not b.startswith(a) for a, b in itertools.pairwise(shown))


def keys_of(events: Iterable[Sequence[Any]], cut_ms: float | None = None) -> list[Key]:
    """Return the keys of the probe's events, without screens that came later than ``cut_ms`` behind the last key.

    An event is ``("key", milliseconds, letter)`` or ``("screen", milliseconds, ghost, row, column, in place)``.
    """
    keys: list[Key] = []
    began = 0.0
    for kind, at, *rest in events:
        if kind == "key":
            keys.append(Key(rest[0]))
            began = at
        elif keys and (cut_ms is None or at - began <= cut_ms):
            keys[-1].screens.append(Screen(at - began, *rest))
    return keys


def rest_of(before: str, letter: str) -> str | None:
    """Return what a ghost text should say once its first letter was typed, or None where the letter is another.

    Editors indent a new line by themselves, so the blanks behind a newline count as typed.
    """
    if not before.startswith(letter):
        return None
    rest = before[len(letter) :]
    return rest.lstrip(" ") if letter == "\n" else rest


def is_right(screen: Screen, lines: Sequence[str]) -> bool | None:
    """Tell whether the ghost text begins with the next word that will stand in ``lines``; None at the end of a line."""
    rest = lines[screen.row][screen.col :] if screen.row < len(lines) else ""
    word = _WORD.match(rest)
    return None if word is None else bool(re.match(re.escape(word.group()) + r"(?!\w)", screen.ghost))


def right_chars(screen: Screen, lines: Sequence[str]) -> int:
    """Return how many characters of the ghost text are those that come next in ``lines``."""
    if screen.row >= len(lines):
        return 0
    rest = "\n".join([lines[screen.row][screen.col :], *lines[screen.row + 1 :]])
    pairs = zip(screen.ghost, rest, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(screen.ghost), len(rest)))


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the value that ``share`` of them do not exceed, or None of no values."""
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def figures(typed: Sequence[tuple[Sequence[Key], Sequence[str]]]) -> dict[str, float | None]:
    """Return what was seen while some texts were typed; with each, its lines as they stood at the end.

    Shares are of all keys:

    * ``shown_p50_ms``, ``shown_p90_ms``: from the key to visible ghost text, of the keys that brought some.
    * ``fresh_p50_ms``, ``fresh_p90_ms``: the same of keys whose ghost text was not there at once.
    * ``visible``: ghost text before the next key; ``at_once``: on the very screen that shows the letter;
      ``within_50_ms``: half a key's time at a fast typist's rhythm.
    * ``right``: of the keys inside a line, those at which the ghost text began with the word that came next.
    * ``right_chars``: how many of its characters were those that came next, a key.
    * ``followed``: of the keys that spell the ghost text, those that left its rest in place, on every screen.
    * ``turned``: ghost text changed or went although nothing was typed; ``misplaced``: not drawn at the cursor.
    """
    keys = [key for one, _ in typed for key in one]
    shown = [key.shown_ms for key in keys if key.shown_ms is not None]
    fresh = [ms for key in keys if (ms := key.shown_ms) is not None and key.first and not key.first.visible]
    chars = [right_chars(key.last, lines) for one, lines in typed for key in one if key.last]
    rated = [is_right(key.last, lines) for one, lines in typed for key in one if key.last]
    count = len(keys)
    spelled = followed = 0
    for former, key in (pair for one, _ in typed for pair in itertools.pairwise(one)):
        rest = rest_of(former.last.ghost, key.letter) if former.last and former.last.visible else None
        if rest is not None and rest.strip():
            spelled += 1
            # A newline may leave blanks of the ghost text's own in front.
            followed += bool(key.screens) and all(rest.strip() in screen.ghost for screen in key.screens)

    def counted(test: Callable[[Key], bool]) -> float | None:
        return _share(sum(test(key) for key in keys), count)

    return {
        "keys": count,
        "shown_p50_ms": quantile(shown, 0.5),
        "shown_p90_ms": quantile(shown, 0.9),
        "fresh_p50_ms": quantile(fresh, 0.5),
        "fresh_p90_ms": quantile(fresh, 0.9),
        "visible": counted(lambda key: key.last is not None and key.last.visible),
        "at_once": counted(lambda key: key.first is not None and key.first.visible),
        "within_50_ms": counted(lambda key: key.shown_ms is not None and key.shown_ms <= 50),
        "right": _share(sum(one is True for one in rated), sum(one is not None for one in rated)),
        "right_chars": sum(chars) / count if count else None,
        "spelled": _share(spelled, count),
        "followed": _share(followed, spelled),
        "turned": counted(lambda key: key.turned),
        "misplaced": counted(lambda key: any(screen.visible and not screen.in_place for screen in key.screens)),
        "done_p50_ms": quantile([key.done_ms for key in keys if key.done_ms is not None], 0.5),
    }


def rounded(one: dict[str, float | None]) -> dict[str, float | None]:
    """Return the figures without digits that mean nothing."""
    return {name: None if value is None else round(value, 4) for name, value in one.items()}


def medians(runs: Sequence[dict[str, float | None]]) -> dict[str, float | None]:
    """Return the median of each figure over the runs that have it."""
    found: dict[str, float | None] = {}
    for name in runs[0]:
        values = [value for run in runs if (value := run.get(name)) is not None]
        found[name] = statistics.median(values) if values else None
    return rounded(found)
