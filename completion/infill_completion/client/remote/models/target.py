"""The model that requests go to, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.client.remote.models.served import ServedModel
from infill_completion.prompt.recognition import ModelFormat


@dataclass(frozen=True)
class Target:
    """A model of a server.

    Attributes:
        model: What the server says about it.
        format: How it infills, as far as is known.
    """

    model: ServedModel
    format: ModelFormat

    @property
    def name(self) -> str:
        """The server's name for it; empty lets the server choose."""
        return self.model.name
