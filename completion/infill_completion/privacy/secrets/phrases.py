"""Secrets with blanks or quotes in them, in tables, in prose, in forms, and as the defaults of variables."""

from __future__ import annotations

import re

from infill_completion.privacy.secrets.notation import Notation
from infill_completion.privacy.secrets.written import has_digit_or_sign, is_dense

_NAME = r"(?:password|passwd|passphrase|pwd|pass|pw)"
_KEY = r"(?:password|passwd|secret|token|api[_-]?key|private[_-]?key)"
# A password that is a phrase: few words, of which one is no word, or which end in a number.
_NUMBERED = re.compile(r"[a-z]+(?: [a-z]+){0,3} \d{2,6}")
_PROSE = re.compile(r"\b(?:at|be|is|in|of|to|the|least|most|than|must|length|characters|chars|of|port|error|line)\b")
_MOST_WORDS = 6


def is_phrase(value: str) -> bool:
    """Return whether a value with blanks or quotes in it is a password rather than a message about one."""
    words = value.replace("\\", "").split()
    if len(words) > _MOST_WORDS or _PROSE.search(value.lower()) or "://" in value:
        return False
    return any(map(_is_odd, words)) or _NUMBERED.fullmatch(value) is not None


def _is_odd(word: str) -> bool:
    """Return whether a word has digits or signs between its letters."""
    inner = word.strip(".,:;!?()[]{}<>%$")
    has_both = any(map(str.isalpha, inner)) and any(sign.isdigit() or sign in "!#@^&*+" for sign in inner)
    return has_both and not any(sign in inner for sign in "(){}[]<>=") and not inner[0].isdigit()


def _is_chosen(value: str) -> bool:
    return has_digit_or_sign(value) and is_dense(value)


PHRASES = (
    Notation(
        "password",
        ("pass", "pwd", "pw"),
        re.compile(
            rf"(?i)(?<![a-z]){_NAME}[\"']?\s?(?::=|=>|[:=])\s?"
            r"(?P<quote>[\"'])(?P<secret>(?=[^\"'\n]{0,80}(?:[ ]|\\[\"']))(?:\\[^\n]|[^\"'\\\n]){6,80})(?P=quote)"
        ),
        is_phrase,
        spans_lines=True,
        begins=("pass", "pwd", "pw"),
    ),
    Notation(
        "password",
        ("pass", "pwd", "pw"),
        # As in C++; the delimiter may have a name.
        re.compile(rf"(?i){_NAME}\s?=\s?(?:u8?|L)?R\"(?P<tag>\w{{0,16}})\((?P<secret>[^()\s\"]{{6,200}})\)(?P=tag)\""),
        has_digit_or_sign,
        spans_lines=True,
        begins=("pass", "pwd", "pw"),
    ),
    Notation(
        "password",
        ("pw", "psk"),
        re.compile(
            r"(?im)^[ \t]{0,40}(?:[#*>-]{1,3}[ \t])?(?:pw|pwd|psk)[ ]?[:=][ ]?(?P<secret>[^\s\"'`()\[\]{}<>;,]{6,200})$"
        ),
        _is_chosen,
    ),
    Notation(
        "password",
        ("password", "passwd", "pass:", "pwd:", "pw:"),
        # After a user, in one line.
        re.compile(
            rf"(?i)\b(?:user(?:name)?|login|account)[ ]?:[ ]?[\w.@-]{{1,60}}[ ]{{0,3}}[,;/|]?[ ]{{0,3}}{_NAME}[ ]?:[ ]?"
            r"(?P<secret>[^\s\"'`()\[\]{}<>;,]{6,200})(?<![.])(?=[\s.,;]|\Z)"
        ),
        _is_chosen,
    ),
    Notation(
        "password",
        ("|",),
        re.compile(
            rf"(?i)\|[ \t]{{0,20}}[*`]{{0,2}}(?:[\w-]{{1,20}}[ _-])?{_KEY}[*`]{{0,2}}[ \t]{{0,40}}\|[ \t]{{0,40}}`?"
            r"(?P<secret>[^\s|`\"'()]{6,200})`?[ \t]{0,40}\|"
        ),
        _is_chosen,
    ),
    Notation(
        "secret in a form",
        ("secret=", "password=", "token=", "key="),
        re.compile(
            r"(?i)(?<=[\"'?&])(?:client_secret|password|(?:access_|refresh_)?token|api_?key)="
            r"(?P<secret>[^\s\"'&{}<>$()]{6,400})(?=[&\"'])"
        ),
        _is_chosen,
    ),
    Notation(
        "secret",
        ("variable",),
        # Of Terraform.
        re.compile(
            rf"(?i)variable\s{{1,8}}\"[\w-]{{0,60}}{_KEY}[\w-]{{0,20}}\"\s{{0,8}}\{{[^{{}}]{{0,600}}?\bdefault\s{{0,20}}=\s{{0,8}}"
            r"\"(?P<secret>[^\s\"${}]{4,400})\""
        ),
        has_digit_or_sign,
        spans_lines=True,
        begins=("variable",),
    ),
)
