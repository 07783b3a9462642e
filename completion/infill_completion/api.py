"""What goes over the engine's socket: OpenAI's completion request and chunks, with our additions.

Format: OpenAI's ``POST /v1/completions``; ``suffix`` is true infilling, ``context``, ``deadline_ms`` and ``explain``
are ours.  The last chunk carries ``usage`` and ``timings``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class FinishReason(StrEnum):
    """Why a choice ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"


class EngineState(StrEnum):
    """The states of ``GET /health``."""

    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"

    @property
    def is_loading(self) -> bool:
        """Whether the engine is about to become ready."""
        return self in {EngineState.STARTING, EngineState.LOADING}


class EngineUnavailableError(Exception):
    """No engine answers now.

    The message is one sentence with the next step; ``state`` tells whether it is on its way.  Messages of one ``kind``
    mean the same to a user, whatever numbers stand in them; by default that is the message.  ``retry_after_s`` is how
    long the server asks to be left alone.
    """

    def __init__(
        self, message: str, state: EngineState = EngineState.FAILED, *, kind: str = "", retry_after_s: float = 0.0
    ) -> None:
        super().__init__(message)
        self.state = state
        self.kind = kind or message
        self.retry_after_s = retry_after_s


class Engine(Protocol):
    """Whatever turns a request into text: the local engine, a remote one, a scripted one in tests."""

    def complete(self, request: CompletionRequest) -> AsyncIterator[Chunk]:
        """Yield chunks as they are decoded; the last of each choice has a ``finish_reason``.

        Closing the iterator stops the decode within one token.

        Raises:
            EngineUnavailableError: Nothing answers, or the model is still loading.
        """
        ...


@dataclass(frozen=True)
class ContextItem:
    """Text of another file, most stable first; ``path`` is shown to the model in a comment."""

    path: str
    text: str


@dataclass(frozen=True)
class CompletionRequest:
    """One request; the defaults are those of the settings.  ``suffix`` None asks for left-to-right text.

    ``prefix`` goes over the wire as OpenAI's ``prompt``.  All text has LF line ends.  ``is_invoked`` tells whether the
    user asked, and stays on this side.
    """

    prefix: str
    suffix: str | None = None
    context: tuple[ContextItem, ...] = ()
    max_tokens: int = 128
    temperature: float = 0.1
    top_p: float = 0.9
    n: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()
    deadline_ms: int | None = None
    logprobs: int | None = None
    echo: bool = False
    stream: bool = True
    explain: bool = False
    is_invoked: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the body of the HTTP request."""
        body = asdict(self)
        body["prompt"] = body.pop("prefix")
        del body["is_invoked"]
        return body


@dataclass(frozen=True)
class Usage:
    """Token counts; ``cached_tokens`` of the prompt came from an earlier request's KV cache."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Chunk:
    """A piece of one choice.  ``logprob_sum`` adds up the log-probabilities (nats) of ``token_count`` tokens."""

    index: int = 0
    text: str = ""
    finish_reason: FinishReason | None = None
    logprob_sum: float = 0.0
    token_count: int = 0
    usage: Usage | None = None
    timings: dict[str, float] = field(default_factory=dict)
    explain: dict[str, Any] | None = None


@dataclass(frozen=True)
class Health:
    """The answer of ``GET /health``; ``progress`` is 0 to 1 while loading.

    ``kind`` is that of the `EngineUnavailableError` where a remote server failed.
    """

    state: EngineState
    model: str = ""
    reason: str = ""
    progress: float | None = None
    pid: int | None = None
    device: str = ""
    version: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    kind: str = ""

    def unavailable(self) -> EngineUnavailableError:
        """Return the error for a request that meets an engine in this state."""
        if self.state is EngineState.FAILED:
            return EngineUnavailableError(self.reason, EngineState.FAILED, kind=self.kind)
        percent = "" if self.progress is None else f" ({self.progress:.0%})"
        return EngineUnavailableError(f"The model is loading{percent}.", EngineState.LOADING)
