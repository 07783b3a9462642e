"""The editor's requests for suggestions: snapshot, ask, check, convert.

The snapshot is taken before the first ``await``, so it is the document the editor spoke of.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from infill_completion.document.snapshot import Answer, SkipReason, Snapshot, Trigger
from infill_server.lsp.documents import Document
from infill_server.lsp.items import inline_items, nothing_yet, popup_items

if TYPE_CHECKING:
    from infill_server.language_server import InfillServer

# Up to 0.12 at least; its popup normalizes line ends, its inline completion does not.
_SPLITS_AT_LINE_FEEDS = ("Neovim",)


async def complete(ls: InfillServer, params: types.CompletionParams) -> types.CompletionList:
    """Answer ``textDocument/completion``."""
    document = ls.documents.get(params.text_document.uri)
    snapshot = document.snapshot(params.position, _popup_trigger(params, document))
    ls.documents.focus(snapshot.uri)
    answer = await ls.session.ask(snapshot)
    if not _is_current(ls, document, snapshot, answer):
        return nothing_yet()
    return popup_items(answer, snapshot, document.text, model=ls.session.health.model, markdown=_renders_markdown(ls))


async def complete_inline(ls: InfillServer, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Answer ``textDocument/inlineCompletion``."""
    document = ls.documents.get(params.text_document.uri)
    is_invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
    trigger = Trigger.INVOKED if is_invoked else Trigger.AUTOMATIC
    snapshot = document.snapshot(params.position, trigger, params.context.selected_completion_info)
    ls.documents.focus(snapshot.uri)
    answer = await ls.session.ask(snapshot)
    if not _is_current(ls, document, snapshot, answer):
        return types.InlineCompletionList(items=[])
    return inline_items(
        answer, snapshot, document.text, only_line_feeds=ls.protocol.client_name in _SPLITS_AT_LINE_FEEDS
    )


def _popup_trigger(params: types.CompletionParams, document: Document) -> Trigger:
    """Tell a key from a letter: LSP calls both "invoked"."""
    context = params.context
    just_typed = document.took_typing(params.position)
    is_invoked = context is None or context.trigger_kind == types.CompletionTriggerKind.Invoked
    return Trigger.INVOKED if is_invoked and not just_typed else Trigger.AUTOMATIC


def _is_current(ls: InfillServer, document: Document, snapshot: Snapshot, answer: Answer) -> bool:
    """Tell whether the answer is for the text the editor has now.

    Raises:
        asyncio.CancelledError: The editor withdrew the request.
    """
    if answer.reason is SkipReason.CANCELLED:
        raise asyncio.CancelledError
    if snapshot.uri not in ls.documents or ls.documents.get(snapshot.uri) is not document:
        return False
    return document.version == snapshot.version


def _renders_markdown(ls: InfillServer) -> bool:
    text_document = ls.client_capabilities.text_document
    completion = text_document.completion if text_document else None
    item = completion.completion_item if completion else None
    return types.MarkupKind.Markdown in (item.documentation_format or ()) if item else False
