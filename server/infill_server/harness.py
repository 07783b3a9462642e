"""A headless editor that runs the language server over real stdio, for the demo, the benchmarks and scripts.

It keeps a copy of every document and sends incremental changes with UTF-16 positions, as VS Code does.
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
FINAL_KINDS = frozenset({"Normal", "Error"})


def utf16_length(text: str) -> int:
    """Return the length of ``text`` in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


@dataclass
class EditorDocument:
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
class ReportedStatus:
    """The last ``infill/status`` of the server, and all earlier ones as pairs of kind and reason."""

    kind: str = ""
    reason: str = ""
    history: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class InlineRequest:
    """A running request; ``answer`` yields its items, or raises the server's error."""

    request_id: str
    answer: asyncio.Future[list[types.InlineCompletionItem]]


async def _items(answer: Awaitable[Any]) -> list[types.InlineCompletionItem]:
    found = await answer
    return list(found.items if isinstance(found, types.InlineCompletionList) else found or [])


async def _edit_count(answer: Awaitable[Any]) -> int:
    return len((await answer).edits)


class Editor:
    """A client of the language server with one server process.

    Args:
        settings: The settings to send as ``initializationOptions`` and in response to ``workspace/configuration``.
        command: The command line of the server.
        environment: Variables to add to the environment of the server.
    """

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        command: Sequence[str] = SERVER,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.client = LanguageClient("infill-harness", "1")
        self.status = ReportedStatus()
        # What a program types says nothing about the user.
        self._settings = {"privacy.statistics": False, **(settings or {})}
        self._command = tuple(command)
        self._environment = {**os.environ, **(environment or {})}
        self._loaded = asyncio.Event()
        # pygls sets attributes on the function it registers, which a bound method does not allow.
        self.client.feature("infill/status")(lambda params: self._on_status(params))  # noqa: PLW0108
        self.client.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)(lambda _params: None)
        self.client.feature(types.WORKSPACE_CONFIGURATION)(lambda params: [self._settings for _ in params.items])
        for ignored in (types.WINDOW_LOG_MESSAGE, types.WINDOW_SHOW_MESSAGE, types.PROGRESS):
            self.client.feature(ignored)(lambda _params: None)

    def _on_status(self, params: Any) -> None:
        self.status.kind, self.status.reason = str(params.kind), str(getattr(params, "reason", "") or "")
        self.status.history.append((self.status.kind, self.status.reason))
        if self.status.kind in FINAL_KINDS:
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

    async def loaded(self, deadline_s: float) -> ReportedStatus:
        """Wait until the model is ready or has failed to load.

        Raises:
            TimeoutError: Neither happened within ``deadline_s``.
        """
        await asyncio.wait_for(self._loaded.wait(), deadline_s)
        return self.status

    @property
    def process_id(self) -> int:
        """The process id of the server."""
        assert self.client._server is not None
        return self.client._server.pid

    @property
    def is_running(self) -> bool:
        """Whether the server's process runs."""
        return self.client._server is not None and self.client._server.returncode is None

    def kill(self) -> None:
        """Kill the server's process, as a crash would."""
        assert self.client._server is not None
        self.client._server.kill()

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change the settings and notify the server."""
        self._settings = {"privacy.statistics": False, **settings}
        self.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))

    def open(self, path: Path, language_id: str, text: str, offset: int) -> EditorDocument:
        """Open a document with ``text`` instead of the file's contents."""
        document = EditorDocument(path.as_uri(), language_id, text, offset)
        item = types.TextDocumentItem(document.uri, language_id, document.version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return document

    def close(self, document: EditorDocument) -> None:
        """Close a document."""
        identifier = types.TextDocumentIdentifier(document.uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    def replace(self, document: EditorDocument, start: int, end: int, text: str) -> None:
        """Replace ``start:end`` with ``text`` and put the cursor after it."""
        change = types.TextDocumentContentChangePartial(
            range=types.Range(document.position(start), document.position(end)), text=text
        )
        document.text = document.text[:start] + text + document.text[end:]
        document.offset = start + len(text)
        document.version += 1
        identifier = types.VersionedTextDocumentIdentifier(document.version, document.uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))

    def type(self, document: EditorDocument, text: str) -> None:
        """Type ``text`` at the cursor."""
        self.replace(document, document.offset, document.offset, text)

    def backspace(self, document: EditorDocument, count: int = 1) -> None:
        """Delete characters before the cursor."""
        self.replace(document, document.offset - count, document.offset, "")

    def ask(self, document: EditorDocument, *, invoked: bool = False) -> InlineRequest:
        """Request ghost text at the cursor without waiting for it."""
        kinds = types.InlineCompletionTriggerKind
        context = types.InlineCompletionContext(kinds.Invoked if invoked else kinds.Automatic)
        identifier = types.TextDocumentIdentifier(document.uri)
        params = types.InlineCompletionParams(context, identifier, document.position())
        request_id = str(uuid.uuid4())
        sent = self.client.protocol.send_request(types.TEXT_DOCUMENT_INLINE_COMPLETION, params, msg_id=request_id)
        # A separate future, so that cancelling it does not make pygls reject the response that still arrives.
        return InlineRequest(request_id, asyncio.ensure_future(_items(asyncio.wrap_future(sent))))

    def withdraw(self, request: InlineRequest) -> None:
        """Cancel a request; the server still answers it, with an error or a result."""
        self.client.cancel_request(types.CancelParams(id=request.request_id))

    async def inline(self, document: EditorDocument, *, invoked: bool = False) -> list[types.InlineCompletionItem]:
        """Request ghost text at the cursor and wait for it."""
        return await self.ask(document, invoked=invoked).answer

    def ask_edits(self, document: EditorDocument) -> asyncio.Future[int]:
        """Request next edits as Copilot's clients do, without waiting; the answer is their number."""
        place = {"textDocument": {"uri": document.uri}, "position": document.position()}
        sent = self.client.protocol.send_request("textDocument/copilotInlineEdit", place)
        return asyncio.ensure_future(_edit_count(asyncio.wrap_future(sent)))

    async def popup(self, document: EditorDocument) -> list[types.CompletionItem]:
        """Request completion items at the cursor, as if the user had pressed the shortcut."""
        context = types.CompletionContext(types.CompletionTriggerKind.Invoked)
        identifier = types.TextDocumentIdentifier(document.uri)
        answer = await self.client.text_document_completion_async(
            types.CompletionParams(identifier, document.position(), context=context)
        )
        return list(answer.items if isinstance(answer, types.CompletionList) else answer or [])

    def ghost(self, document: EditorDocument, item: types.InlineCompletionItem) -> str:
        """Return the part of an inline item that an editor shows: its text after the text already typed."""
        text = item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value
        start = document.offset_at(item.range.start) if item.range else document.offset
        return text.removeprefix(document.text[start : document.offset])

    async def accept(self, document: EditorDocument, item: types.InlineCompletionItem) -> None:
        """Insert an item into the document and run its command, as an editor does on Tab."""
        text = item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value
        start = document.offset_at(item.range.start) if item.range else document.offset
        end = document.offset_at(item.range.end) if item.range else document.offset
        self.replace(document, start, end, text)
        if item.command:
            await self.client.workspace_execute_command_async(
                types.ExecuteCommandParams(item.command.command, item.command.arguments)
            )

    async def stop(self) -> None:
        """End the server; the engine keeps running for the next editor until its idle time is over."""
        await self.client.shutdown_async(None)
        self.client.exit(None)
        with contextlib.suppress(asyncio.CancelledError):
            await self.client.stop()  # type: ignore[no-untyped-call]
