"""The language server: the connection to one client, and its configuration requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from infill_completion import __version__
from infill_server.lsp.documents import DocumentStore
from infill_server.lsp.protocol import InfillProtocol, log_internal_error
from infill_server.lsp.transport import Reader, Writer
from infill_server.parent_process import wait_for_exit
from infill_server.session import Session

log = logging.getLogger(__name__)

SECTION = "infill"
CONFIGURATION_S = 2.0
_MAX_SHOWN = 3


class InfillServer(LanguageServer):
    """A language server that offers completions.

    Attributes:
        session: The state that lives as long as the editor's window.
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
        self.session = Session(self, self.documents)
        self._reader: Reader | None = None

    @property
    def documents(self) -> DocumentStore:
        """The documents that the editor has open."""
        return self.protocol.documents

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log an internal error instead of opening a message box for each."""
        del source
        log_internal_error(error)

    def show_problems(self, problems: Sequence[str]) -> None:
        """Show the problems of the settings in one message; a long list goes to the editor's log."""
        if not problems:
            return
        shown = list(problems)
        if len(problems) > _MAX_SHOWN:
            for problem in problems:
                self.window_log_message(types.LogMessageParams(types.MessageType.Warning, problem))
            shown = [*problems[:_MAX_SHOWN], f"{len(problems) - _MAX_SHOWN} more problems are in the server's log."]
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, "\n".join(shown)))

    async def serve(self, read: Callable[[int], bytes], write: Callable[[bytes], object]) -> int:
        """Serve one client until it disconnects and return the exit code.

        Args:
            read: Blocks and returns at most the given number of bytes, and no bytes at the end.
            write: Blocks and writes all bytes.

        Returns:
            0 after ``shutdown``, else 1.
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

    async def end_with(self, process_id: int) -> None:
        """End when the editor's process ends; its pipe may stay open because another process inherited it."""
        await wait_for_exit(process_id)
        log.warning("the editor's process has ended; exiting")
        if self._reader is not None:
            self._reader.end()

    async def pull_configuration(self) -> list[str]:
        """Ask the client for its settings, if it supports that, and return new problems."""
        workspace = self.client_capabilities.workspace
        if workspace is None or not workspace.configuration:
            return []
        request = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
        try:
            async with asyncio.timeout(CONFIGURATION_S):
                answer = await self.workspace_configuration_async(request)
        except TimeoutError:
            log.warning("the client did not send its settings in time")
        except Exception as error:  # the client may refuse for any reason
            log.warning("the client did not send its settings: %s", error)
        else:
            return self.session.configuration.live(answer[0] if answer else None)
        return []

    async def watch_configuration(self) -> None:
        """Ask to be notified of changed settings, if the client requires registration for that."""
        workspace = self.client_capabilities.workspace
        capability = workspace.did_change_configuration if workspace else None
        if capability is None or not capability.dynamic_registration:
            return
        registration = types.Registration(
            id="infill-configuration",
            method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
            register_options=types.DidChangeConfigurationRegistrationOptions(section=SECTION),
        )
        try:
            await self.client_register_capability_async(types.RegistrationParams([registration]))
        except Exception as error:  # the client may refuse for any reason
            log.info("the client does not report changed settings: %s", error)
