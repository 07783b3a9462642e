"""An editor over real stdio: pytest-lsp's client with the capabilities of a real editor, and buffers to type in."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.protocol import default_converter
from pytest_lsp import LanguageClient, client_capabilities
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES

T = TypeVar("T")

DEADLINE_S = 120.0
CONSOLE_SCRIPT = Path(sys.executable).parent / "infill-ls"
UNITS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
UNIT_BYTES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}


def visual_studio_code() -> types.ClientCapabilities:
    """Return the capabilities of VS Code: only UTF-16, ghost text, and settings that the server requests."""
    capabilities = client_capabilities("visual-studio-code@v1.65.2")
    assert capabilities.text_document is not None
    assert capabilities.workspace is not None
    capabilities.text_document.inline_completion = types.InlineCompletionClientCapabilities()
    capabilities.general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf16])
    return capabilities


def neovim() -> types.ClientCapabilities:
    """Return the capabilities of Neovim: UTF-8 preferred."""
    capabilities = client_capabilities("neovim@v0.11.0")
    assert capabilities.text_document is not None
    capabilities.text_document.inline_completion = types.InlineCompletionClientCapabilities()
    return capabilities


class Editor:
    """An editor window: one server process, one client, and the buffers."""

    def __init__(self) -> None:
        self.client = LanguageClient(converter_factory=default_converter)
        self.notes: list[tuple[str, Any]] = []
        self.buffers: dict[str, Buffer] = {}
        self.units = "utf-16"
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        for method, answer in {**DEFAULT_CLIENT_FEATURES, "infill/status": None, "infill/longer": None}.items():
            self.client.feature(method)(self._noting(method, answer))

    async def start(self, environment: Mapping[str, str], *command: str, folder: Path | None = None) -> None:
        """Start the server process as an editor does: by its console script, in the workspace."""
        argv = command or (str(CONSOLE_SCRIPT),)
        await self.client.start_io(*argv, env={**os.environ, **environment}, cwd=folder)

    async def initialize(
        self, capabilities: types.ClientCapabilities, options: Any = None, folder: Path | None = None
    ) -> types.InitializeResult:
        """Initialize the server."""
        folders = [types.WorkspaceFolder(folder.as_uri(), folder.name)] if folder else None
        params = types.InitializeParams(
            capabilities=capabilities, initialization_options=options, workspace_folders=folders
        )
        result: types.InitializeResult = await within(self.client.initialize_session(params))
        self.units = str(result.capabilities.position_encoding or "utf-16")
        return result

    async def ready(self) -> None:
        """Wait until the server reports the status ``Normal``."""
        await self.wait_for_kind("Normal")

    async def wait_for_kind(self, kind: str, since: int = 0) -> None:
        """Wait for a status of ``kind`` after the first ``since`` ones."""
        await self.wait_for(lambda: any(status["kind"] == kind for status in self.statuses[since:]) or None)

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self.client._server is not None
        return self.client._server.pid

    @property
    def statuses(self) -> list[dict[str, Any]]:
        """Every ``infill/status`` so far."""
        return [
            {"kind": params.kind, "busy": params.busy, "reason": params.reason}
            for method, params in self.notes
            if method == "infill/status"
        ]

    @property
    def messages(self) -> list[str]:
        """Every message shown to the user."""
        return [params.message for method, params in self.notes if method == types.WINDOW_SHOW_MESSAGE]

    @property
    def progress(self) -> list[Any]:
        """Every step of every progress bar."""
        return [step for steps in self.client.progress_reports.values() for step in steps]

    def open(self, text: str, name: str = "file:///w/a.py", language_id: str = "python") -> Buffer:
        """Open a buffer; ``|`` in ``text`` is the cursor."""
        return Buffer(self, name, language_id, text)

    async def wait_for(self, condition: Callable[[], T | None]) -> T:
        """Return the result of ``condition`` once it is not None; it is checked after every message of the server."""
        async with asyncio.timeout(DEADLINE_S), self._changed:
            while (found := condition()) is None:
                await self._changed.wait()
            return found

    async def wait_for_question(self, method: str, count: int) -> None:
        """Wait until the server has sent ``count`` requests of ``method`` and has read the answers."""
        await self.wait_for(lambda: sum(noted == method for noted, _ in self.notes) >= count or None)
        await self.command("infill.explain")  # sent after the answer through the same pipe

    async def command(self, name: str, *arguments: Any) -> Any:
        """Run one of the server's commands."""
        params = types.ExecuteCommandParams(command=name, arguments=list(arguments))
        return await within(self.client.workspace_execute_command_async(params))

    def cancel_last(self) -> None:
        """Cancel the newest request that has no answer yet."""
        request = list(self.client.protocol._request_futures)[-1]
        self.client.cancel_request(types.CancelParams(id=request))

    async def exit_code(self) -> int:
        """Wait until the server process has ended and return its exit code."""
        assert self.client._server is not None
        code: int = await within(self.client._server.wait())
        return code

    async def close(self) -> None:
        """Shut the server down as an editor does, unless the test has already ended it."""
        server = self.client._server
        if server is not None and server.returncode is None:
            try:
                await within(self.client.shutdown_session())
            finally:
                if server.returncode is None:
                    server.kill()
        await self.client.stop()

    def _noting(self, method: str, answer: Callable[..., Any] | None) -> Callable[[Any], Any]:
        """Return a handler that records a message and wakes everything that waits for one."""

        def note(params: Any) -> Any:
            self.notes.append((method, params))
            task = asyncio.ensure_future(self._wake())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return answer(self.client, params) if answer is not None else None

        return note

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class Buffer:
    """An open document with a cursor, as the user sees it."""

    def __init__(self, editor: Editor, uri: str, language_id: str, marked: str) -> None:
        self._editor = editor
        self.uri = uri
        self.version = 1
        self.offset = marked.index("|")
        self.text = marked.replace("|", "", 1)
        editor.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language_id, 1, self.text))
        )

    def type(self, text: str) -> None:
        """Type at the cursor, one notification per character."""
        for character in text:
            self.replace(self.offset, self.offset, character)

    def backspace(self, count: int = 1) -> None:
        """Delete left of the cursor."""
        for _ in range(count):
            self.replace(self.offset - 1, self.offset, "")

    def replace(self, start: int, end: int, new: str) -> None:
        """Edit anywhere; the cursor ends up after ``new``."""
        change = types.TextDocumentContentChangePartial(
            range=types.Range(self.position(start), self.position(end)), text=new
        )
        self.version += 1
        self.text = self.text[:start] + new + self.text[end:]
        self.offset = start + len(new)
        self._editor.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version=self.version, uri=self.uri), [change]
            )
        )

    def position(self, offset: int | None = None) -> types.Position:
        """Return the position of an offset, or of the cursor, in the negotiated encoding."""
        left = self.text[: self.offset if offset is None else offset]
        lines = left.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        units = self._editor.units
        return types.Position(len(lines) - 1, len(lines[-1].encode(UNITS[units])) // UNIT_BYTES[units])

    def ask(self, *, by_key: bool = True) -> asyncio.Future[types.CompletionList]:
        """Send ``textDocument/completion`` and return its answer as a future."""
        kind = types.CompletionTriggerKind.Invoked if by_key else types.CompletionTriggerKind.TriggerCharacter
        params = types.CompletionParams(
            text_document=types.TextDocumentIdentifier(self.uri),
            position=self.position(),
            context=types.CompletionContext(trigger_kind=kind),
        )
        return asyncio.ensure_future(within(self._editor.client.text_document_completion_async(params)))

    def ask_inline(
        self, *, by_key: bool = False, selected: types.SelectedCompletionInfo | None = None
    ) -> asyncio.Future[types.InlineCompletionList]:
        """Send ``textDocument/inlineCompletion`` and return its answer as a future."""
        kind = types.InlineCompletionTriggerKind.Invoked if by_key else types.InlineCompletionTriggerKind.Automatic
        params = types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(self.uri),
            position=self.position(),
            context=types.InlineCompletionContext(trigger_kind=kind, selected_completion_info=selected),
        )
        return asyncio.ensure_future(within(self._editor.client.text_document_inline_completion_async(params)))

    async def popup(self, *, by_key: bool = True) -> types.CompletionList:
        """Return the popup's list."""
        return await self.ask(by_key=by_key)

    async def ghosts(self, *, by_key: bool = False) -> list[types.InlineCompletionItem]:
        """Return the ghost texts."""
        return list((await self.ask_inline(by_key=by_key)).items)

    def accepted(self, range_: types.Range, new: str) -> str:
        """Return the text after the client has replaced an item's range with its text."""
        start, end = self._offset(range_.start), self._offset(range_.end)
        return self.text[:start] + new + self.text[end:]

    def _offset(self, position: types.Position) -> int:
        # From the end, since a position is never between carriage return and newline.
        return next(offset for offset in range(len(self.text), -1, -1) if self.position(offset) == position)


async def within(work: Any) -> Any:
    """Await with the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        return await work
