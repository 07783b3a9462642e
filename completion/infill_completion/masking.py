"""Secrets in a text, found by the patterns their issuers document, and masked before a model sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass

MASK = "*"

# The groups named `secret` are masked, or the whole match where there is none. A text
# without any of the hints, in lower case, is not searched.
_KINDS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    (
        "private key",
        ("private key",),
        re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?P<secret>[\s\S]*?)(?:-----END|\Z)"),
    ),
    ("AWS access key", ("akia", "asia", "abia", "acca"), re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b")),
    (
        "GitHub token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
    ),
    ("GitLab token", ("glpat-",), re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("Slack token", ("xox",), re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("Google API key", ("aiza",), re.compile(r"\bAIza[A-Za-z0-9_-]{35}")),
    ("Stripe key", ("k_live_", "k_test_"), re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}")),
    ("API key", ("sk-",), re.compile(r"\bsk-(?:[a-z]+-)?[A-Za-z0-9_-]{20,}")),
    ("Hugging Face token", ("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    ("npm token", ("npm_",), re.compile(r"\bnpm_[A-Za-z0-9]{36}")),
    ("PyPI token", ("pypi-",), re.compile(r"\bpypi-[A-Za-z0-9_-]{32,}")),
    ("JSON web token", ("eyj",), re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")),
    (
        "password in a URL",
        ("://",),
        re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{1,64}:(?P<secret>[^\s/@\"'{}$<>]{3,})@"),
    ),
    (
        "password",
        ("passw", "passphrase"),
        re.compile(
            r"(?i)\b[\w.-]{0,40}(?:password|passwd|passphrase)[\"']?\s{0,4}(?::=|=>|[:=])\s{0,4}"
            r"(?P<quote>[\"'])(?P<secret>(?=[^\"'\n]*[\d!#%&*+@^])[^\"'\n\s{}$<>]{6,})(?P=quote)"
        ),
    ),
    (
        "secret",
        ("secret", "token", "key", "credential"),
        re.compile(
            r"(?i)\b[\w.-]{0,40}(?:secret|token|api_?key|access_?key|auth_?key|private_?key|credential)s?[\"']?\s{0,4}"
            r"(?::=|=>|[:=])\s{0,4}(?P<quote>[\"'])"
            r"(?P<secret>(?=[^\"'\n]*\d)(?=[^\"'\n]*[A-Za-z])[A-Za-z0-9+/=_.~-]{12,})(?P=quote)"
        ),
    ),
)


@dataclass(frozen=True)
class Masked:
    """A text without its secrets, of the same length; ``kinds`` names what was withheld, in the order of the text."""

    text: str
    kinds: tuple[str, ...] = ()


def mask_secrets(text: str) -> Masked:
    """Replace the characters of every secret by asterisks; line ends stay."""
    lowered = text.lower()
    found: list[tuple[int, int, str]] = []
    for kind, hints, pattern in _KINDS:
        if not any(hint in lowered for hint in hints):
            continue
        for match in pattern.finditer(text):
            start, end = match.span("secret") if "secret" in pattern.groupindex else match.span()
            if not any(start < other_end and other_start < end for other_start, other_end, _ in found):
                found.append((start, end, kind))
    found.sort()
    for start, end, _ in found:
        hidden = "".join(character if character == "\n" else MASK for character in text[start:end])
        text = text[:start] + hidden + text[end:]
    return Masked(text, tuple(kind for _, _, kind in found))
