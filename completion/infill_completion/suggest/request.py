"""The request to the engine: text around the cursor without secrets, notebook cells, other files, sampling values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infill_completion.api import CompletionRequest
from infill_completion.context import Context, ContextSource, Gatherer, cells_text, has_vanished
from infill_completion.document.snapshot import SkipReason, Snapshot
from infill_completion.document.view import View
from infill_completion.document.window import Budgets, Window, budgets
from infill_completion.document.workspace import OpenDocument, OpenDocuments
from infill_completion.privacy.ignore_files import Rule
from infill_completion.privacy.masking import mask_secrets
from infill_completion.privacy.rules import Privacy
from infill_completion.settings import Settings
from infill_completion.suggest.extent import Extent, extent_ahead, extent_at
from infill_completion.suggest.policy import literal_refusal, refusal
from infill_completion.suggest.reuse.memory import Reuse

# An unlikely key is not worth its answer.
_NEXT_CHARACTERS = 8
# Replaces the URIs of the cells above among those of other documents; no URI has a blank.
CELLS = "cells above"


@dataclass(frozen=True)
class PreparedRequest:
    """A request to the engine, and the origin of its text.

    Attributes:
        view: The cursor it is for.
        extent: How far the suggestion may reach.
        request: What the engine gets.
        versions: The versions of the other documents in it, as `versions_now` names them.
        sources: Its parts from other files.
        withheld: What is kept from the model, and why.
        uris: The other files in it, open or not.
    """

    view: View
    extent: Extent
    request: CompletionRequest
    versions: tuple[tuple[str, int], ...]
    sources: tuple[ContextSource, ...]
    withheld: tuple[str, ...]
    uris: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Return what a trace records: sizes and sources, none of the text."""
        return {
            "prefix_characters": len(self.request.prefix),
            "suffix_characters": len(self.request.suffix or ""),
            "sources": [asdict(source) for source in self.sources],
            "withheld": self.withheld,
        }


