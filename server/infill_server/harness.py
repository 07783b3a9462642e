"""A headless editor: it speaks to the language server over real stdio, as the demo, the benchmarks and scripts need it.

It keeps its own copy of every document and sends incremental changes in UTF-16 positions, as VS Code does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import uuid
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

SERVER = (sys.executable, "-P", "-m", "infill_server.entry")
SETTLED = frozenset({"Normal", "Error"})


def utf16_length(text: str) -> int:
    """Return the length of ``text`` in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


@dataclass
class Document:
    """An open document with a cursor; ``text`` has LF line ends and ``offset`` counts code points."""

    uri: str
    language_id: str
    text: str
    offset: int = 0
    version: int = 1

    def position(self, offset: int | None = None) -> types.Position:
        """Return an offset (by default the cursor) as an LSP position in UTF-16 units."""
        before = self.text[: self.offset if offset is None else offset]
        start = before.rfind("\n") + 1
        return types.Position(before.count("\n"), utf16_length(before[start:]))

    def offset_at(self, position: types.Position) -> int:
        """Return the offset of an LSP position in UTF-16 units."""
        start = 0
        for _ in range(position.line):
            start = self.text.index("\n", start) + 1
        units = position.character
        while units > 0:
            units -= 2 if self.text[start] > "\uffff" else 1
            start += 1
        return start


@dataclass
class Status:
    """What the server said about itself last."""

    kind: str = ""
    reason: str = ""
    history: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """A request on its way; ``answer`` becomes its items, or raises what the server answered instead."""

    request: str
    answer: asyncio.Future[list[types.InlineCompletionItem]]


async def _items(answer: Awaitable[Any]) -> list[types.InlineCompletionItem]:
    found = await answer
    return list(found.items if isinstance(found, types.InlineCompletionList) else found or [])


