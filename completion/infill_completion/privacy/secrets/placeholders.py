"""Placeholders: values in the place of a secret that are not secret."""

from __future__ import annotations

import re

_STARTS = (
    *("your", "changeme", "change-", "change_", "replace", "insert-", "insert_", "enter-", "enter_", "enteryour"),
    *("example", "placeholder", "dummy", "fake", "redacted", "<", "${", "{{", "$(", "%(", "%{", "#{", "todo"),
    *("os.environ", "process.env", "env.", "env(", "getenv", "vault:", "op://", "ref+", "arn:", "file:", "secret:"),
)
_WHOLE = frozenset(
    [
        "password",
        "passwd",
        "pass",
        "pwd",
        "secret",
        "token",
        "apikey",
        "api_key",
        "api-key",
        "key",
        "user",
        "username",
        "userpass",
        "pw",
        "hidden",
        "masked",
        "string",
        "value",
        "none",
        "null",
        "true",
        "false",
        "undefined",
    ]
)
_BLANKED = re.compile(r"[xX*.•_#?-]{3,}")


def is_placeholder(value: str) -> bool:
    """Return whether a value only shows where a secret goes: ``changeme``, ``<password>``, ``${TOKEN}``, ``xxxx``."""
    lowered = value.lower()
    return lowered.startswith(_STARTS) or lowered in _WHOLE or _BLANKED.fullmatch(value) is not None