class RequestBuilder:
    """Builds requests to the engine according to the settings; only a local engine is asked for likely next keys."""

    def __init__(
        self, settings: Settings, documents: OpenDocuments, gatherer: Gatherer, *, is_engine_local: bool = False
    ) -> None:
        self._settings = settings
        self._is_engine_local = is_engine_local
        self._documents = documents
        self._gatherer = gatherer
        self._privacy = Privacy(settings.privacy.ignore)
        self._budgets = _budgets(settings)

    def configure(self, settings: Settings) -> None:
        """Use other settings from the next request on."""
        if settings.privacy != self._settings.privacy:
            self._privacy = Privacy(settings.privacy.ignore)
        self._settings = settings
        self._budgets = _budgets(settings)

    def ignore_rule(self, uri: str) -> Rule | None:
        """Return the rule that makes a document private, if any."""
        return self._privacy.rule_for(uri, self._documents.roots())

    def is_private(self, prepared: PreparedRequest) -> bool:
        """Return whether the document of a request, or another one in it, has become private."""
        return any(self.ignore_rule(uri) is not None for uri in (prepared.view.uri, *prepared.uris))

    def may_use(self, uris: Sequence[str]) -> bool:
        """Return whether other files may be in a prompt: they are there, and none has become private."""
        if not uris:
            return True
        return not any(self.ignore_rule(uri) for uri in uris) and not has_vanished(uris, self._documents.others(""))

    def refusal(self, view: View, how: Reuse | None) -> SkipReason | None:
        """Return why nothing is shown at ``view``, or None if something may be.

        Args:
            view: The cursor.
            how: Why an earlier answer fits; None if none does.
        """
        return (None if how is not None else refusal(view)) or literal_refusal(view, self._settings.completion, how)

    def view(self, snapshot: Snapshot) -> View:
        """Return the part of a document that the model may be shown."""
        return View.of(snapshot, self._budgets.prefix, self._budgets.suffix)

    def extent(self, view: View) -> Extent:
        """Return how far a suggestion at ``view`` may reach."""
        multiline = self._settings.completion.multiline
        return extent_at(view.window, view.language_id, multiline=multiline, is_invoked=view.is_invoked)

    def extent_ahead(self, view: View) -> Extent | None:
        """Return how far to compute ahead at ``view``, which the user has not reached; None where it would not help."""
        return extent_ahead(view.window, view.language_id, multiline=self._settings.completion.multiline)

    def gather(self, view: View) -> Context:
        """Return the text of other files for a request at ``view``; cheap unless something has changed."""
        return self._gatherer.gather(view, self._documents, self._settings, self._privacy, self._budgets.context)

    def gather_elsewhere(self, uri: str) -> Iterator[None]:
        """Gather for the documents that the user may come back to from ``uri``; yields after each."""
        return self._gatherer.gather_elsewhere(
            uri, self._documents, self._settings, self._privacy, self._budgets.context
        )

    def build(
        self, view: View, extent: Extent, context: Context, *, is_explained: bool = False, is_ahead: bool = False
    ) -> PreparedRequest:
        """Return the request for a suggestion at ``view``.

        Args:
            view: The cursor.
            extent: How far the suggestion may reach.
            context: The text of other files.
            is_explained: Whether the engine is to explain its prompt.
            is_ahead: Whether nobody waits for the answer yet.
        """
        completion = self._settings.completion
        cells, versions = "", context.versions
        if view.window.starts_document:
            above = self._documents.cells_before(view.uri)
            cells = cells_text(above, view.language_id, self._budgets.prefix - len(view.window.prefix))
            versions = (*versions, (CELLS, _state(above)))
        prefix, suffix, masked = _without_secrets(view.window, cells, self._settings)
        request = CompletionRequest(
            prefix=prefix,
            suffix=suffix,
            context=context.items,
            max_tokens=completion.max_tokens,
            temperature=completion.temperature,
            top_p=completion.top_p,
            n=completion.candidates if view.is_invoked else 1,
            seed=completion.seed,
            stop=extent.stop,
            deadline_ms=completion.deadline_ms * view.patience,
            logprobs=1,
            explain=is_explained,
            one_line=extent.is_one_line,
            ends_with_line=extent.ends_with_line and self._is_engine_local,
            workspace=context.workspace,
            document=context.document,
            is_invoked=view.is_invoked,
            ahead=is_ahead and self._is_engine_local,
            next_characters=_NEXT_CHARACTERS if self._is_engine_local and not view.is_invoked else 0,
        )
        sources = (*context.sources, *((ContextSource("cells above", "notebook", len(cells)),) if cells else ()))
        return PreparedRequest(view, extent, request, versions, sources, masked + context.withheld, context.uris)


def versions_now(uri: str, documents: OpenDocuments) -> dict[str, int]:
    """Return the versions of the documents other than ``uri``, by URI, and one number for all cells above it."""
    versions = {document.uri: document.version for document in documents.others(uri)}
    return {**versions, CELLS: _state(documents.cells_before(uri))}


def _budgets(settings: Settings) -> Budgets:
    return budgets(settings.engine.context_tokens, settings.completion.max_tokens, settings.context.share)


def _state(cells: Sequence[OpenDocument]) -> int:
    """Return a number that changes when a cell is edited, added, moved or removed."""
    return hash(tuple((cell.uri, cell.version) for cell in cells))


def _without_secrets(window: Window, cells: str, settings: Settings) -> tuple[str, str, tuple[str, ...]]:
    """Return prefix and suffix with their secrets masked, and the kinds of these secrets.

    A secret may lie on both sides of the cursor, or on both sides of an edge of the window.
    """
    prefix = cells + window.prefix
    if not settings.privacy.mask_secrets:
        return prefix, window.suffix, ()
    start, cursor = len(window.lead), len(window.lead) + len(prefix)
    text = window.lead + prefix + window.suffix + window.tail
    masked = mask_secrets(text, start, cursor + len(window.suffix))
    return masked.text[: cursor - start], masked.text[cursor - start :], masked.kinds
