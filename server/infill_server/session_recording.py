"""``infill.record``: starts and ends the recording of one window, and tells the user what the trace contains."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from infill_completion.api import EngineState
from infill_completion.folders import home_directory
from infill_completion.privacy.rules import Privacy
from infill_server.lsp.protocol import InfillProtocol, log_internal_error
from infill_server.recording import trace_file
from infill_server.recording.identifying_paths import identifying_paths
from infill_server.recording.observed_engine import ObservedEngine
from infill_server.recording.recorder import Recorder, folders_opened
from infill_server.recording.redaction import redacted

if TYPE_CHECKING:
    from infill_completion.settings import Settings
    from infill_server.configuration import Configuration
    from infill_server.engine_keeper import EngineKeeper
    from infill_server.lsp.documents import Document, DocumentStore
    from infill_server.recording.turns import Admit

# A recorded answer must not depend on the speed of the machine.
_DEADLINE_MS = 10_000
_STARTED = "Recording this session. Run infill.record again to end it; the trace is then written to {path}."
_ENDED = (
    "The trace is in {path}. It contains the text of the documents that were open, and all that was typed and "
    "suggested in them. Known secrets are masked, ignored files are left out, and names of files are replaced; read it "
    "before you share it."
)
_FULL = "The recording has reached its largest size and has ended. "


class RecordedWindow(Protocol):
    """The window that is recorded.

    Attributes:
        admit: Awaited before each message of the client is processed.
    """

    admit: Admit | None

    @property
    def configuration(self) -> Configuration:
        """The layers of settings."""

    def configured(self) -> None:
        """Apply changed settings."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` in the background."""


