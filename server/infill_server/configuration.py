"""The settings of one editor window: the user's file, then ``initializationOptions``, then the live configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from infill_completion.settings import Settings, merge, read_config

SECTION = "infill"

_LAYERS = ("settings file", "initializationOptions", "editor configuration", "this session", "recording")
_SECTIONS = frozenset(section.name for section in fields(Settings))
# Plug-ins written for Copilot's server identify themselves with these.
_COPILOT_OPTIONS = frozenset({"editorInfo", "editorPluginInfo", "copilotCapabilities"})


class Configuration:
    """Layers of settings; each can be replaced, and later ones win.

    Attributes:
        settings: The merged layers.
        is_file_unknown: Whether the settings file has never been readable, so that what it forbids is unknown.
    """

    def __init__(self) -> None:
        self.settings = Settings()
        self._layers: dict[str, object] = dict.fromkeys(_LAYERS)
        self._unreadable: list[str] = []
        self._reported: set[str] = set()
        self.is_file_unknown = False
        self._file_state: tuple[int, ...] | None = None

    def read_file(self, path: Path) -> list[str]:
        """Read the user's settings file and return the problems that have not been returned before.

        A file that cannot be read any more, as while it is being written, leaves its former settings in force.
        """
        self._file_state = _state_of(path)
        table, self._unreadable = read_config(path)
        former = self._layers["settings file"]
        self.is_file_unknown = bool(self._unreadable) and former is None
        return self._put("settings file", former if self._unreadable else table)

    def file_has_changed(self, path: Path) -> bool:
        """Return whether the settings file has changed since it was last read; one that was never read has not."""
        return self._file_state is not None and _state_of(path) != self._file_state

    def initialize(self, options: object) -> list[str]:
        """Apply ``initializationOptions`` and return new problems."""
        table = _section(options)
        if isinstance(table, Mapping):
            table = {key: value for key, value in table.items() if key not in _COPILOT_OPTIONS}
        return self._put("initializationOptions", table)

    def live(self, written: object) -> list[str]:
        """Apply the editor's settings, as returned by ``workspace/configuration``, and return new problems.

        If they change ``completion.enabled``, that overrides what was switched for the session.
        """
        before = _enabled(self._layers["editor configuration"])
        table = _without_nulls(_section(written))
        if _enabled(table) != before:
            self._layers["this session"] = None
        return self._put("editor configuration", table)

    def pushed(self, written: object) -> list[str]:
        """Apply the settings in ``didChangeConfiguration``, as `live`; settings only of other servers are ignored."""
        if isinstance(written, Mapping) and not self.concerns(written):
            return []
        return self.live(written)

    @staticmethod
    def concerns(pushed: object) -> bool:
        """Return whether pushed settings are those of this server."""
        return isinstance(pushed, Mapping) and any(_is_ours(str(key)) for key in pushed)

    def switch(self, *, enabled: bool) -> None:
        """Switch completion on or off until the window closes."""
        self._put("this session", {"completion.enabled": enabled})

    def record(self, table: Mapping[str, Any] | None) -> None:
        """Put the settings of a recording above all others, or remove them."""
        self._put("recording", table)

    def _put(self, layer: str, written: object) -> list[str]:
        self._layers[layer] = _without_nulls(written)
        settings, problems = Settings(), list(self._unreadable)
        for name, table in self._layers.items():
            settings, found = merge(settings, table, origin=name)
            problems += found
        self.settings = settings
        return [problem for problem in problems if self._is_new(problem)]

    def _is_new(self, problem: str) -> bool:
        """Return whether this problem has not been reported yet; editors send the same settings in two ways."""
        sentence = problem.partition(": ")[2] or problem
        is_new = sentence not in self._reported
        self._reported.add(sentence)
        return is_new


def _is_ours(key: str) -> bool:
    return key.partition(".")[0] in _SECTIONS | {SECTION}


def _enabled(table: object) -> object:
    """Return the value of ``completion.enabled`` in ``table``; None if it is not set."""
    if not isinstance(table, Mapping):
        return None
    inner = table.get("completion")
    return table.get("completion.enabled", inner.get("enabled") if isinstance(inner, Mapping) else None)


def _section(written: object) -> object:
    """Return our settings in ``written``: clients send ``{"infill": …}``, the same without that level, or dotted keys.

    With one of our own keys of the first or the last kind, all others are those of other servers.
    """
    if not isinstance(written, Mapping) or not any(str(key).partition(".")[0] == SECTION for key in written):
        return written
    inner = written.get(SECTION)
    if SECTION in written and not isinstance(inner, Mapping):
        return inner
    table = dict(inner or {})
    for key, value in written.items():
        name = str(key).removeprefix(f"{SECTION}.")
        if name != key and isinstance(value, Mapping) and name in _SECTIONS:
            table |= {f"{name}.{inner_key}": inner_value for inner_key, inner_value in value.items()}
        elif name != key:
            table[name] = value
    return table


def _state_of(path: Path) -> tuple[int, ...]:
    """Return what changes when the file does; nothing if there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _without_nulls(written: object) -> Any:
    """Remove nulls, which editors send for unset settings."""
    if isinstance(written, Mapping):
        return {str(key): _without_nulls(value) for key, value in written.items() if value is not None}
    return written
