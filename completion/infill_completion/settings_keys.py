"""Flat keys of settings, as editors and people write them: ``completion.enabled`` for a table in a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def nested(written: Mapping[str, Any], tables: Collection[str]) -> dict[str, Any]:
    """Return ``written`` with its flat keys moved into the tables they belong to.

    Args:
        written: A table of settings.
        tables: The keys that hold tables; a dot in any other key is part of its name.
    """
    found: dict[str, Any] = {}
    for key, value in written.items():
        name, dot, rest = str(key).partition(".")
        if dot and name in tables:
            inner = found.setdefault(name, {})
            if isinstance(inner, dict):
                inner[rest] = value
        elif isinstance(value, Mapping) and isinstance(found.get(str(key)), dict):
            found[str(key)].update(value)
        else:
            found[str(key)] = dict(value) if isinstance(value, Mapping) else value
    return found


def globs_in(value: object) -> list[str]:
    """Return the globs in a value that is not a list of strings: one alone, among others, or as ``{glob: true}``.

    What the user wants to keep private stays private, even if the value is not as it should be.
    """
    if isinstance(value, Mapping):
        return [glob for glob, is_private in value.items() if isinstance(glob, str) and is_private is not False]
    return [glob for glob in (value if isinstance(value, list | tuple) else [value]) if isinstance(glob, str)]
