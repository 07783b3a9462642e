"""Errors of the command line."""

from __future__ import annotations


class UsageError(Exception):
    """The request cannot be carried out; the message is one sentence with the next step."""
