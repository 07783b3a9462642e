"""Handlers of LSP requests and notifications.

A request takes its snapshot before the first ``await``, so it sees the document as it was when the editor asked.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from lsprotocol import types

from infill_completion.document.snapshot import Answer, Snapshot, Trigger
from infill_server.language_server import InfillServer
from infill_server.lsp.documents import Document
from infill_server.lsp.import_turns import import_in_turn
from infill_server.lsp.items import inline_items, nothing_yet, popup_items
from infill_server.records.offered import Offered
from infill_server.records.source import answered_by

# Neovim, at least up to 0.12: its popup normalizes line ends, its inline completion does not.
_SPLITS_AT_LINE_FEEDS = ("Neovim",)


async def complete(ls: InfillServer, params: types.CompletionParams) -> types.CompletionList:
    """Answer ``textDocument/completion``."""
    ls.show_problems(ls.session.follow_settings_file())
    document = ls.documents.get(params.text_document.uri)
    snapshot = document.snapshot(params.position, _popup_trigger(params, document))
    ls.documents.focus(snapshot.uri)
    ls.anticipation.requested(snapshot)
    asked_s = time.monotonic()
    with ls.edits.completing():
        answer = await ls.session.ask(snapshot)
    if not _is_current(ls, document, snapshot):
        return nothing_yet()
    items = popup_items(answer, snapshot, document.text, model=ls.session.health.model, markdown=_renders_markdown(ls))
    _record(ls, snapshot, answer, params.position, items, asked_s)
    return items


async def complete_inline(ls: InfillServer, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Answer ``textDocument/inlineCompletion``."""
    ls.show_problems(ls.session.follow_settings_file())
    document = ls.documents.get(params.text_document.uri)
    is_invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
    trigger = Trigger.INVOKED if is_invoked else Trigger.AUTOMATIC
    snapshot = document.snapshot(params.position, trigger, params.context.selected_completion_info)
    ls.documents.focus(snapshot.uri)
    ls.anticipation.requested(snapshot)
    asked_s = time.monotonic()
    with ls.edits.completing():
        answer = await ls.session.ask(snapshot)
    if not _is_current(ls, document, snapshot):
        return types.InlineCompletionList(items=[])
    items = inline_items(
        answer, snapshot, document.text, only_line_feeds=ls.protocol.client_name in _SPLITS_AT_LINE_FEEDS
    )
    ls.pauses.answered(document, snapshot, document.text.locate(params.position))
    _record(ls, snapshot, answer, params.position, items, asked_s)
    return items


def initialized(ls: InfillServer, _params: types.InitializedParams) -> None:
    """Start the session, and end the server with the editor's process."""
    if ls.protocol.is_copilot or "copilot" in ls.protocol.client_name.lower():
        ls.edits.expect()
    ls.session.spawn(_start_session(ls))
    if ls.process_id is not None:
        ls.session.spawn(ls.end_with(ls.process_id))


def configuration_changed(ls: InfillServer, params: types.DidChangeConfigurationParams) -> None:
    """Apply changed settings."""
    ls.show_problems(ls.session.follow_settings_file())
    ls.session.spawn(_apply_configuration(ls, params.settings))


def closed(ls: InfillServer, params: types.DidCloseTextDocumentParams) -> None:
    """Forget what is known about a closed document."""
    ls.records.closed(params.text_document.uri)
    ls.session.closed(params.text_document.uri)
    ls.edits.closed(params.text_document.uri)


async def _start_session(ls: InfillServer) -> None:
    """Collect the settings from all sources, then start the engine that they name."""
    # Importing it on the event loop would delay the requests that directly follow ``initialized``.
    await asyncio.to_thread(import_in_turn, "infill_server.configuration")
    from infill_completion.settings import config_path

    configuration = ls.session.configuration
    problems = configuration.read_file(config_path())
    problems += configuration.initialize(ls.protocol.initialization_options)
    workspace = ls.client_capabilities.workspace
    ls.editor_settings.is_missing = workspace is not None and bool(workspace.configuration)
    await ls.pull_configuration()
    ls.session.start()
    ls.edits.are_settings_known.set()
    ls.show_problems(problems)
    ls.session.spawn(ls.learn_from_records())
    await ls.watch_configuration()


async def _apply_configuration(ls: InfillServer, pushed: object) -> None:
    workspace = ls.client_capabilities.workspace
    if workspace is None or not workspace.configuration:
        if pushed is not None:
            ls.show_problems(ls.session.configuration.pushed(pushed))
        ls.session.configured()
        return
    if ls.editor_settings.is_missing and ls.session.configuration.concerns(pushed):
        ls.editor_settings.received(pushed)
    await ls.pull_configuration()


def _popup_trigger(params: types.CompletionParams, document: Document) -> Trigger:
    """Distinguish a keyboard shortcut from typing; LSP calls both "invoked"."""
    context = params.context
    just_typed = document.took_typing(params.position)
    is_invoked = context is None or context.trigger_kind == types.CompletionTriggerKind.Invoked
    return Trigger.INVOKED if is_invoked and not just_typed else Trigger.AUTOMATIC


def _record(
    ls: InfillServer,
    snapshot: Snapshot,
    answer: Answer,
    position: types.Position,
    shown: types.CompletionList | types.InlineCompletionList,
    asked_s: float,
) -> None:
    """Record what the client gets to show."""
    if not answer.is_final:
        return
    offered = Offered.of(
        snapshot,
        answer if shown.items else replace(answer, suggestions=()),
        ls.documents.get(snapshot.uri).text.locate(position),
        face="inline" if isinstance(shown, types.InlineCompletionList) else "popup",
        model=ls.session.health.model,
        source=answered_by(answer),
        latency_ms=(time.monotonic() - asked_s) * 1000,
    )
    ls.records.offered(offered)


def _is_current(ls: InfillServer, document: Document, snapshot: Snapshot) -> bool:
    """Return whether an answer for ``snapshot`` is for the text that the editor has now."""
    if not ls.documents.holds(document):
        return False
    # A client may repeat a version.
    return document.version == snapshot.version and str(document.text) == snapshot.text


def _renders_markdown(ls: InfillServer) -> bool:
    text_document = ls.client_capabilities.text_document
    completion = text_document.completion if text_document else None
    item = completion.completion_item if completion else None
    return types.MarkupKind.Markdown in (item.documentation_format or ()) if item else False
