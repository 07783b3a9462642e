"""What is known about one server, learnt from its lists and from its refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from infill_completion.api import EngineUnavailableError
from infill_completion.client.remote.dialects.dialect import Dialect
from infill_completion.client.remote.errors import RemoteErrors
from infill_completion.client.remote.exchange import Reply
from infill_completion.client.remote.limits.fitting import PromptBudget
from infill_completion.client.remote.limits.overlong import overlong
from infill_completion.client.remote.limits.refusal_text import refusal_text, says_loading
from infill_completion.client.remote.limits.refused import RefusedFields
from infill_completion.client.remote.models.served import ServedModel
from infill_completion.client.remote.models.target import Target
from infill_completion.client.remote.survey import SurveyResult
from infill_completion.prompt.recognition import ModelFormat
from infill_completion.settings import EngineSettings


class ModelGoneError(EngineUnavailableError):
    """The server no longer has the model that its list named; the settings allow any other."""


class ServerProfile:
    """The model in use, the size of its window, and the parts of the protocol that the server lacks.

    Attributes:
        found: What the last survey found.
        is_known: Whether ``found`` still holds.
        is_awake: Whether the server has answered since the survey.
        budget: How much text the server takes.
        refused: The fields that it does not take.
    """

    def __init__(self, settings: EngineSettings, dialect: Dialect, errors: RemoteErrors) -> None:
        self.found = SurveyResult(Target(ServedModel(), ModelFormat()))
        self.is_known = False
        self.is_awake = False
        self.budget = PromptBudget(settings.context_tokens)
        self.refused = RefusedFields()
        self._settings = settings
        self._dialect = dialect
        self._errors = errors

    @property
    def target(self) -> Target:
        """The model in use."""
        return self.found.target

    def update(self, found: SurveyResult) -> None:
        """Take over a survey; what was learnt about another server or model is forgotten."""
        is_same = _identity(self.found) == _identity(found)
        if not is_same:
            self.refused = RefusedFields()
            self.budget = PromptBudget(self._settings.context_tokens)
        self.is_awake = self.is_awake and is_same and found.target.model.is_loaded is not False
        self.found, self.is_known = found, True
        window = self._dialect.window_of(found.target.model)
        if window is not None and (self.budget.window_tokens is None or window < self.budget.window_tokens):
            self.budget.window_tokens = window

    def error(self, refusal: Reply) -> EngineUnavailableError:
        """Return the error for a refusal; what was wrong with the server's list may explain more."""
        problem = self.found.problem
        if says_loading(refusal.status, refusal.body):
            return self._errors.loading()
        if overlong(refusal.status, refusal.body) is not None:
            return self._errors.too_long(self.budget.window_tokens)
        if problem is not None and (refusal.status in {404, 405} or not self.target.name):
            return problem
        if refusal.status in {400, 404} and "model" in refusal_text(refusal.body).lower():
            names = [model.name for model in self.found.listed if "*" not in model.name]
            if self._settings.model != "auto" and names and self.target.name not in names:
                return self._errors.unknown_model(names)
            if self._settings.model == "auto" and refusal.status == 404:
                gone = self._errors.refused(refusal.status, refusal.body)
                return ModelGoneError(str(gone), kind=gone.kind)
        return self._errors.refused(refusal.status, refusal.body, refusal.retry_after_s)


def _identity(found: SurveyResult) -> Any:
    """Return what identifies a server, without what changes on its own, such as whether a model is loaded."""
    target = replace(found.target, model=replace(found.target.model, is_loaded=None))
    return target, {model.name: model.owner for model in found.listed}
