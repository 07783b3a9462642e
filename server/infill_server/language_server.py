"""The language server: the connection to one client, and its configuration requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from infill_completion import __version__
from infill_completion.document.snapshot import Snapshot
from infill_server.editor_settings import EditorSettings
from infill_server.edits.next_edits import NextEdits
from infill_server.lsp.anticipation import Anticipation
from infill_server.lsp.documents import Document, DocumentStore
from infill_server.lsp.import_turns import import_in_turn
from infill_server.lsp.pauses import Pauses
from infill_server.lsp.protocol import InfillProtocol, log_internal_error
from infill_server.lsp.replacement import Replacement
from infill_server.lsp.transport import Reader, Writer
from infill_server.parent_process import wait_for_exit
from infill_server.records.observer import SuggestionObserver
from infill_server.records.writer import RecordsWriter
from infill_server.session import Session

log = logging.getLogger(__name__)

SECTION = "infill"
# A request for inline completion would be answered with more than before; for clients that announce the experimental
# capability ``infillLonger``.
LONGER = "infill/longer"
_MAX_SHOWN = 3


class InfillServer(LanguageServer):
    """A language server that offers completions.

    Attributes:
        editor_settings: The settings that the editor sends.
        session: The state that lives as long as the editor's window.
        records: Records what becomes of the suggestions.
        edits: The next edits of the window.
        anticipation: Notices what the editor is going to ask for.
        pauses: Notices that the user pauses, so that suggestions may grow.
    """

    protocol: InfillProtocol

    def __init__(self, *, as_copilot: bool = False) -> None:
        """Make a server; ``as_copilot`` for clients that look for a server of that name.

        Some of them always send UTF-16 positions, so that no other units are offered to them.
        """
        super().__init__(
            "copilot (infill-ls)" if as_copilot else "infill-ls",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            notebook_document_sync=types.NotebookDocumentSyncOptions(
                notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="*")]
            ),
            protocol_cls=InfillProtocol,
        )
        self.editor_settings = EditorSettings(self._ask_for_settings, self._settings_arrived)
        self.session = Session(self, self.documents, self.editor_settings)
        self._writer = RecordsWriter(log.warning)
        self.records = SuggestionObserver(self._writer, self._may_record, self.documents.text_at)
        self.anticipation = Anticipation(self._expect)
        self.pauses = Pauses(self._grow, self.documents.holds)
        self.documents.on_edits = self._edited
        self.edits = NextEdits(
            self.documents,
            lambda: self.session.settings,
            lambda: self.session.snooze.until_s is not None,
            self.session.engine_for_edits,
        )
        self.protocol.is_copilot = as_copilot
        self._reader: Reader | None = None
        self._problems: list[str] = []  # problems of the settings that have not been shown yet

    @property
    def documents(self) -> DocumentStore:
        """The documents that the editor has open."""
        return self.protocol.documents

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log an internal error instead of opening a message box for each."""
        del source
        log_internal_error(error)

    def show_problems(self, problems: Sequence[str] = ()) -> None:
        """Show new problems of the settings in one message; a long list goes to the editor's log."""
        problems, self._problems = [*problems, *self._problems], []
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
            if self.session.admit is not None:
                await self.session.admit(body)
            self.protocol.receive(body)
            if self.protocol.exit_code is not None:
                break
            # A request takes its snapshot before the next message is applied.
            await asyncio.sleep(0)
        self.editor_settings.close()
        self.pauses.stop()
        self.records.close()
        self.edits.close()
        await self.session.aclose()
        await self._writer.aclose()
        writer.close()
        return 0 if self.protocol.shut_down else 1

    async def end_with(self, process_id: int) -> None:
        """End when the editor's process ends; its pipe may stay open because another process inherited it."""
        await wait_for_exit(process_id)
        log.warning("the editor's process has ended; exiting")
        if self._reader is not None:
            self._reader.end()

    async def pull_configuration(self) -> None:
        """Ask the client for its settings, if it supports that; a late answer is applied when it comes."""
        workspace = self.client_capabilities.workspace
        if workspace is not None and workspace.configuration:
            await self.editor_settings.refresh()

    async def learn_from_records(self) -> None:
        """Let what became of earlier suggestions on this machine decide what is worth showing."""
        if not self._may_record():
            return
        # It imports SQLite and reads a file.
        module = await asyncio.to_thread(import_in_turn, "infill_server.records.recalibration")
        if (model := await asyncio.to_thread(module.recalibrated_show_model)) is not None:
            self.session.engine.calibrate(model)

    def _may_record(self) -> bool:
        """Return whether the user lets suggestions be recorded; what is not known yet counts as a no."""
        configuration = self.session.configuration
        is_known = not (configuration.is_file_unknown or self.editor_settings.is_missing)
        return is_known and configuration.settings.privacy.statistics

    def _edited(self, document: Document, edits: Sequence[Replacement]) -> None:
        self.records.edited(document, edits)
        self.anticipation.edited(document, edits)
        self.pauses.edited(document, edits)
        self.edits.edited(document.uri)

    def _expect(self, snapshot: Snapshot) -> None:
        """Begin to compute the answer to a request that the editor is going to make."""
        if not self.session.snooze.covers(snapshot):
            self.session.spawn(self.session.engine.anticipate(snapshot))

    def _grow(self, snapshot: Snapshot) -> None:
        """Let the suggestion at a place grow, because the user pauses there."""
        if not self.session.snooze.covers(snapshot) and self.session.unknown_settings(is_current=True) is None:
            self.session.spawn(self.session.engine.grow(snapshot, lambda: self._tell_longer(snapshot)))

    def _tell_longer(self, snapshot: Snapshot) -> None:
        """Tell a client that wants to know it that it would get more now; others get it with the next key."""
        experimental = self.client_capabilities.experimental
        if isinstance(experimental, dict) and experimental.get("infillLonger") is True:
            document = types.VersionedTextDocumentIdentifier(uri=snapshot.uri, version=snapshot.version)
            self.protocol.notify(LONGER, {"textDocument": document})

    def _ask_for_settings(self) -> Future[object]:
        request = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
        return self.protocol.ask_untyped(types.WORKSPACE_CONFIGURATION, request)

    def _settings_arrived(self, settings: object) -> None:
        self._problems += self.session.configuration.live(settings)
        if self.session.is_started:
            self.show_problems()
            self.session.configured()

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
