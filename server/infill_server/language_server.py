"""The language server put together: what a client can ask for, and who answers."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable, Sequence
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from infill_completion import __version__
from infill_server import handlers, workspace_commands
from infill_server.lsp.documents import DocumentStore
from infill_server.lsp.items import ACCEPTED
from infill_server.lsp.protocol import InfillProtocol, log_unforeseen
from infill_server.lsp.transport import Reader, Writer
from infill_server.parent import gone
from infill_server.session import Session

log = logging.getLogger(__name__)

# Some popups open only at these; more of them would open one behind every space.
TRIGGER_CHARACTERS = (".", "(", "[", "{", ",", "=", ":")
SECTION = "infill"
CONFIGURATION_S = 2.0
_MOST_SHOWN = 3


class InfillServer(LanguageServer):
    """A language server that offers completions.

    Attributes:
        session: What lives as long as the editor's window.
    """

    protocol: InfillProtocol

    def __init__(self) -> None:
        super().__init__(
            "infill-ls",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            notebook_document_sync=types.NotebookDocumentSyncOptions(
                notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="*")]
            ),
            protocol_cls=InfillProtocol,
        )
        self.session = Session(self)
        self._reader: Reader | None = None

    @property
    def documents(self) -> DocumentStore:
        """What the editor has open."""
        return self.protocol.documents

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log an internal error; a message box each would bury the user."""
        del source
        log_unforeseen(error)

    def show_error(self, message: str) -> None:
        """Show the user one sentence."""
        self.window_show_message(types.ShowMessageParams(types.MessageType.Error, message))

    def show_problems(self, problems: Sequence[str]) -> None:
        """Show what is wrong with settings in one message; a long list goes to the editor's log."""
        if not problems:
            return
        shown = list(problems)
        if len(problems) > _MOST_SHOWN:
            for problem in problems:
                self.window_log_message(types.LogMessageParams(types.MessageType.Warning, problem))
            shown = [*problems[:_MOST_SHOWN], f"{len(problems) - _MOST_SHOWN} more are in the log of the server."]
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, "\n".join(shown)))

    async def serve(self, read: Callable[[int], bytes], write: Callable[[bytes], object]) -> int:
        """Talk to one client until it leaves and return the exit code.

        Args:
            read: Takes a most number of bytes, blocks, and returns none at the end.
            write: Takes all bytes, and blocks.

        Returns:
            0 behind ``shutdown``, else 1.
        """
        loop = asyncio.get_running_loop()
        reader = self._reader = Reader(read)
        writer = Writer(write, on_broken=lambda: loop.call_soon_threadsafe(reader.end))
        self.protocol.set_writer(writer)
        async for body in reader:
            self.protocol.receive(body)
            if self.protocol.exit_code is not None:
                break
            # A request takes its snapshot before the next message is applied.
            await asyncio.sleep(0)
        await self.session.aclose()
        writer.close()
        return 0 if self.protocol.shut_down else 1

    async def leave_with(self, process_id: int) -> None:
        """End once the editor's process is gone, which a pipe that somebody else inherited would not tell."""
        await gone(process_id)
        log.warning("the editor is gone; ending")
        if self._reader is not None:
            self._reader.end()

    async def pull_configuration(self) -> list[str]:
        """Ask the client for its settings, where it can be asked, and return new problems."""
        workspace = self.client_capabilities.workspace
        if workspace is None or not workspace.configuration:
            return []
        asked = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
        try:
            async with asyncio.timeout(CONFIGURATION_S):
                answer = await self.workspace_configuration_async(asked)
        except TimeoutError:
            log.warning("the client did not say its settings in time")
        except Exception as error:  # whatever the client had against it
            log.warning("the client did not say its settings: %s", error)
        else:
            return self.session.configuration.live(answer[0] if answer else None)
        return []

    async def watch_configuration(self) -> None:
        """Ask to be told of changed settings, where that must be asked for."""
        workspace = self.client_capabilities.workspace
        ability = workspace.did_change_configuration if workspace else None
        if ability is None or not ability.dynamic_registration:
            return
        registration = types.Registration(
            id="infill-configuration",
            method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
            register_options=types.DidChangeConfigurationRegistrationOptions(section=SECTION),
        )
        try:
            await self.client_register_capability_async(types.RegistrationParams([registration]))
        except Exception as error:  # whatever the client had against it
            log.info("the client does not tell of changed settings: %s", error)


def add_features(server: InfillServer) -> None:
    """Register everything that a client can ask ``server`` for."""
    for method, handler, options in _features():
        server.feature(method, options)(handler)
    for name, command in _COMMANDS.items():
        server.command(name)(command)


def _features() -> list[tuple[str, Callable[..., Any], Any]]:
    return [
        (types.INITIALIZED, _initialized, None),
        (types.WORKSPACE_DID_CHANGE_CONFIGURATION, _configuration_changed, None),
        (types.TEXT_DOCUMENT_DID_CLOSE, _closed, None),
        (
            types.TEXT_DOCUMENT_COMPLETION,
            handlers.complete,
            types.CompletionOptions(trigger_characters=list(TRIGGER_CHARACTERS)),
        ),
        # Without options pygls does not advertise it.
        (types.TEXT_DOCUMENT_INLINE_COMPLETION, handlers.complete_inline, types.InlineCompletionOptions()),
        ("textDocument/didFocus", workspace_commands.focused, None),
        ("textDocument/didShowCompletion", workspace_commands.shown, None),
        ("textDocument/didPartiallyAcceptCompletion", workspace_commands.partially_accepted, None),
    ]


_COMMANDS: dict[str, Callable[..., Any]] = {
    ACCEPTED: workspace_commands.accepted,
    "infill.explain": workspace_commands.explain,
    "infill.toggle": workspace_commands.toggle,
    "infill.restart": workspace_commands.restart,
    "infill.statistics": workspace_commands.statistics,
}


def _initialized(ls: InfillServer, _params: types.InitializedParams) -> None:
    ls.session.spawn(_begin(ls))
    if ls.process_id is not None:
        ls.session.spawn(ls.leave_with(ls.process_id))


async def _begin(ls: InfillServer) -> None:
    """Gather the settings, then start the engine that they ask for."""
    # Its imports would hold up the requests that come right behind ``initialized``.
    await asyncio.to_thread(importlib.import_module, "infill_server.configuration")
    from infill_completion.settings import config_path

    configuration = ls.session.configuration
    problems = configuration.read_file(config_path())
    problems += configuration.initialize(ls.protocol.initialization_options)
    problems += await ls.pull_configuration()
    ls.show_problems(problems)
    ls.session.start()
    await ls.watch_configuration()


def _configuration_changed(ls: InfillServer, params: types.DidChangeConfigurationParams) -> None:
    ls.session.spawn(_reconfigure(ls, params.settings))


async def _reconfigure(ls: InfillServer, pushed: object) -> None:
    workspace = ls.client_capabilities.workspace
    if workspace is not None and workspace.configuration:
        ls.show_problems(await ls.pull_configuration())
    elif pushed is not None:
        ls.show_problems(ls.session.configuration.pushed(pushed))
    ls.session.configured()


def _closed(ls: InfillServer, params: types.DidCloseTextDocumentParams) -> None:
    ls.session.closed(params.text_document.uri)
