"""The ghost text that a typist sees, key by key, and the figures computed from it.

A screen is the state of the editor after one of its redraws.
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
    """The ghost text and the cursor after one redraw.

    Attributes:
        ms: Milliseconds since the last key.
        ghost: The ghost text.
        row: Row of the cursor.
        col: Column of the cursor.
        in_place: Whether the ghost text was drawn at the cursor.
    """

    ms: float
    ghost: str
    row: int
    col: int
    in_place: bool = True

    @property
    def visible(self) -> bool:
        """Whether there was visible ghost text."""
        return bool(self.ghost.strip())


@dataclass
class Key:
    """A typed letter and the screens until the next one; ``done_ms`` is when all work for it was done, if awaited."""

    letter: str
    screens: list[Screen] = field(default_factory=list)
    done_ms: float | None = None

    @property
    def first(self) -> Screen | None:
        """The screen that first shows the letter."""
        return self.screens[0] if self.screens else None

    @property
    def last(self) -> Screen | None:
        """The screen when the next letter is typed."""
        return self.screens[-1] if self.screens else None

    @property
    def shown_ms(self) -> float | None:
        """Milliseconds until ghost text was first visible, or None if it never was."""
        return next((screen.ms for screen in self.screens if screen.visible), None)

    @property
    def turned(self) -> bool:
        """Whether visible ghost text changed or vanished although nothing was typed."""
        shown = [screen.ghost for screen in self.screens]
        return any(a.strip() and not b.startswith(a) for a, b in itertools.pairwise(shown))


def keys_of(events: Iterable[Sequence[Any]], cut_ms: float | None = None) -> list[Key]:
    """Return the keys in the probe's events, without screens later than ``cut_ms`` after their key.

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
    """Return what should be left of a ghost text once its first letter is typed, or None for another letter.

    Editors indent a new line by themselves, so blanks after a newline count as typed.
    """
    if not before.startswith(letter):
        return None
    rest = before[len(letter) :]
    return rest.lstrip(" ") if letter == "\n" else rest


def is_right(screen: Screen, lines: Sequence[str]) -> bool | None:
    """Return whether the ghost text begins with the next word of ``lines``, or None at the end of a line."""
    rest = lines[screen.row][screen.col :] if screen.row < len(lines) else ""
    word = _WORD.match(rest)
    return None if word is None else bool(re.match(re.escape(word.group()) + r"(?!\w)", screen.ghost))


def right_chars(screen: Screen, lines: Sequence[str]) -> int:
    """Return how many leading characters of the ghost text agree with ``lines``."""
    if screen.row >= len(lines):
        return 0
    rest = "\n".join([lines[screen.row][screen.col :], *lines[screen.row + 1 :]])
    pairs = zip(screen.ghost, rest, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(screen.ghost), len(rest)))


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the quantile ``share`` of the values, or None if there are none."""
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def figures(typed: Sequence[tuple[Sequence[Key], Sequence[str]]]) -> dict[str, float | None]:
    """Return the figures for typed texts, each with the final lines of its file.

    Shares are of all keys:

    * ``shown_p50_ms``, ``shown_p90_ms``: from the key to visible ghost text, over the keys that got some.
    * ``fresh_p50_ms``, ``fresh_p90_ms``: the same over keys whose ghost text was not shown at once.
    * ``visible``: ghost text before the next key; ``at_once``: in the redraw that shows the letter;
      ``within_50_ms``: half the time between two keys of a fast typist.
    * ``right``: of the keys inside a line, those where the ghost text began with the next word.
    * ``right_chars``: correct characters shown, per key.
    * ``followed``: of the keys that type the next letter of the ghost text, those after which the rest of it stayed.
    * ``turned``: ghost text changed or vanished although nothing was typed; ``misplaced``: not drawn at the cursor.
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
            # After a newline the ghost text may keep blanks of its own in front.
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
    """Return the figures without meaningless digits."""
    return {name: None if value is None else round(value, 4) for name, value in one.items()}


def medians(runs: Sequence[dict[str, float | None]]) -> dict[str, float | None]:
    """Return the median of each figure over the runs that have it."""
    found: dict[str, float | None] = {}
    for name in runs[0]:
        values = [value for run in runs if (value := run.get(name)) is not None]
        found[name] = statistics.median(values) if values else None
    return rounded(found)
