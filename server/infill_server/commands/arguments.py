"""Parsing of command-line arguments: numbers, ``FILE:LINE:COL``, ``HOST:PORT`` and ``KEY=VALUE``."""

from __future__ import annotations

import json
from typing import Any

from infill_server.errors import UsageError

# A signed 64-bit integer has at most 19 digits.
_MAX_DIGITS = 18
_MAX_PORT = 65_535


def is_number(text: str) -> bool:
    """Return whether ``text`` consists of ASCII digits that `int` can read; ``²`` is a digit but not such a one."""
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def parse_location(text: str) -> tuple[str, int, int]:
    """Return file, line and column of ``FILE:LINE:COL``; both numbers count from 1.

    Raises:
        UsageError: ``text`` is written differently.
    """
    name, line, column = ([*text.rsplit(":", 2), "", ""])[:3]
    if not (name and is_number(line) and is_number(column) and int(line) > 0 and int(column) > 0):
        raise UsageError(f"Write the location as FILE:LINE:COL, such as main.py:12:8, not {text!r}.")
    return name, int(line), int(column)


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``; without a host it is the loopback address.

    Raises:
        UsageError: ``text`` is written differently.
    """
    host, _, port = text.rpartition(":")
    if not is_number(port) or int(port) > _MAX_PORT:
        raise UsageError(f"--tcp takes HOST:PORT, such as 127.0.0.1:8765, not {text!r}.")
    return host.strip("[]") or "127.0.0.1", int(port)


def parse_assignment(text: str) -> tuple[str, Any]:
    """Return key and value of ``KEY=VALUE``; a value that is not JSON is a string.

    Raises:
        UsageError: ``text`` has no equals sign.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set takes KEY=VALUE, such as completion.max_tokens=64, not {text!r}.")
    try:
        return key.removeprefix("infill."), json.loads(value)
    except ValueError:  # not JSON, or a number with thousands of digits
        return key.removeprefix("infill."), value
