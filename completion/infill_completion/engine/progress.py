"""The progress of loading a model."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called with the completed share, from 0 to 1, and a few words on what is done now."""
