"""One remote server: its models, whether they are loaded, and what it completes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.client.http import ProtocolError
from infill_completion.client.remote.address import public_url
from infill_completion.client.remote.completions import Completions, OnSilence
from infill_completion.client.remote.dialects.registry import DIALECTS
from infill_completion.client.remote.errors import RemoteErrors
from infill_completion.client.remote.exchange import AnswerStream, Exchange
from infill_completion.client.remote.models.products import product_of
from infill_completion.client.remote.profile import ServerProfile
from infill_completion.client.remote.survey import Surveyor
from infill_completion.client.remote.trouble import page_title
from infill_completion.prompt.rewriting.formats import edit_format_of_names
from infill_completion.settings import EngineSettings

LOAD_S = 900.0
_OK = 200
# It is awake, and a real request will tell what else is wrong.
_AWAKE = frozenset({200, 400, 422, 501})


class RemoteServer:
    """Asks the server of ``engine.url`` in the protocol of ``engine.api``.

    Attributes:
        errors: Makes the errors of this server.
    """

    def __init__(self, settings: EngineSettings) -> None:
        assert settings.url is not None
        dialect = DIALECTS[settings.api](settings)
        self.errors = RemoteErrors(public_url(settings.url), settings)
        self._dialect = dialect
        self._exchange = Exchange(settings, self.errors)
        self._profile = ServerProfile(settings, dialect, self.errors)
        self._surveyor = Surveyor(settings, dialect, self._exchange, self.errors)
        self._completions = Completions(dialect, self._exchange, self.errors, self._profile)

    @property
    def name(self) -> str:
        """The model in use; empty if the server chooses it, or none is known."""
        return self._profile.target.name

    @property
    def edit_format(self) -> str:
        """Family of the model's next-edit format, by its names; empty if it has none, or no model is known."""
        form = edit_format_of_names(self._profile.target.model.names) if self.is_known else None
        return form.family if form is not None else ""

    @property
    def is_known(self) -> bool:
        """Whether it is known which model to ask."""
        return self._profile.is_known

    @property
    def has_all_choices(self) -> bool:
        """Whether one request returns all ``n`` choices."""
        return self._dialect.has_all_choices and "n" not in self._profile.refused

    @property
    def loads_on_demand(self) -> bool:
        """Whether the server loads a model only for a request, and drops it after a while."""
        return self._dialect.loads_on_demand

    @property
    def may_load(self) -> bool:
        """Whether a silent server may be loading its model."""
        return not product_of(self._profile.target.model.owner).is_loaded

    @property
    def needs_load(self) -> bool:
        """Whether to wait for the server before the first request: it said so, or could not say which models it has."""
        found = self._profile.found
        return not self._profile.is_awake and (found.target.model.is_loaded is False or found.problem is not None)

    @property
    def loading_message(self) -> str:
        """A sentence about a server that loads its model."""
        return str(self.errors.loading(self.name))

    @property
    def loss(self) -> str:
        """A sentence about what the answers lack, with the next step; empty if that is nothing."""
        if self._dialect.needs_format and self._profile.target.format.is_unknown:
            return self.errors.unknown_format(self.name)
        budget = self._profile.budget
        if budget.window_tokens is not None and budget.is_smaller:
            return self.errors.small_window(budget.window_tokens)
        return ""

    def facts(self) -> dict[str, Any]:
        """Return the address, the format of the model and the window, as far as they are known."""
        known, window = self._profile.target.format, self._profile.budget.window_tokens
        form = known.form.family if known.form and known.infills else "left to right" if not known.infills else ""
        own = "suffix" if known.by_suffix else "the server's" if not self._dialect.needs_format else "unknown"
        return {"url": self.errors.url, "format": form or own, "window_tokens": window}

    async def survey(self) -> None:
        """Find out which model to use.

        Raises:
            EngineUnavailableError: The server is not there, is loading, or does not have the model of the settings.
        """
        self._profile.update(await self._surveyor.survey(self.name))

    def forget(self) -> None:
        """Look everything up again, because another server may be there now."""
        self._profile.is_known = False

    async def load(self, patience_s: float) -> None:
        """Make the server load the model, and wait until it has.

        Raises:
            EngineUnavailableError: The server is not there, still loads, or cannot load the model.
        """
        target = self._profile.target
        path = self._dialect.completion_path(target)
        body = self._profile.refused.without(self._dialect.load_request(target))
        try:
            reply = await self._exchange.reply("POST", path, body, patience_s)
        except TimeoutError as error:
            raise self.errors.timed_out() from error
        if reply.status not in _AWAKE:
            raise self._profile.error(reply)
        if reply.status == _OK and page_title(reply.body) is not None:
            raise self.errors.not_an_answer(reply.body)
        self._profile.is_awake = True

    async def finish(self, silent: asyncio.Task[AnswerStream]) -> None:
        """Wait, outside any deadline, until a silent server begins its answer, and hang up then.

        Raises:
            EngineUnavailableError: It never does, or refuses.
        """
        try:
            async with asyncio.timeout(LOAD_S):
                answer = await silent
        except TimeoutError as error:
            raise self.errors.timed_out() from error
        except (OSError, EOFError) as error:
            raise self.errors.unreachable(error) from error
        except (ProtocolError, ValueError) as error:
            raise self.errors.wrong_protocol() from error
        answer.end()
        if answer.refusal is not None and answer.refusal.status not in _AWAKE:
            raise self._profile.error(answer.refusal)
        self._profile.is_awake = True

    def stream(
        self, request: CompletionRequest, index: int | None, until: float, on_silence: OnSilence
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the chunks of choice ``index``, or of all choices; see :meth:`Completions.stream`."""
        return self._completions.stream(request, index, until, on_silence)

    def lacks_choices(self) -> None:
        """Record that the server returns one choice whatever ``n`` says."""
        self._profile.refused.ignored("n")

    async def aclose(self) -> None:
        """Close all connections."""
        await self._exchange.aclose()