class SessionRecording:
    """The recording of one window; there is at most one at a time.

    Args:
        window: The window.
        server: Shows messages; its protocol reports those of the client and the answers.
        documents: The open documents.
        engine: Gets a completer that remembers nothing, so that a replay begins where the recording did.
    """

    def __init__(
        self, window: RecordedWindow, server: LanguageServer, documents: DocumentStore, engine: EngineKeeper
    ) -> None:
        assert isinstance(server.protocol, InfillProtocol)
        self._window = window
        self._server = server
        self._protocol = server.protocol
        self._documents = documents
        self._engine = engine
        self._recorder: Recorder | None = None
        self._privacy = Privacy(())
        self._path = Path()
        self._header: dict[str, Any] = {}

    async def toggle(self, path: Path | None = None) -> dict[str, Any]:
        """Begin to record, or end the recording; tell the user, and return where the trace is.

        Raises:
            TraceError: It cannot be written.
        """
        outcome = self._start(path) if self._recorder is None else await self._end()
        self._server.window_show_message(types.ShowMessageParams(types.MessageType.Info, outcome["message"]))
        return outcome

    async def aclose(self, *, is_full: bool = False) -> None:
        """End the recording without having been asked to; nothing happens if there is none."""
        kind, message = types.MessageType.Info, ""
        try:
            if self._recorder is not None:
                message = (await self._end(is_full=is_full))["message"]
        except trace_file.TraceError as error:
            kind, message = types.MessageType.Error, str(error)
        if message:
            self._server.window_show_message(types.ShowMessageParams(kind, message))

    def _start(self, path: Path | None) -> dict[str, Any]:
        """Begin to record; return where the trace will be.

        Raises:
            TraceError: Nothing can be written there.
        """
        path = path or trace_file.default_path()
        trace_file.prepare(path)
        self._path = path
        self._window.configuration.record(_steady(self._window.configuration.settings))
        settings, documents = self._window.configuration.settings, self._documents
        self._privacy = Privacy(settings.privacy.ignore)
        recorder = self._recorder = Recorder(
            is_private=lambda uri: self._privacy.rule_for(uri, documents.roots()) is not None,
            is_ready=lambda: self._engine.health.state is EngineState.READY,
            on_full=lambda: self._window.spawn(self.aclose(is_full=True)),
        )
        folders = [
            {**folder, "uri": recorder.pseudonyms.folder_uri(folder["uri"])}
            for folder in folders_opened(documents.roots())
        ]
        opened = [documents.get(document.uri) for document in reversed(documents.others(""))]
        recorder.begin(list(map(_item, opened)), documents.notebooks())
        self._header = trace_file.header(settings, _client(self._protocol), folders)
        self._protocol.on_received, self._protocol.on_sent = _guarded(recorder.message), _guarded(recorder.sent)
        self._window.admit = recorder.admit
        self._engine.observe(lambda engine, _on_health: ObservedEngine(engine, recorder))
        self._window.configured()
        return {"recording": True, "path": str(path), "message": _STARTED.format(path=path)}

    async def _end(self, *, is_full: bool = False) -> dict[str, Any]:
        """End the recording and write the trace; return where it is.

        Raises:
            TraceError: It cannot be written.
        """
        recorder, self._recorder = self._recorder, None
        assert recorder is not None
        self._check_privacy(recorder)
        self._protocol.on_received = self._protocol.on_sent = None
        self._window.admit = None
        model = trace_file.model_of(self._window.configuration.settings, self._engine.health)
        self._window.configuration.record(None)
        self._engine.observe(None)
        self._window.configured()
        size_bytes = await asyncio.to_thread(self._write, recorder, model)
        message = (_FULL if is_full else "") + _ENDED.format(path=self._path)
        return {"recording": False, "path": str(self._path), "bytes": size_bytes, "message": message}

    def settings_changed(self) -> None:
        """Record changed settings."""
        if self._recorder is not None:
            self._check_privacy(self._recorder)
            self._recorder.settings(trace_file.recorded_settings(self._window.configuration.settings))

    def _check_privacy(self, recorder: Recorder) -> None:
        """Leave out what the rules of this moment keep private."""
        self._privacy = Privacy(self._window.configuration.settings.privacy.ignore)  # it remembers no former verdict
        recorder.check_privacy()

    def _write(self, recorder: Recorder, model: dict[str, Any]) -> int:
        try:
            events = redacted(
                recorder.events,
                self._documents.units,
                recorder.pseudonyms,
                recorder.left_out,
                identifying_paths([home_directory(), *self._documents.roots()]),
            )
        except Exception as error:
            log_internal_error(error)
            raise trace_file.TraceError(
                f"The recording could not be redacted ({type(error).__name__}), so nothing was written; report the log."
            ) from error
        left_out = len(recorder.left_out)
        return trace_file.write(self._path, {**self._header, "model": model, "left_out": left_out}, events)


def _client(protocol: InfillProtocol) -> dict[str, Any]:
    """Return the client's name and capabilities as it sent them in ``initialize``."""
    from pygls.protocol import default_converter

    converter = default_converter()  # type: ignore[no-untyped-call]
    capabilities = converter.unstructure(protocol.client_capabilities, types.ClientCapabilities)
    capabilities.pop("experimental", None)  # it may hold anything
    return {"name": protocol.client_name, "capabilities": capabilities}


def _steady(settings: Settings) -> dict[str, Any]:
    """Return the settings with which the same session gives the same suggestions again."""
    completion = settings.completion
    return {
        "completion.seed": secrets.randbelow(1 << 31) if completion.seed is None else completion.seed,
        "completion.debounce_ms": 0,
        "completion.deadline_ms": max(completion.deadline_ms, _DEADLINE_MS),
        # The trace holds the documents that are open, and nothing of other files.
        "context.imports": False,
        "context.workspace": False,
    }


def _guarded(observer: Callable[[Any], object]) -> Callable[[Any], None]:
    """Return ``observer`` without its errors: a fault of the recording must not cost the client its answer."""

    def observe(message: Any) -> None:
        try:
            observer(message)
        except Exception as error:
            log_internal_error(error)

    return observe


def _item(document: Document) -> types.TextDocumentItem:
    return types.TextDocumentItem(document.uri, document.language_id, document.version, str(document.text))
