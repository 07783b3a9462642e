"""The interface between the language server and an engine: OpenAI's completion request and chunks, with additions.

Format: OpenAI's ``POST /v1/completions``.  ``suffix`` is true infilling; ``context``, ``deadline_ms``, ``one_line``,
``is_invoked``, ``ahead``, ``next_characters``, ``rewrite`` and ``explain`` are additions.  ``usage`` and ``timings``
come last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


class FinishReason(StrEnum):
    """The reason a choice ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"


class EngineState(StrEnum):
    """The state of an engine, as ``GET /health`` reports it."""

    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"

    @property
    def is_loading(self) -> bool:
        """Whether the engine is about to become ready."""
        return self in {EngineState.STARTING, EngineState.LOADING}


class EngineUnavailableError(Exception):
    """The engine cannot answer now; the message is one sentence with the next step.

    Attributes:
        state: Whether the engine is loading or has failed.
        kind: Errors of one kind mean the same to a user, even if their messages differ in numbers.  By default it is
            the message.
        retry_after_s: How long the server asks clients to wait before the next request.
    """

    def __init__(
        self, message: str, state: EngineState = EngineState.FAILED, *, kind: str = "", retry_after_s: float = 0.0
    ) -> None:
        super().__init__(message)
        self.state = state
        self.kind = kind or message
        self.retry_after_s = retry_after_s


class Engine(Protocol):
    """Turns a request into text: the local engine, a remote one, or a scripted one in tests."""

    def complete(self, request: CompletionRequest) -> AsyncIterator[Chunk]:
        """Yield chunks as they are decoded; the last chunk of each choice has a ``finish_reason``.

        Closing the iterator stops the decode within one token.

        Raises:
            EngineUnavailableError: The engine does not answer, or its model is still loading.
        """
        ...


@dataclass(frozen=True)
class ContextItem:
    """Text of another file; ``path`` is shown to the model in a comment."""

    path: str
    text: str


@dataclass(frozen=True)
class PastEdit:
    """A change that the user has made in a file: whole lines from ``line`` (from 1) on, without the last line end."""

    path: str
    line: int
    before: str
    after: str


@dataclass(frozen=True)
class Rewrite:
    """Lines of a document for a next-edit model to write anew.

    Attributes:
        form: Family of the model's format, one of `infill_completion.prompt.rewriting.formats`.
        path: The document, as the model is shown it.
        above: The lines above, with their line ends.
        text: The lines to rewrite, without the last line end.
        below: The lines below.
        cursor: The cursor, as an offset in ``text``.
        earlier: What ``text`` was before the last change.
        edits: The last changes in all documents, the newest last.
    """

    form: str
    path: str
    above: str
    text: str
    below: str
    cursor: int
    earlier: str
    edits: tuple[PastEdit, ...] = ()


@dataclass(frozen=True)
class CompletionRequest:
    """One request; the defaults are those of the settings.  All text has LF line ends.

    Attributes:
        prefix: The text before the cursor; OpenAI's ``prompt``.
        suffix: The text after the cursor, or None for left-to-right completion.
        context: Text of other files, most stable first.
        max_tokens: The length limit of each choice.
        temperature: Sampling temperature; 0 is greedy.
        top_p: Probability mass of nucleus sampling.
        n: The number of choices.
        seed: Seed for sampling.
        stop: Strings that end a choice.
        deadline_ms: The time after which all choices end.
        logprobs: How many alternatives to report for each token.
        echo: Whether choices begin with the prefix.
        stream: Whether the answer is streamed.
        explain: Whether the last chunk describes the prompt.
        one_line: Whether the suffix is expected to follow the first line of each choice.
        ends_with_line: Whether each choice ends with the first line that has text, other than an opening brace alone.
        workspace: Name of the texts that count for it (see :class:`TextUpdate`); empty for none.
        document: Name among these of the one that is edited, which does not count.
        is_invoked: Whether the user asked for it and waits, so that it may take longer.
        ahead: Whether nobody waits for the answer yet, so that all other requests come first.
        next_characters: Of how many characters, at most, the engine reports how likely they are to be written next; it
            then also reports what it may write instead of the tokens that follow.
        rewrite: Lines to rewrite instead of completing ``prefix``; only models with such a format can.
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
    one_line: bool = False
    ends_with_line: bool = False
    workspace: str = ""
    document: str = ""
    is_invoked: bool = False
    ahead: bool = False
    next_characters: int = 0
    rewrite: Rewrite | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the body of the HTTP request."""
        body = asdict(self)
        body["prompt"] = body.pop("prefix")
        for name in ("ends_with_line", "is_invoked", "ahead", "next_characters", "rewrite"):
            if not body[name]:
                del body[name]
        if not self.workspace:
            del body["workspace"], body["document"]
        return body


@dataclass(frozen=True)
class TextUpdate:
    """Texts of a workspace for the engine to count; the body of ``POST /v1/texts``.

    Attributes:
        workspace: A name for the workspace that tells the engine nothing about it.
        texts: Names, of the same kind, and texts; None in the place of a text removes it.
        more: Whether more texts follow soon, so that counting them waits.
        replace: Whether all texts of the workspace are removed first, those that the sender does not know of too.
    """

    workspace: str
    texts: tuple[tuple[str, str | None], ...] = ()
    more: bool = False
    replace: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the body of the HTTP request."""
        texts = [{"name": name, "text": text} for name, text in self.texts]
        return {"workspace": self.workspace, "texts": texts, "more": self.more, "replace": self.replace}


@dataclass(frozen=True)
class HeldTexts:
    """What an engine holds of a workspace after an update.

    Attributes:
        store: Changes whenever the engine has forgotten all texts.
        texts: The number of texts.
        tokens: The number of their tokens.
    """

    store: str
    texts: int
    tokens: int


@runtime_checkable
class TextHolder(Protocol):
    """An engine that counts the texts of workspaces: the local one."""

    async def hold(self, update: TextUpdate) -> HeldTexts:
        """Send texts to the engine.

        Raises:
            EngineUnavailableError: The engine does not answer, or its model is not loaded.
        """
        ...


@runtime_checkable
class Rewriter(Protocol):
    """An engine that says which next-edit format its model has; empty if none, or if that is not known yet."""

    edit_format: str


@dataclass(frozen=True)
class Usage:
    """Token counts; ``cached_tokens`` of the prompt were reused from the KV cache of an earlier request."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Chunk:
    """A part of one choice; ``logprob_sum`` adds up the log-probabilities (nats) of its ``token_count`` tokens.

    ``next_characters`` comes with the first text of a choice, if it was asked for: how likely each character was to be
    its first one, the likeliest first; the empty string stands for the end of the answer. ``alternatives`` then comes
    with each token that the model was not sure of: the texts that it thought of instead, with their shares.
    """

    index: int = 0
    text: str = ""
    finish_reason: FinishReason | None = None
    logprob_sum: float = 0.0
    token_count: int = 0
    usage: Usage | None = None
    timings: dict[str, float] = field(default_factory=dict)
    explain: dict[str, Any] | None = None
    next_characters: dict[str, float] = field(default_factory=dict)
    alternatives: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Health:
    """The answer of ``GET /health``.

    Attributes:
        state: The engine's state.
        model: The model's name.
        reason: Why the engine failed, what it is loading, or, of one that is ready, what its answers lack.
        progress: The progress of loading, from 0 to 1.
        pid: The engine's process id; None for a remote engine.
        device: The device that runs the model.
        version: The engine's package version.
        details: Other facts, such as the quantization and the resident memory.
        kind: The kind of the `EngineUnavailableError` if a remote server failed, or of what its answers lack.
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
