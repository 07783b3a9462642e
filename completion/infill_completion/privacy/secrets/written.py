"""Secrets in the notations around code: URLs, command lines, markup, headers, connection strings, prose in comments.

Each pattern begins with a literal, and what follows is bounded or ends at a character that it cannot contain, so a
search takes time in proportion to the text. A notation that may reach beyond its line says so.
"""

from __future__ import annotations

import base64
import binascii
import re

from infill_completion.privacy.secrets.notation import Notation

_WORD = r"(?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key)"
_PASS_WORD = r"(?:password|passwd|passphrase|pwd)"  # noqa: S105 names of a value
_QUERY = (
    r"(?:(?:access|auth|id|refresh|private|session|bearer|csrf|xsrf|sas|api)?[_-]?token|(?:api|access|auth|secret)[_-]?key"
    r"|apikey|key|sig|signature|(?:client|app|shared)?[_-]?secret|password|passwd|pwd|pass|jwt|hapikey"
    r"|x-(?:amz|goog)-(?:signature|credential|security-token)|code|h?mac)"
)


def has_digit_or_sign(value: str) -> bool:
    """Return whether a person could have chosen this as a password rather than written a word of code."""
    is_chosen = any(sign.isdigit() or sign in "!#%^&*+@~" for sign in value) and any(map(str.isalnum, value))
    is_code = value.startswith((".", "-", "/", "(", "[", "&", "*")) or any(part in value for part in ("()", "](", "::"))
    return is_chosen and not value.isdigit() and not is_code


def is_dense(value: str) -> bool:
    """Return whether digits are mixed with letters as in no name that a person would choose."""
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return (has_both and len(re.findall(r"\d+", value)) >= 2) or (has_both and len(value) >= 24)


def is_basic(value: str) -> bool:
    """Return whether a value is base64 of ``user:password`` (RFC 7617)."""
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded[1:] and all(byte >= 0x20 for byte in decoded)


