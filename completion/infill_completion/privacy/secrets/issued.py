"""Tokens of known issuers, by the patterns that the issuers document."""

from __future__ import annotations

import re

from infill_completion.privacy.secrets.notation import Notation
from infill_completion.privacy.secrets.services import KINDS

# Kind, hints, pattern. A text that contains none of the hints, in lower case, is not searched. The secret is the group
# named `secret`, or the whole match without one.
_KINDS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
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
    (
        "API key",
        ("sk-",),
        re.compile(
            r"\bsk-(?=[A-Za-z_-]{0,40}\d)(?=[a-z0-9_-]{0,40}[A-Z]|(?:[a-z]{1,9}-)?[a-z0-9-]{0,4}[a-f0-9]{32})[\w-]{20,}"
        ),
    ),
    ("Hugging Face token", ("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    ("npm token", ("npm_",), re.compile(r"\bnpm_[A-Za-z0-9]{36}")),
    ("PyPI token", ("pypi-",), re.compile(r"\bpypi-[A-Za-z0-9_-]{32,}")),
    ("JSON web token", ("eyj",), re.compile(r"\beyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]*")),
    (
        "Azure key",
        ("accountkey=", "accesskey=", "accesssignature="),
        re.compile(r"(?i)\b(?:AccountKey|SharedAccess(?:Key|Signature))=(?P<secret>[A-Za-z0-9+/%=&._-]{20,})"),
    ),
    (
        "authorization header",
        ("bearer", "basic"),
        re.compile(r"(?i)\b(?:bearer|basic)[ ](?P<secret>(?=[A-Za-z._-]{0,60}\d)[A-Za-z0-9+/=_.~-]{16,})"),
    ),
)

ISSUED = tuple(Notation(*kind) for kind in (*_KINDS, *KINDS))
