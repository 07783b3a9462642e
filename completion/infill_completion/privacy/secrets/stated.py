"""Secrets that follow a name without a sign between, or stand at a known place: statements, pairs, calls, logins."""

from __future__ import annotations

import re

from infill_completion.privacy.secrets.notation import Notation
from infill_completion.privacy.secrets.written import has_digit_or_sign, is_basic, is_dense

_QUOTED = r"(?P<quote>[\"'])(?P<secret>[^\s\"'`%{}<>$()][^\s\"'`{}<>]{3,200})(?P=quote)"

STATED = (
    Notation(
        "password",
        ("password ", "password\t", "passwd ", "passphrase ", "identified by"),
        # As in SQL, Lisp, Ruby's symbols, and `#define`.
        re.compile(rf"(?i)(?:password|passwd|passphrase|identified by)[ \t]{{1,4}}{_QUOTED}"),
        has_digit_or_sign,
    ),
    Notation(
        "secret",
        ("define ",),
        re.compile(rf"#[ \t]?define[ \t]{{1,4}}\w{{0,40}}(?:KEY|TOKEN|SECRET|PASS|PSK)[ \t]{{1,20}}{_QUOTED}"),
        is_dense,
    ),
    Notation(
        "password",
        ("pass", "pwd", "pw", "psk"),
        re.compile(rf"(?i)(?<![\w.-])(?:pass|pwd|pw|psk|passwort)[\"']?\s?(?::=|=>|[:=])\s?{_QUOTED}"),
        has_digit_or_sign,
        spans_lines=True,
        begins=("pass", "pwd", "pw", "psk"),
    ),
    Notation(
        "password",
        ("auth", "credential", "login("),
        re.compile(
            r"(?:\bauth ?= ?|NetworkCredential|BasicAuth|UsernamePasswordCredentials|\.login)"
            rf"\([\"'][^\"'\n]{{1,100}}[\"'], ?{_QUOTED}"
        ),
        has_digit_or_sign,
    ),
    Notation(
        "password",
        ("securestring",),
        re.compile(rf"(?i)ConvertTo-SecureString (?:-String )?{_QUOTED}"),
        has_digit_or_sign,
    ),
    Notation(
        "password",
        ("value",),
        # As in the environment of a container, on two lines or in one object.
        re.compile(
            r"(?i)name[\"']?: ?[\"']?[\w.-]{0,40}(?:password|passwd|_pass|secret|token|api_?key)[\"']?,?\s{1,80}[\"']?"
            r"value[\"']?: ?[\"']?(?P<secret>[^\s\"'{}<>$,%][^\s\"'{}<>,]{3,400})"
        ),
        has_digit_or_sign,
        spans_lines=True,
        begins=("name",),
    ),
    Notation(
        "npm token",
        ("_auth",),
        re.compile(r"(?<!\w)_auth(?:Token)? ?= ?(?P<secret>[\w+/=.-]{12,400})"),
        lambda value: is_dense(value) or is_basic(value),
    ),
    Notation("password", ('"auth"',), re.compile(r"\"auth\": ?\"(?P<secret>[A-Za-z0-9+/]{8,400}={0,2})\""), is_basic),
    Notation("token in a URL", ("://",), re.compile(r"://(?P<secret>[A-Za-z0-9_-]{20,200})@"), is_dense),
    Notation(
        "password hash",
        (":$",),
        re.compile(r"(?m)^\w[\w.-]{0,40}:(?P<secret>\$(?:apr1|2[aby]|[156y])\$[\w./$=,+-]{20,200})"),
    ),
)
