"""Reading the events of an answer: chunks, or the one error of a bad answer."""

from __future__ import annotations

import json
from typing import Any

from infill_completion.api import Chunk, FinishReason
from infill_completion.client.remote.dialects.dialect import Dialect
from infill_completion.client.remote.errors import RemoteErrors
from infill_completion.client.remote.trouble import error_of, is_chat

_OTHER_SHAPE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class AnswerReader:
    """Reads one answer with status 200.

    An answer without text is a fact about the document only if the server said so in its protocol.  Everything else
    (an error, a chat, a web page, nothing at all) is trouble.

    Args:
        dialect: The protocol.
        errors: Makes the errors.
        index: The choice that was asked for.

    Attributes:
        has_text: Whether any text has come.
    """

    def __init__(self, dialect: Dialect, errors: RemoteErrors, index: int) -> None:
        self.has_text = False
        self._dialect = dialect
        self._errors = errors
        self._index = index
        self._is_answered = False
        self._unfinished: set[int] = set()

    def chunks(self, data: bytes) -> list[Chunk]:
        """Return the chunks of one event.

        Raises:
            EngineUnavailableError: The event is an error, or not in the protocol.
        """
        try:
            body = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._errors.not_an_answer(data) from error
        try:
            self._check(body)
            return self._counted(body) if isinstance(body, dict) else []
        except _OTHER_SHAPE as error:
            raise self._errors.wrong_protocol() from error

    def finish(self, *, is_done: bool) -> list[Chunk]:
        """Return the last chunks, after the last event.

        Args:
            is_done: Whether the server said that the answer ends.  If not, it has died or the way to it broke, so the
                end of the text is as good as the one at a deadline.

        Raises:
            EngineUnavailableError: There was no answer.
        """
        if not self._is_answered:
            raise self._errors.wrong_protocol()
        reason = FinishReason.STOP if is_done else FinishReason.DEADLINE
        return [Chunk(index, finish_reason=reason) for index in sorted(self._unfinished)]

    def _check(self, body: Any) -> None:
        """Raise the error that an event is, if it is one."""
        if (message := error_of(body)) is not None:
            raise self._errors.failed(message)
        if is_chat(body) and not self._dialect.reads_messages:
            raise self._errors.answered_with_chat()

    def _counted(self, body: dict[str, Any]) -> list[Chunk]:
        """Return the chunks of an event, and note whether it is an answer and which choices are unfinished."""
        is_answer = any(body.get(key) not in (None, []) for key in self._dialect.answer_keys)
        self._is_answered = self._is_answered or is_answer
        if not self._is_answered:
            return []
        chunks = self._dialect.chunks(body, self._index)
        for chunk in chunks:
            self.has_text = self.has_text or bool(chunk.text)
            if chunk.finish_reason is not None:
                self._unfinished.discard(chunk.index)
            elif chunk.text:
                self._unfinished.add(chunk.index)
        return chunks