WRITTEN = (
    Notation(
        "password in a URL",
        ("://",),
        re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@\"'`<>]{0,64}:(?P<secret>[^\s/\"'`{}<>\\]{3,200})@"),
        lambda value: not value.startswith("$") and (not value.isdigit() or len(value) > 5),
    ),
    Notation(
        "token in a URL",
        ("=",),
        re.compile(rf"(?i)[?&;#](?:amp;)?{_QUERY}=(?P<secret>[^\s&\"'`<>(){{}}\[\]$\\;,]{{8,2000}})"),
        is_dense,
    ),
    Notation(
        "password in a URL",
        ("?", "&"),
        re.compile(r"(?i)[?&](?:amp;)?(?:password|passwd|pwd)=(?P<secret>[^\s&\"'`<>(){}\[\]$\\;,]{4,200})"),
        has_digit_or_sign,
    ),
    Notation(
        "token in a header",
        ("-key", "-token", "-secret"),
        re.compile(
            r"(?i)(?<![\w-])(?:[a-z]{1,20}-){1,3}(?:key|token|secret)[\"']?: ?[\"']?(?P<secret>[\w+/=.~-]{12,1000})"
            r"(?=[\s\"'`,;\\]|\Z)"
        ),
        is_dense,
    ),
    Notation(
        "authorization header",
        ("authorization",),
        re.compile(r"(?i)authorization[\"']?\]?\s{0,4}[:=,]\s{0,4}[\"']?[a-z-]{3,20} (?P<secret>[\w+/=.~:-]{16,4000})"),
        is_dense,
        spans_lines=True,
        begins=("authorization",),
    ),
    Notation(
        "authorization header",
        ("basic ",),
        re.compile(r"(?i)\bbasic (?P<secret>[A-Za-z0-9+/]{8,400}={0,2})"),
        is_basic,
    ),
    Notation(
        "cookie",
        ("cookie:", 'cookie":'),
        re.compile(r"(?i)\b(?:set-)?cookie[\"']?: ?[\"']?[^\n\"'=]{1,60}=(?P<secret>[\w%+/=.~-]{16,4000})"),
        is_dense,
    ),
    Notation(
        "password of a command",
        ("--",),
        re.compile(
            rf"(?i)(?<![\w-])--?[a-z-]{{0,20}}{_WORD}(?:[ \t]{{1,4}}|=)(?P<quote>[\"']?)"
            r"(?P<secret>[^\s\"'`$<>{}(),\\]{4,200})(?=(?P=quote)[\s;|&)]|(?P=quote)\Z)"
        ),
        has_digit_or_sign,
    ),
    Notation(
        "password of a command",
        ("curl", "wget", "http"),
        re.compile(r"(?:\s-u|\s--(?:proxy-)?user)[ =]{0,2}[\"']?[\w.@+-]{1,64}:(?P<secret>[^\s\"'`$<>{}]{3,200})"),
        has_digit_or_sign,
        spans_lines=True,
    ),
    Notation(
        "password of a command",
        ("mysql", "mariadb", "sshpass", "redis-cli", "docker login", "mongo", "sqlcmd", "ldapsearch"),
        re.compile(
            r"\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass|redis-cli|docker login|mongosh?|sqlcmd|ldapsearch)\b"
            r"[^\n|;&]{0,200}?\s-[pPaw][ ]?[\"']?(?P<secret>[^\s\"'`$<>{}(),-][^\s\"'`$<>{}(),]{3,200})"
        ),
        has_digit_or_sign,
        spans_lines=True,
    ),
    Notation(
        "password",
        ("</",),
        re.compile(
            rf"(?i)<(?:\w{{1,20}}:)?[\w.-]{{0,40}}(?:{_WORD}|pwd)[\w.-]{{0,20}}>\s{{0,40}}"
            r"(?P<secret>[^\s<>{}$]{4,400})\s{0,40}</"
        ),
        has_digit_or_sign,
        spans_lines=True,
    ),
    Notation(
        "password",
        ("password=", "pwd=", "password =", "pwd ="),
        re.compile(rf"(?i)[;\"' \t]{_PASS_WORD} ?= ?(?P<secret>[^\s;\"'`{{}}$<>(),]{{4,200}})(?=;)"),
        has_digit_or_sign,
    ),
    Notation(
        "password",
        ("host=", "dbname=", "user="),
        re.compile(
            r"(?:host|dbname|user|port|sslmode)=[^\s\"'=]{1,100} password=(?P<secret>[^\s;\"'`{}$<>(),]{3,200})"
        ),
        lambda value: not value.startswith("%"),
    ),
    Notation(
        "password",
        ("password is", "password was", "passwd is", "pwd is", "passphrase is", "pw is"),
        re.compile(
            r"(?i)\b(?:password|passwd|passphrase|pwd|pw) (?:is|was):? [\"'`]?(?P<secret>[^\s\"'`<>{}$(),]{4,200})"
        ),
        has_digit_or_sign,
    ),
    Notation(
        "password",
        ("password", "passwd", "passphrase", "pwd", "pw"),
        re.compile(
            r"(?i)(?:^|(?<=[\s;]))(?:#|//|--|/\*|\*|;|<!--|rem )[^\n\"'`]{0,80}?\b(?:password|passwd|passphrase|pwd|pw)"
            r"[ ]?[:=][ ]?(?P<secret>[^\s\"'`<>{}$(),]{4,200})",
            re.MULTILINE,
        ),
        has_digit_or_sign,
    ),
    Notation(
        "password",
        ("=",),
        # A variable before a command, of `docker run -e`, of a unit file: only a name in capitals.
        re.compile(
            r"(?<![\w.$-])(?=[A-Z])[A-Z0-9_]{0,40}(?:PASSWORD|PASSWD|PASSPHRASE|_PASS|_PWD|SECRET|TOKEN|_KEY)(?:_\d)?="
            r"(?P<secret>[^\s\"'`$;&|<>(){}\[\],]{6,400})(?=[\s;&|\"']|\Z)"
        ),
        lambda value: is_dense(value) or (has_digit_or_sign(value) and any(sign in value for sign in "!@#%^&*")),
    ),
    Notation(
        "password",
        ("env ", "arg ", "setx "),
        re.compile(
            r"(?:ENV|ARG|setx)[ \t]{1,8}[A-Z0-9_]{0,40}(?:PASSWORD|PASSWD|PASSPHRASE|_PASS|_PWD|SECRET|TOKEN|_KEY)"
            r"[ \t]{1,8}(?P<secret>[^\s\"'`$<>{}]{6,400})"
        ),
        has_digit_or_sign,
    ),
    Notation(
        "password",
        ('value="', "value='"),
        re.compile(
            r"(?i)(?:name|key)=[\"'][\w.-]{0,40}(?:password|passwd|pwd|secret|token|api-?key)[\"']\s{1,8}value=[\"']"
            r"(?P<secret>[^\s\"'<>{}$%]{4,400})(?=[\"'])"
        ),
        has_digit_or_sign,
        spans_lines=True,
    ),
    Notation(
        "password",
        ("login",),
        re.compile(r"\blogin\s{1,4}\S{1,100}\s{1,4}password\s{1,4}(?P<secret>\S{3,200})"),
        has_digit_or_sign,
        spans_lines=True,
        begins=("login",),
    ),
    Notation(
        "password of a command", (" pass:",), re.compile(r" pass:(?P<secret>[^\s\"'`$<>{}]{4,200})"), has_digit_or_sign
    ),
    Notation("token", ("token ",), re.compile(r"(?i)\btoken (?P<secret>[\w.~+/=-]{20,400})(?![\w(])"), is_dense),
    Notation(
        "private key",
        ("private-lines:",),
        re.compile(r"Private-Lines: \d{1,3}\s{1,2}(?P<secret>(?:[A-Za-z0-9+/=]{1,100}\r?\n?){1,100})"),
        lambda _value: True,
        spans_lines=True,
    ),
    Notation(
        "WireGuard key",
        ("privatekey", "presharedkey"),
        re.compile(r"(?i)(?:private|preshared)key\s{0,4}=\s{0,4}(?P<secret>[A-Za-z0-9+/]{43}=)"),
        lambda _value: True,
        spans_lines=True,
    ),
)
