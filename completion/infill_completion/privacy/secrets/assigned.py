"""Values whose names say that they are secret: `API_TOKEN = "…"`, `password: …`, `DB_PASSWORD=…`.

A value must look like a literal secret. Placeholders, templates, paths, words and code that handles secrets are not
masked: the model needs them, and they reveal nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from infill_completion.privacy.secrets.notation import Notation
from infill_completion.privacy.secrets.placeholders import is_placeholder

_HINTS = ("pass", "secret", "token", "key", "credential")
_PASSWORDS = (
    r"password|passwd|passphrase|(?:db|user|admin|root|smtp|mail|ftp|ldap|mysql|pg|postgres|redis|ssh"
    r"|become|sudo|proxy)_pass(?![a-z])"
)
_KEYS = (
    r"(?:api|access|auth|private|secret|account|encryption|signing|shared|master|service)[_-]?(?:access[_-]?)?key(?:_base)?"
    r"|secret|token|credential"
)
_NAME = re.compile(rf"(?:(?P<password>{_PASSWORDS})|{_KEYS})s?(?:_?\d)?")
_TYPE = r"(?:&(?:'\w+\s)?)?[\w.]+(?:[<\[][\w., |:<>\[\]]{0,40}[>\]])?\??(?:\s?\|\s?\w+){0,3}"
# Between a name and its value: the end of a subscript, a type, the assignment sign; then the value in quotes, which
# ends with the line if it is not closed yet.
_QUOTED = re.compile(
    rf"(?:\[\w{{0,8}}\])?(?P<closed>[\"'`]\]?)?\s{{0,4}}(?:(?::\s{{0,4}}|(?(closed)(?!)|[ ])){_TYPE}\s{{0,4}}(?==))?"
    r"(?::=|=>|[=!]==?|[:=(]|\|\||\?\?|(?(closed),|=))\s{0,4}[rbuflRBUFL@]{0,2}"
    r"(?P<quote>\"\"\"|'''|[\"'`])(?P<secret>[^\s\"'`]{6,})(?:(?P=quote)|[ \t]*(?=\n|\Z))"
)
# The text before a name in a settings file, and a value without quotes, which runs to the end of its line.
_HEAD = re.compile(
    r"[+>-]?[ \t]{0,80}(?:(?:#|//|;|--)[ \t]{0,8})?(?:-[ \t]{1,8}|(?:export|ENV|ARG|set|setx)[ \t]{1,8})?[\w.-]{0,80}"
)
# The longest head.
_MAX_HEAD = 300
_BARE = re.compile(r"(?P<sign>[ \t]*[:=][ \t]*)(?P<secret>[^\s\"'`]{6,256})[ \t]*(?=\n|\Z|[ ]#)")
# A part of a connection string.
PART = Notation(
    "password",
    ("password=", "pwd="),
    re.compile(r"(?i)[;\"'][ ]?(?:password|pwd)=(?P<secret>[^\s;\"'{}$<>]{4,})(?=[;\"'])"),
)

# Words and numbers joined by signs: a path, an identifier, a placeholder.
_WORD = r"(?:[A-Z]?[a-z]+\d{0,3}|[A-Z]+\d{0,3}|\d{1,4})"
_WORDS = re.compile(rf"[-._/:~@+]*{_WORD}(?:[-._/:@+]+{_WORD})+[-._/:!?]*")
_PATH = re.compile(r"[./~@]*\w+(?:[./:]+\w+)+[!?]?")
# No secret begins like this: the rest of a call or a template, a variable, a tag, an anchor.
_NO_BEGINNINGS = tuple(",:;.)]}<{[(&$%*!|>?=+")
_IN_URL = re.compile(r"%[0-9A-Fa-f]{2}")
_NO_PART = ("{", "}", "$(", "://", "=>", "->", "==", "!=")
_NO_SECRET = re.compile(r"\^.*\$", re.DOTALL)  # a pattern
_PASSWORD_SIGNS = frozenset("!#%&*+@^")
_KEY_SIGNS = frozenset("+/=_.~-!@#$%^&*():?")
# Signs that are not operators, after `=` and after `:`.
_STRONG_SIGNS = {"=": frozenset("!@"), ":": frozenset("!@#$%^&*+~")}
# A password of lower-case letters and digits, unless it names a type or a variable that holds one.
_PLAIN = re.compile(r"(?=[^0-9]*[0-9])[a-z0-9][a-z0-9!@#%^&*_+~-]{5,64}")
_NO_PLAIN = re.compile(
    r"(?:u?int|float|u|i|f|char|varchar|utf|bytes|binary|str|string|text|hash|sha|md|bcrypt|argon|pbkdf)_?\d+\b"
    r"|\w*(?:pass|pw|secret|cred|arg|param|value|var|field|input|self|config|user|hash|encrypt)"
)
_EXPRESSION_SIGNS = frozenset("()[]<>,;")
_LEAST_KEY = 12
_LEAST_DENSE_PASSWORD = 8
_LONG = 20


class Name(NamedTuple):
    """Where a telltale name is, and whether it names a password."""

    start: int
    end: int
    is_password: bool


def names(lowered: str) -> Iterator[Name]:
    """Yield the telltale names in a text in lower case; none reaches beyond its line."""
    if any(hint in lowered for hint in _HINTS):
        for name in _NAME.finditer(lowered):
            yield Name(name.start(), name.end(), name["password"] is not None)


def values(text: str, found: Iterable[Name]) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of each value in ``text`` whose name is among ``found``."""
    for name in found:
        value = _QUOTED.match(text, name.end)
        if value is not None:
            is_found = _is_secret(value["secret"], name.is_password)
        else:
            value = _BARE.match(text, name.end)
            is_found = value is not None and _is_bare_secret(text, name, value)
        if value is not None and is_found:
            yield *value.span("secret"), "password" if name.is_password else "secret"


