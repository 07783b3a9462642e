"""The interface of a remote server's protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.client.remote.models.served import ServedModel
from infill_completion.client.remote.models.target import Target

Body = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """A request for more about one model; ``body`` is None for GET."""

    path: str
    body: Body | None = None

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "GET" if self.body is None else "POST"


class Dialect(Protocol):
    """One protocol, for one server.

    Attributes:
        models_path: Path of the list of models.
        is_line_based: Whether an answer is one JSON object per line instead of server-sent events.
        answer_keys: The fields of an event, one of which makes it part of an answer.
        has_all_choices: Whether one request returns all ``n`` choices.
        lists_all: Whether a model that is not in the list does not exist.
        loads_on_demand: Whether the server loads a model only when a request needs it, and drops it when none does.
        reads_messages: Whether answers come in the shape of a chat.
        needs_format: Whether the server leaves it to us to write the infill prompt.
    """

    models_path: str
    is_line_based: bool
    answer_keys: tuple[str, ...]
    has_all_choices: bool
    lists_all: bool
    loads_on_demand: bool

    @property
    def needs_format(self) -> bool: ...  # noqa: D102

    @property
    def reads_messages(self) -> bool: ...  # noqa: D102

    def completion_path(self, target: Target, *, is_rewrite: bool = False) -> str:
        """Return the path of completions, or that of prompts to rewrite lines, which are written out."""
        ...

    def models(self, body: Any) -> list[ServedModel]:
        """Return the models in an answer from ``models_path``.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: The answer has another shape; so for :meth:`chunks`.
        """
        ...

    def questions(self, model: ServedModel) -> list[Question]:
        """Return what to ask, in order, until the model's window and family are known."""
        ...

    def window_of(self, model: ServedModel) -> int | None:
        """Return the most tokens of a prompt and its answer, if they are known."""
        ...

    def request(self, request: CompletionRequest, target: Target, index: int) -> Body:
        """Return the body that asks for choice ``index``, or for all choices."""
        ...

    def load_request(self, target: Target) -> Body:
        """Return the smallest body that makes the server load the model."""
        ...

    def chunks(self, body: Body, index: int) -> list[Chunk]:
        """Return the chunks in one event or line of an answer."""
        ...

    def fall_back(self, status: int, refusal: str) -> bool:
        """Ask in another way from now on, because the model cannot infill in this one; return whether there is one."""
        ...