class Editor:
    """A client of the language server with one server process.

    Args:
        settings: Sent as ``initializationOptions`` and on ``workspace/configuration``.
        command: How the server is started.
        environment: Added to the environment of the server.
    """

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        command: Sequence[str] = SERVER,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.client = LanguageClient("infill-harness", "1")
        self.status = Status()
        self._settings = dict(settings or {})
        self._command = tuple(command)
        self._environment = {**os.environ, **(environment or {})}
        self._loaded = asyncio.Event()
        # pygls marks the function it registers, and a bound method takes no marks.
        self.client.feature("infill/status")(lambda params: self._on_status(params))  # noqa: PLW0108
        self.client.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)(lambda _params: None)
        self.client.feature(types.WORKSPACE_CONFIGURATION)(lambda params: [self._settings for _ in params.items])
        for ignored in (types.WINDOW_LOG_MESSAGE, types.WINDOW_SHOW_MESSAGE, types.PROGRESS):
            self.client.feature(ignored)(lambda _params: None)

    def _on_status(self, params: Any) -> None:
        self.status.kind, self.status.reason = str(params.kind), str(getattr(params, "reason", "") or "")
        self.status.history.append((self.status.kind, self.status.reason))
        if self.status.kind in SETTLED:
            self._loaded.set()

    async def start(self, root: Path) -> types.InitializeResult:
        """Start the server for a folder and return its answer to ``initialize``."""
        await self.client.start_io(*self._command, env=self._environment)
        capabilities = types.ClientCapabilities(
            window=types.WindowClientCapabilities(work_done_progress=True),
            workspace=types.WorkspaceClientCapabilities(configuration=True),
            text_document=types.TextDocumentClientCapabilities(
                inline_completion=types.InlineCompletionClientCapabilities()
            ),
        )
        folder = types.WorkspaceFolder(root.as_uri(), root.name)
        result = await self.client.initialize_async(
            types.InitializeParams(
                capabilities, process_id=os.getpid(), workspace_folders=[folder], initialization_options=self._settings
            )
        )
        self.client.initialized(types.InitializedParams())
        return result

    async def loaded(self, deadline_s: float) -> Status:
        """Wait until the model is ready or has failed.

        Raises:
            TimeoutError: Neither happened in time.
        """
        await asyncio.wait_for(self._loaded.wait(), deadline_s)
        return self.status

    def open(self, path: Path, language_id: str, text: str, offset: int) -> Document:
        """Open a document with ``text`` in place of what the file holds."""
        document = Document(path.as_uri(), language_id, text, offset)
        item = types.TextDocumentItem(document.uri, language_id, document.version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return document

    def close(self, document: Document) -> None:
        """Close a document."""
        identifier = types.TextDocumentIdentifier(document.uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    def replace(self, document: Document, start: int, end: int, text: str) -> None:
        """Put ``text`` in place of ``start:end`` and the cursor behind it."""
        change = types.TextDocumentContentChangePartial(
            range=types.Range(document.position(start), document.position(end)), text=text
        )
        document.text = document.text[:start] + text + document.text[end:]
        document.offset = start + len(text)
        document.version += 1
        identifier = types.VersionedTextDocumentIdentifier(document.version, document.uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))

    def type(self, document: Document, text: str) -> None:
        """Type ``text`` at the cursor."""
        self.replace(document, document.offset, document.offset, text)

    def backspace(self, document: Document, count: int = 1) -> None:
        """Delete characters before the cursor."""
        self.replace(document, document.offset - count, document.offset, "")

    def ask(self, document: Document, *, invoked: bool = False) -> Asked:
        """Ask for ghost text at the cursor without waiting for it."""
        kinds = types.InlineCompletionTriggerKind
        context = types.InlineCompletionContext(kinds.Invoked if invoked else kinds.Automatic)
        identifier = types.TextDocumentIdentifier(document.uri)
        params = types.InlineCompletionParams(context, identifier, document.position())
        request = str(uuid.uuid4())
        sent = self.client.protocol.send_request(types.TEXT_DOCUMENT_INLINE_COMPLETION, params, msg_id=request)
        # A future of our own: cancelling it must not make pygls refuse the answer that still comes.
        return Asked(request, asyncio.ensure_future(_items(asyncio.wrap_future(sent))))

    def withdraw(self, asked: Asked) -> None:
        """Tell the server that a request is no longer wanted; it is still answered, with an error or a result."""
        self.client.cancel_request(types.CancelParams(id=asked.request))

    async def inline(self, document: Document, *, invoked: bool = False) -> list[types.InlineCompletionItem]:
        """Ask for ghost text at the cursor and wait for it."""
        return await self.ask(document, invoked=invoked).answer

    async def popup(self, document: Document) -> list[types.CompletionItem]:
        """Ask for completion items at the cursor, as a user who presses the key for it."""
        context = types.CompletionContext(types.CompletionTriggerKind.Invoked)
        identifier = types.TextDocumentIdentifier(document.uri)
        answer = await self.client.text_document_completion_async(
            types.CompletionParams(identifier, document.position(), context=context)
        )
        return list(answer.items if isinstance(answer, types.CompletionList) else answer or [])

    def ghost(self, document: Document, item: types.InlineCompletionItem) -> str:
        """Return the part of an inline item that an editor shows: what it adds behind the typed text."""
        text = item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value
        start = document.offset_at(item.range.start) if item.range else document.offset
        return text.removeprefix(document.text[start : document.offset])

    async def accept(self, document: Document, item: types.InlineCompletionItem) -> None:
        """Put an item into the document and run its command, as an editor does on Tab."""
        text = item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value
        start = document.offset_at(item.range.start) if item.range else document.offset
        end = document.offset_at(item.range.end) if item.range else document.offset
        self.replace(document, start, end, text)
        if item.command:
            await self.client.workspace_execute_command_async(
                types.ExecuteCommandParams(item.command.command, item.command.arguments)
            )

    async def stop(self) -> None:
        """End the server; the engine stays for the next editor until it idles out."""
        await self.client.shutdown_async(None)
        self.client.exit(None)
        with contextlib.suppress(asyncio.CancelledError):
            await self.client.stop()  # type: ignore[no-untyped-call]