def _is_secret(value: str, is_password: bool) -> bool:
    """Return whether a value in quotes is a secret rather than a template, a pattern, a path or words."""
    if is_placeholder(value):
        return False
    unpadded = value.rstrip("=")  # of base64
    begins = value.startswith(_NO_BEGINNINGS) and not _IN_URL.match(value)
    if begins or any(part in unpadded for part in _NO_PART) or _NO_SECRET.fullmatch(value):
        return False
    if is_password:
        has_signs = any(sign.isdigit() or sign in _PASSWORD_SIGNS for sign in value)
        return has_signs and any(map(str.isalnum, value)) and not _PATH.fullmatch(value)
    return len(value) >= _LEAST_KEY and _is_mixed(value, _KEY_SIGNS) and not _WORDS.fullmatch(value)


def _is_bare_secret(text: str, name: Name, value: re.Match[str]) -> bool:
    """Return whether a value without quotes is a secret rather than an expression; its line must hold nothing else."""
    line = text.rfind("\n", max(name.start - _MAX_HEAD, 0), name.start) + 1
    begins_further_away = line == 0 and name.start > _MAX_HEAD
    if begins_further_away or _HEAD.fullmatch(text, line, name.start) is None:
        return False
    secret, is_password, sign = value["secret"], name.is_password, value["sign"].strip()
    whole = text[line : name.end].rsplit(maxsplit=1)[-1]
    # As in `.env`, in shells, and in YAML for containers: everything after the sign is the value.
    if value["sign"] in {"=", ": "} and whole.isupper():
        return _is_secret(secret, is_password) and not _EXPRESSION_SIGNS.intersection(secret if sign == ":" else "")
    # As in YAML, and in property files, which have no blanks around the sign as code has.
    if is_password and value["sign"] in {"=", ": "} and _PLAIN.fullmatch(secret) and not _NO_PLAIN.match(secret):
        return _is_secret(secret, is_password)
    if not _is_secret(secret, is_password) or _EXPRESSION_SIGNS.intersection(secret) or not _is_mixed(secret):
        return False
    if _STRONG_SIGNS[sign].intersection(secret) and not _PATH.fullmatch(secret):
        return is_password or len(secret) >= _LEAST_KEY
    return _is_dense(secret, _LEAST_DENSE_PASSWORD if is_password else _LEAST_KEY)


def _is_mixed(value: str, signs: frozenset[str] | None = None) -> bool:
    """Return whether a value has letters and digits, and no other characters than ``signs``."""
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return has_both and (signs is None or all(sign.isalnum() or sign in signs for sign in value))


def _is_dense(value: str, least: int) -> bool:
    """Return whether digits are mixed with letters as in no name that a person would choose."""
    if "." in value or len(value) < least or _WORDS.fullmatch(value):
        return False
    runs = re.findall(r"\d+", value)
    if len(runs) >= 2 or len(runs[0]) >= 4:
        return True
    return len(value) >= _LONG and any(sign in value for sign in "+/=") and not value.islower() and not value.isupper()
