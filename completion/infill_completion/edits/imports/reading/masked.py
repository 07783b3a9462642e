"""Code without comments and without strings that may hold lines of their own; all else stays at its place."""

from __future__ import annotations

import re

_NOT_LINE_END = re.compile(r"[^\n\r]")
_SLASHES = r"//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)"
# An escape outside of a string is in a regular expression, or in a string without an end, which is searched only once.
_QUOTED = r"\"(?:[^\"\\\n]|\\(?:\r\n|[\s\S]))*+\"|'(?:[^'\\\n]|\\(?:\r\n|[\s\S]))*+'|\\."
# The first group is left out; what is before it is matched so that nothing in it is taken for the beginning of another.
_PYTHON = re.compile(r"(\"{3}(?:[^\\]|\\[\s\S])*?(?:\"{3}|\Z)|'{3}(?:[^\\]|\\[\s\S])*?(?:'{3}|\Z)|#[^\n]*)|" + _QUOTED)
_SCRIPT = re.compile(rf"({_SLASHES}|`(?:[^`\\]|\\[\s\S])*+(?:`|\Z))|" + _QUOTED)
_GO = re.compile(rf"({_SLASHES}|`[^`]*(?:`|\Z))|" + _QUOTED)
_JAVA = re.compile(rf"({_SLASHES}|\"{{3}}[\s\S]*?(?:\"{{3}}|\Z))|" + _QUOTED)
_RUST = re.compile(rf"({_SLASHES}|r(#+)\"[\s\S]*?(?:\"\2|\Z)|\"(?:[^\"\\]|\\[\s\S])*+(?:\"|\Z))|'(?:[^'\\\n]|\\.)'")
_PATTERNS = {"python": _PYTHON, "script": _SCRIPT, "go": _GO, "java": _JAVA, "rust": _RUST}


def masked(text: str, family: str) -> str:
    """Return ``text`` with blanks in place of comments and of strings over several lines.

    Args:
        text: The code.
        family: The name of the language's modules, as `context_module_of` returns it.
    """
    pattern = _PATTERNS.get(family)
    return text if pattern is None else pattern.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    is_kept = match.group(1) is None and "\n" not in match.group()
    return match.group() if is_kept else _NOT_LINE_END.sub(" ", match.group())
