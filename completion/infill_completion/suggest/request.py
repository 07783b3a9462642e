"""The request to the engine: windows without secrets, cells and other files, sampling values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infill_completion.api import CompletionRequest
from infill_completion.context import Context, ContextSource, cells_text
from infill_completion.document.view import View
from infill_completion.document.window import Window, budgets
from infill_completion.document.workspace import OpenDocument, OpenDocuments
from infill_completion.privacy.masking import mask_secrets
from infill_completion.settings import Settings
from infill_completion.suggest.extent import Plan

# How much longer a user waits who asked.
INVOKED_PATIENCE = 3
# Stands for the URIs of the cells above among those of other documents; no URI has a blank.
_CELLS = "cells above"


@dataclass(frozen=True)
class Asked:
    """A request, and what is known about where its text comes from.

    Attributes:
        request: What the engine gets.
        versions: The versions of other documents in it, as `versions_now` names them.
        sources: Its parts from other files.
        withheld: What the model does not get to see, and why.
    """

    request: CompletionRequest
    versions: tuple[tuple[str, int], ...]
    sources: tuple[ContextSource, ...]
    withheld: tuple[str, ...]


def asking(
    view: View,
    extent: Plan,
    settings: Settings,
    documents: OpenDocuments,
    context: Context,
    *,
    is_explained: bool = False,
) -> Asked:
    """Put a request together for ``view``."""
    completion = settings.completion
    room, _, _ = budgets(settings.engine.context_tokens, completion.max_tokens, settings.context.share)
    cells, versions = "", context.versions
    if view.window.starts_document:
        above = documents.cells_before(view.uri)
        cells = cells_text(above, view.language_id, room - len(view.window.prefix))
        versions = (*versions, (_CELLS, _state(above)))
    prefix, suffix, kinds = _without_secrets(view.window, cells, settings)
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
        deadline_ms=completion.deadline_ms * (INVOKED_PATIENCE if view.is_invoked else 1),
        logprobs=1,
        explain=is_explained,
        is_invoked=view.is_invoked,
    )
    sources = (*context.sources, *((ContextSource("cells above", "notebook", len(cells)),) if cells else ()))
    return Asked(request, versions, sources, kinds + context.withheld)


def versions_now(uri: str, documents: OpenDocuments) -> dict[str, int]:
    """Return the versions of the documents other than ``uri``, by URI, and one number for all cells above it."""
    versions = {document.uri: document.version for document in documents.others(uri)}
    return {**versions, _CELLS: _state(documents.cells_before(uri))}


def _state(cells: Sequence[OpenDocument]) -> int:
    """Return a number that changes when a cell is edited, added, moved or taken away."""
    return hash(tuple((cell.uri, cell.version) for cell in cells))


def _without_secrets(window: Window, cells: str, settings: Settings) -> tuple[str, str, tuple[str, ...]]:
    """Return prefix and suffix, and what is masked in them; a secret may lie on both sides of the cursor or an edge."""
    prefix = cells + window.prefix
    if not settings.privacy.mask_secrets:
        return prefix, window.suffix, ()
    start, cursor = len(window.lead), len(window.lead) + len(prefix)
    text = window.lead + prefix + window.suffix + window.tail
    masked = mask_secrets(text, start, cursor + len(window.suffix))
    return masked.text[: cursor - start], masked.text[cursor - start :], masked.kinds
