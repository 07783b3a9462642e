"""Finding out which model of a server to use, and what is known about it.

No answer here is needed to complete: a list that is missing, forbidden, slow, empty or of another shape only leaves
things unknown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infill_completion.api import EngineUnavailableError
from infill_completion.client.remote.dialects.dialect import Dialect
from infill_completion.client.remote.errors import RemoteErrors, WrongProtocolError
from infill_completion.client.remote.exchange import Exchange
from infill_completion.client.remote.limits.refusal_text import says_loading
from infill_completion.client.remote.models.choosing import best_model, is_covered, model_called, wildcards
from infill_completion.client.remote.models.products import product_of
from infill_completion.client.remote.models.served import ServedModel
from infill_completion.client.remote.models.target import Target
from infill_completion.client.remote.trouble import error_of
from infill_completion.prompt.recognition import ModelFormat, format_called, format_of_names
from infill_completion.settings import EngineSettings

_LISTING_S = 10.0
# With a name from the settings, the list is only a help.
_LISTING_NAMED_S = 3.0
_QUESTION_S = 2.0
# It wants another key, or its list is not for us; another path would say the same.
_UNAUTHORIZED = frozenset({401, 403})
_OTHER_SHAPE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class SurveyResult:
    """What a survey found.

    Attributes:
        target: The model to use.
        listed: The server's models.
        problem: Why the server's list is of no use, if it is not; the reason to give if completing fails too.
    """

    target: Target
    listed: tuple[ServedModel, ...] = ()
    problem: EngineUnavailableError | None = None


class Surveyor:
    """Asks one server about its models."""

    def __init__(self, settings: EngineSettings, dialect: Dialect, exchange: Exchange, errors: RemoteErrors) -> None:
        self._settings = settings
        self._dialect = dialect
        self._exchange = exchange
        self._errors = errors

    @property
    def _wanted(self) -> str:
        return "" if self._settings.model == "auto" else self._settings.model

    async def survey(self, current: str = "") -> SurveyResult:
        """Return the model to use.

        Args:
            current: The model in use, which is kept if the server still has it.

        Raises:
            EngineUnavailableError: The server is not there, is loading, or does not have the model of the settings.
        """
        listed, problem, may_ask = await self._list()
        model = self._chosen(listed, current)
        if not model.name and problem is None:
            problem = self._errors.no_models()
        for question in self._dialect.questions(model) if may_ask else ():
            if model.window_tokens is not None and not self._format(model).is_unknown:
                break
            model = model.with_details(await self._answer(question.method, question.path, question.body))
        return SurveyResult(Target(model, self._format(model)), tuple(listed), problem)

    async def _list(self) -> tuple[list[ServedModel], EngineUnavailableError | None, bool]:
        """Return the models, what is wrong with their list, and whether the server may be asked for more."""
        patience_s = _LISTING_NAMED_S if self._wanted else _LISTING_S
        try:
            reply = await self._exchange.reply("GET", self._dialect.models_path, None, patience_s)
        except TimeoutError:
            return [], self._errors.timed_out(), True
        except WrongProtocolError as error:  # compressed in an unknown way, say
            return [], error, True
        if reply.status != 200:
            if says_loading(reply.status, reply.body):
                raise self._errors.loading(self._wanted)
            refused = self._errors.refused(reply.status, reply.body, reply.retry_after_s)
            return [], refused, reply.status not in _UNAUTHORIZED
        try:
            body = json.loads(reply.body)
            message = error_of(body) if isinstance(body, dict) else None
            if message is not None:
                return [], self._errors.failed(message), True
            return self._dialect.models(body), None, True
        except _OTHER_SHAPE:
            return [], self._errors.not_an_answer(reply.body), True

    def _chosen(self, listed: Sequence[ServedModel], current: str) -> ServedModel:
        if not self._wanted:
            found = model_called(current, listed) or best_model(listed)
            if found is None and (patterns := wildcards(listed)):
                raise self._errors.only_wildcards(patterns)
            return found or ServedModel()
        found = model_called(self._wanted, listed)
        if found is not None:
            return found
        is_complete = self._dialect.lists_all or any(product_of(model.owner).lists_all for model in listed)
        if listed and is_complete and not is_covered(self._wanted, listed):
            raise self._errors.unknown_model([model.name for model in listed])
        owner = listed[0].owner if listed else ""
        return ServedModel(self._wanted, owner)  # an alias that the list leaves out, or a model loaded on demand

    def _format(self, model: ServedModel) -> ModelFormat:
        known = format_called(self._settings.format) or format_of_names((*model.names, self._wanted))
        by_suffix = known.is_unknown and product_of(model.owner).infills_by_suffix
        return ModelFormat(by_suffix=True) if by_suffix else known

    async def _answer(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        """Return the answer to a question; None if the server does not know it."""
        try:
            reply = await self._exchange.reply(method, path, body, _QUESTION_S)
            return json.loads(reply.body) if reply.status == 200 else None
        except (TimeoutError, EngineUnavailableError, ValueError, RecursionError):
            return None
