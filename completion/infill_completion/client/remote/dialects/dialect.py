"""The interface of a remote server's protocol."""

from __future__ import annotations

from typing import Any, Protocol

from infill_completion.api import Chunk, CompletionRequest

Body = dict[str, Any]


class Dialect(Protocol):
    """One protocol, for one server.

    Attributes:
        completion_path: Path of completions.
        models_path: Path of the list of models.
        is_line_based: Whether an answer is one JSON object per line instead of server-sent events.
        answer_keys: The fields of an event, one of which makes it part of an answer.
        has_all_choices: Whether one request returns all ``n`` choices.
    """

    completion_path: str
    models_path: str
    is_line_based: bool
    answer_keys: tuple[str, ...]
    has_all_choices: bool

    def models(self, body: Any) -> list[str]:
        """Return the names in an answer from ``models_path``.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: The answer has another shape; so for :meth:`chunks`.
        """
        ...

    def request(self, request: CompletionRequest, model: str, index: int) -> Body:
        """Return the body that asks for choice ``index``, or for all choices."""
        ...

    def chunks(self, body: Body, index: int) -> list[Chunk]:
        """Return the chunks in one event or line of an answer."""
        ...

    def simplify(self) -> bool:
        """Omit optional fields from now on, because the server refused them; False if there are none to omit."""
        ...
