"""pygls' protocol with our document store and an answer to every request.

It differs from pygls as follows: the document store is ours (pygls' own also splits lines at U+2028 and scans the file
on every edit); ill-typed requests, and requests before ``initialize`` or after ``shutdown``, are answered with an
error; and no message body is ever logged.

This is the only file that uses private names of pygls.  ``tests/server/lsp/test_pygls_internals.py`` lists them, so an
upgrade of pygls that removes one fails there.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import Future
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.protocol import lsp_method

from infill_completion.errors import frames_of
from infill_server.lsp.document_sync import DocumentSync
from infill_server.lsp.documents import UnknownDocumentError
from infill_server.lsp.lenient import completed
from infill_server.lsp.positions import Units
from infill_server.lsp.transport import without_inner
from infill_server.lsp.untyped import untyped

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_BEFORE_INITIALIZE = {types.INITIALIZE, types.EXIT}


class InfillProtocol(DocumentSync):
    """The LSP side of the server.

    Attributes:
        exit_code: None until the client sends ``exit``; then 0, or 1 if no ``shutdown`` came before.
        is_initialized: Whether the client has sent ``initialize``.
        initialization_options: The options in ``initialize``.
        client_name: The client's name in ``initialize``; empty if it has none.
        is_copilot: Whether the server speaks Copilot's dialect: it was started so, or the client says that it does.
        on_received, on_sent: Called with each message of either side, while a session is recorded.
    """

    on_received: Callable[[Any], object] | None = None
    on_sent: Callable[[Any], object] | None = None

    def __init__(self, server: LanguageServer, converter: Converter) -> None:
        super().__init__(server, converter)
        self.exit_code: int | None = None
        self.is_initialized = False
        self.initialization_options: object = None
        self.client_name = ""
        self.is_copilot = False

    @property
    def shut_down(self) -> bool:
        """Whether the client has sent ``shutdown``."""
        return self._shutdown

    def receive(self, body: bytes) -> None:
        """Process one message from the client; every request is answered, whatever it holds, and nothing is raised."""
        try:
            message = json.loads(body)
        except RecursionError:
            self._receive_too_deep(body)
            return
        except ValueError:
            self._refuse(None, types.ErrorCodes.ParseError, "Invalid JSON.")
            return
        try:
            _ = self.on_received and self.on_received(message)
            self._receive_json(message)
        except Exception as error:  # one message must not end the loop that reads the others
            log_internal_error(error)
            self._refuse_request(message, types.ErrorCodes.InternalError, "Internal error; see the server's log.")

    def structure(self, value: Any, kind: type[_T]) -> _T:
        """Return JSON as an LSP type.

        Raises:
            JsonRpcInvalidParams: It does not match.
        """
        try:
            return self._converter.structure(value, kind)
        except Exception as error:  # the converter raises many types; all are about the value
            raise JsonRpcInvalidParams(f"Expected {kind.__name__}.") from error

    def ask_untyped(self, method: str, params: object) -> Future[Any]:
        """Send a request; the future gets the client's answer as JSON, of whatever type it is, or its error."""
        msg_id = str(uuid.uuid4())
        future = self.send_request(method, params, msg_id=msg_id)
        self._result_types[msg_id] = None
        return future

    def _receive_json(self, message: Any) -> None:
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            self._refuse(None, types.ErrorCodes.InvalidRequest, "Not a JSON-RPC 2.0 message.")
            return
        method, msg_id = message.get("method"), message.get("id")
        if isinstance(method, str) and msg_id is not None:
            self._receive_request(message, method, msg_id)
        elif isinstance(method, str):
            self._receive_notification(message, method)
        elif "result" in message or "error" in message:
            self._receive_response(message)
        else:
            answer_id = msg_id if isinstance(msg_id, int | str) else None
            self._refuse(answer_id, types.ErrorCodes.InvalidRequest, "The message has neither method nor result.")

    def _receive_too_deep(self, body: bytes) -> None:
        """Refuse a message that is nested too deeply to parse; the id of a request is at its top level and readable."""
        try:
            message = json.loads(without_inner(body))
        except ValueError:
            message = None
        self._refuse_request(message, types.ErrorCodes.InvalidRequest, "The message is nested too deeply.")

    def _refuse_request(self, message: Any, code: types.ErrorCodes, reason: str) -> None:
        """Answer ``message`` with an error if it is a request; a notification has no answer and is ignored."""
        msg_id = message.get("id") if isinstance(message, dict) and "method" in message else None
        if isinstance(msg_id, int | str):
            self._refuse(msg_id, code, reason)
        else:
            log.warning("ignored a message: %s", reason)

    def _receive_request(self, message: dict[str, Any], method: str, msg_id: Any) -> None:
        if not isinstance(msg_id, int | str):
            self._refuse(None, types.ErrorCodes.InvalidRequest, "The id of a request must be a number or a string.")
        elif not self.is_initialized and method not in _BEFORE_INITIALIZE:
            self._refuse(msg_id, types.ErrorCodes.ServerNotInitialized, f"{method} was sent before initialize.")
        elif self.is_initialized and method == types.INITIALIZE:
            self._refuse(msg_id, types.ErrorCodes.InvalidRequest, "initialize was sent twice.")
        elif self._shutdown and method != types.EXIT:
            self._refuse(msg_id, types.ErrorCodes.InvalidRequest, f"{method} was sent after shutdown.")
        elif not self._knows(method):
            self._refuse(msg_id, types.ErrorCodes.MethodNotFound, f"Unknown method: {method}.")
        elif (typed := self._typed(message)) is None:
            self._refuse(msg_id, types.ErrorCodes.InvalidParams, f"The parameters of {method} are ill-typed.")
        else:
            self.handle_message(typed)
            if not hasattr(typed, "id"):  # a notification that a client sent as a request
                self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "result": None})

    def _receive_notification(self, message: dict[str, Any], method: str) -> None:
        if not self._knows(method) and method != types.CANCEL_REQUEST:
            log.debug("ignored %s", method)
        elif not self.is_initialized and method not in _BEFORE_INITIALIZE:
            log.warning("ignored %s before initialize", method)
        elif (typed := self._typed(completed(message, self.documents))) is None:
            log.warning("ignored an ill-typed %s", method)
        else:
            self.handle_message(typed)

    def _receive_response(self, message: dict[str, Any]) -> None:
        msg_id = message.get("id")
        # The table of futures also holds the client's requests; a response with such an id does not answer one of ours.
        if not isinstance(msg_id, str) or msg_id not in self._result_types:
            log.debug("ignored a response to an unknown request")
            return
        future = self._request_futures.get(msg_id)
        if future is None or future.done():  # the caller no longer waits
            self._request_futures.pop(msg_id, None)
        elif (typed := self._typed(message)) is None:
            self._request_futures.pop(msg_id)
            future.set_exception(JsonRpcException("the client's response is ill-typed"))
        else:
            self.handle_message(typed)
        self._result_types.pop(msg_id, None)

    def _knows(self, method: str) -> bool:
        return method in self.fm.builtin_features or method in self.fm.features

    def _typed(self, message: dict[str, Any]) -> Any | None:
        """Return ``message`` as its LSP type, or None if it does not match."""
        method = message.get("method")
        if method is None:
            kind = self._result_types.pop(message["id"], None) if "result" in message else types.ResponseErrorMessage
        else:
            kind = self.get_message_type(method)
        try:
            if kind is None:
                return untyped(message)
            return self._converter.structure(message, kind)
        except Exception as error:  # the converter raises many types; all are about the message
            log.debug("ill-typed message: %s", type(error).__name__)
            return None

    def _execute_handler(
        self,
        msg_id: Any,
        handler: Callable[..., Any],
        callback: Callable[[Any], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        def done(future: Any) -> None:
            self._request_futures.pop(msg_id, None)  # pygls never removes those of notifications
            callback(future)

        super()._execute_handler(msg_id, handler, done, args, kwargs)

    def _send_handler_result(self, future: Any, *, msg_id: Any) -> None:
        error = None if future.cancelled() else future.exception()
        if error is None:
            super()._send_handler_result(future, msg_id=msg_id)
        elif isinstance(error, UnknownDocumentError):
            self._refuse(msg_id, types.ErrorCodes.InvalidParams, str(error))
        elif isinstance(error, JsonRpcException):
            self._send_response(msg_id, error=error.to_response_error())
        else:
            log_internal_error(error)
            reason = f"Internal error ({type(error).__name__}); see the server's log."
            self._refuse(msg_id, types.ErrorCodes.InternalError, reason)

    def _check_handler_result(self, future: Any) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            log_internal_error(error)

    def _refuse(self, msg_id: Any, code: types.ErrorCodes, reason: str) -> None:
        error = {"code": code.value, "message": reason}
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "error": error})

    def _send_data(self, data: Any) -> None:
        if self.writer is None:
            return
        try:
            body = json.dumps(data, default=self._serialize_message, separators=(",", ":")).encode()
        except Exception as error:  # the client still waits for an answer
            log_internal_error(error)
            if isinstance(data, dict) or (msg_id := getattr(data, "id", None)) is None or hasattr(data, "method"):
                return
            self._refuse(
                msg_id, types.ErrorCodes.InternalError, "The response could not be serialized; see the server's log."
            )
            return
        if self.on_sent is not None:
            self.on_sent(json.loads(body))
        self.writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def _serialize_message(self, data: Any) -> Any:
        """Return JSON for types unknown to `json`; explanations may contain any object, which is sent as its `str`."""
        if hasattr(data, "__attrs_attrs__") or isinstance(data, Enum):
            return super()._serialize_message(data)
        return str(data)

    def _handle_notification(self, method_name: str, params: Any) -> None:
        if method_name == types.CANCEL_REQUEST:
            # An answered request is no longer in the table; pygls would log a warning for each.
            if isinstance(params.id, int | str) and params.id in self._request_futures:
                self._handle_cancel_notification(params.id)
            return
        super()._handle_notification(method_name, params)

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """Answer with the server's capabilities and prepare the document store."""
        if self.is_copilot and params.capabilities.general is not None:
            params.capabilities.general.position_encodings = [types.PositionEncodingKind.Utf16]
        result = yield from super().lsp_initialize(params)
        assert isinstance(result, types.InitializeResult)
        self.documents.use(params, Units(result.capabilities.position_encoding or Units.UTF16))
        self.initialization_options = params.initialization_options
        self.client_name = params.client_info.name if params.client_info else ""
        options = params.initialization_options
        self.is_copilot = self.is_copilot or (isinstance(options, dict) and "editorInfo" in options)
        self.is_initialized = True
        return result

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(self, params: types.ExecuteCommandParams) -> Any:  # type: ignore[override]
        """Run a command; each command checks its own arguments."""
        command = self.fm.commands.get(params.command)
        if command is None:
            raise JsonRpcInvalidParams(f"Unknown command: {params.command}.")
        return await command(*(params.arguments or ()))

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]
        """Set the exit code, which ends the main loop."""
        self.exit_code = 0 if self._shutdown else 1


def log_internal_error(error: BaseException) -> None:
    """Log the type and traceback of an internal error, but not its message, which may quote the document."""
    log.error("%s at\n%s", type(error).__name__, frames_of(error))
