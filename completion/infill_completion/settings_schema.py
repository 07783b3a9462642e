"""The definition of a setting: what it accepts, its default and its documentation.

`settings.py` defines the settings with `setting` and `section`. The check of a user's file, the tables of the
documentation and the manifest of the VS Code extension are all made from the `Setting` objects of `definitions`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints


class ValueType(StrEnum):
    """The type of a setting's value."""

    STRING = "a string"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    STRINGS = "a list of strings"
    SWITCHES = "a table of true and false"


_CLASSES = {
    ValueType.STRING: str,
    ValueType.INTEGER: int,
    ValueType.NUMBER: float,
    ValueType.BOOLEAN: bool,
}
_TYPES = {class_: type_ for type_, class_ in _CLASSES.items()}
_NAMES: dict[type, str] = {dict: "a table", list: "a list", NoneType: "null", **_TYPES}


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        key: Its full name without ``infill.``, such as ``engine.model``.
        section_title: The title of its section in documentation.
        type: The type of its value.
        is_optional: Whether it may be unset; its value is then None.
        default: Its default value.
        doc: Its documentation in Markdown.
        choices: The only values it accepts; empty for any.
        at_least: The smallest number it accepts.
        at_most: The largest number it accepts.
        trusted: Whether it is ignored in workspace-level files.
        in_doubt: What it is if the user writes something that it does not accept; None: it stays as it was.
    """

    key: str
    section_title: str
    type: ValueType
    is_optional: bool
    default: Any
    doc: str
    choices: tuple[str | int, ...]
    at_least: float | None
    at_most: float | None
    trusted: bool
    in_doubt: Any = None

    def checked(self, value: Any) -> Any:
        """Return a user's ``value`` in the setting's own type.

        Raises:
            ValueError: The setting does not accept it; the message completes the sentence "`key` …".
        """
        # The settings pages of editors leave an empty string when the user removes a value.
        if value is None or value == "auto" or value == "":  # noqa: PLR1714  # a list has no hash
            if self.is_optional:
                return None
            if value is None:
                raise ValueError("must not be null")
        value = self._converted(value)
        if self.choices and value not in self.choices:
            raise ValueError(f"must be one of {', '.join(map(str, self.choices))}")
        # NaN fails every comparison, so both are written as what must hold.
        if self.at_least is not None and not value >= self.at_least:
            raise ValueError(f"must be at least {self.at_least}")
        if self.at_most is not None and not value <= self.at_most:
            raise ValueError(f"must be at most {self.at_most}")
        return value

    def _converted(self, value: Any) -> Any:
        if self.type is ValueType.STRINGS:
            if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
                raise ValueError(f"must be {self.type}")
            return tuple(value)
        if self.type is ValueType.SWITCHES:
            if not isinstance(value, Mapping) or not all(isinstance(item, bool) for item in value.values()):
                raise ValueError(f"must be {self.type}")
            return dict(value)
        is_bool = isinstance(value, bool)
        if self.type is ValueType.NUMBER and isinstance(value, int) and not is_bool:
            value = _as_float(value)
        # A bool is an int in Python.
        if not isinstance(value, _CLASSES[self.type]) or is_bool != (self.type is ValueType.BOOLEAN):
            raise ValueError(f"must be {self.type}, not {type_name(value)}")
        return value


def _as_float(value: int) -> float:
    """Return ``value`` as a float; it is infinite if it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def setting(
    default: Any,
    doc: str,
    *,
    choices: tuple[str | int, ...] = (),
    at_least: float | None = None,
    at_most: float | None = None,
    trusted: bool = False,
    is_shown: bool = True,
    in_doubt: Any = None,
) -> Any:
    """Define one setting as a dataclass field; see `Setting` for the arguments.

    With ``is_shown`` off, the value is left out where the settings are printed: an address may hold a password.
    """
    metadata = {"doc": doc, "choices": choices, "at_least": at_least, "at_most": at_most, "trusted": trusted}
    metadata["in_doubt"] = in_doubt
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata, repr=is_shown)


def section(title: str, class_: type) -> Any:
    """Define a section of settings, the dataclass ``class_``, as a dataclass field."""
    return field(default_factory=class_, metadata={"title": title})


def definitions(tree: type) -> list[Setting]:
    """Return the settings of ``tree``, a dataclass of sections, in the order of the source."""
    found = []
    for name, class_ in get_type_hints(tree).items():
        title = next(item.metadata["title"] for item in fields(tree) if item.name == name)
        hints, defaults = get_type_hints(class_), class_()
        for item in fields(class_):
            type_, is_optional = _decoded(hints[item.name])
            default = getattr(defaults, item.name)
            found.append(Setting(f"{name}.{item.name}", title, type_, is_optional, default, **item.metadata))
    return found


def type_name(value: object) -> str:
    """Return what a user calls the type of ``value``, with its article."""
    return _NAMES.get(type(value)) or f"a {type(value).__name__}"


def _decoded(hint: Any) -> tuple[ValueType, bool]:
    """Return the type of a setting with the type hint ``hint``, and whether it is optional."""
    if get_origin(hint) is tuple:
        return ValueType.STRINGS, False
    if get_origin(hint) is dict:
        return ValueType.SWITCHES, False
    if hint in _TYPES:
        return _TYPES[hint], False
    [inner] = [option for option in get_args(hint) if option is not NoneType]  # X | None
    return _decoded(inner)[0], True
