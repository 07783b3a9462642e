"""Errors of the command line."""

from __future__ import annotations


class UsageError(Exception):
    """The request cannot be carried out; the message is one sentence with the next step."""


class MeasurementError(UsageError):
    """A benchmark did not measure what it says, so it has no figures."""
