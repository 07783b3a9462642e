"""pygls' protocol with our document store, and an answer to every request.

What differs from pygls: documents are ours (its store also splits lines at U+2028 and scans the file on every edit),
ill-typed requests get an error instead of silence, requests before ``initialize`` and behind ``shutdown`` too, and no
body is ever logged.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator
from enum import Enum
from typing import TYPE_CHECKING, Any

from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.protocol import (
    JsonRPCNotification,
    JsonRPCRequestMessage,
    JsonRPCResponseMessage,
    lsp_method,
)

from infill_completion.errors import frames_of
from infill_server.lsp.document_sync import DocumentSync
from infill_server.lsp.documents import UnknownDocumentError
from infill_server.lsp.positions import Units
from infill_server.lsp.transport import without_inner

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

log = logging.getLogger(__name__)

_BEFORE_INITIALIZE = {types.INITIALIZE, types.EXIT}


class InfillProtocol(DocumentSync):
    """LSP with our documents.

    Attributes:
        exit_code: None until the client says ``exit``; then 0 or, without ``shutdown`` before it, 1.
        is_initialized: Whether the client said ``initialize``.
        initialization_options: What the client sent with it.
        client_name: What the client calls itself; empty where it does not say.
    """

    def __init__(self, server: LanguageServer, converter: Converter) -> None:
        super().__init__(server, converter)
        self.exit_code: int | None = None
        self.is_initialized = False
        self.initialization_options: object = None
        self.client_name = ""

    @property
    def shut_down(self) -> bool:
        """Whether the client said ``shutdown``."""
        return self._shutdown

    def receive(self, body: bytes) -> None:
        """Take one message from the client; requests are answered whatever they hold, and nothing is raised."""
        try:
            message = json.loads(body)
        except RecursionError:
            self._receive_too_deep(body)
            return
        except ValueError:
            self._refuse(None, types.ErrorCodes.ParseError, "The message is no JSON.")
            return
        try:
            self._receive_json(message)
        except Exception as error:  # one message must not end the loop that takes the others
            log_unforeseen(error)
            self._refuse_request(message, types.ErrorCodes.InternalError, "The server failed; see its log.")

    def _receive_json(self, message: Any) -> None:
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            self._refuse(None, types.ErrorCodes.InvalidRequest, "The message is no JSON-RPC 2.0.")
            return
        method, msg_id = message.get("method"), message.get("id")
        if isinstance(method, str) and msg_id is not None:
            self._receive_request(message, method, msg_id)
        elif isinstance(method, str):
            self._receive_notification(message, method)
        elif "result" in message or "error" in message:
            self._receive_response(message)
        else:
            self._refuse(msg_id, types.ErrorCodes.InvalidRequest, "The message has neither method nor result.")

    def _receive_too_deep(self, body: bytes) -> None:
        """Refuse what is nested deeper than can be read; a request by its id, which stands at the top."""
        try:
            message = json.loads(without_inner(body))
        except ValueError:
            message = None
        self._refuse_request(message, types.ErrorCodes.InvalidRequest, "The message is nested too deeply.")

    def _refuse_request(self, message: Any, code: types.ErrorCodes, reason: str) -> None:
        """Answer ``message`` with an error if it is a request; a notification has no answer and is left out."""
        msg_id = message.get("id") if isinstance(message, dict) and "method" in message else None
        if isinstance(msg_id, int | str):
            self._refuse(msg_id, code, reason)
        else:
            log.warning("ignored a message: %s", reason)

    def _receive_request(self, message: dict[str, Any], method: str, msg_id: Any) -> None:
        if not isinstance(msg_id, int | str):
            self._refuse(None, types.ErrorCodes.InvalidRequest, "The id of a request is a number or a string.")
        elif not self.is_initialized and method not in _BEFORE_INITIALIZE:
            self._refuse(msg_id, types.ErrorCodes.ServerNotInitialized, f"{method} came before initialize.")
        elif self.is_initialized and method == types.INITIALIZE:
            self._refuse(msg_id, types.ErrorCodes.InvalidRequest, "initialize came twice.")
        elif self._shutdown:
            self._refuse(msg_id, types.ErrorCodes.InvalidRequest, f"{method} came behind shutdown.")
        elif not self._knows(method):
            self._refuse(msg_id, types.ErrorCodes.MethodNotFound, f"There is no method {method}.")
        elif (typed := self._typed(message)) is None:
            self._refuse(msg_id, types.ErrorCodes.InvalidParams, f"The parameters of {method} are ill-typed.")
        else:
            self.handle_message(typed)

    def _receive_notification(self, message: dict[str, Any], method: str) -> None:
        if not self._knows(method) and method != types.CANCEL_REQUEST:
            log.debug("ignored %s", method)
        elif not self.is_initialized and method not in _BEFORE_INITIALIZE:
            log.warning("ignored %s before initialize", method)
        elif (typed := self._typed(message)) is None:
            log.warning("ignored an ill-typed %s", method)
        else:
            self.handle_message(typed)

    def _receive_response(self, message: dict[str, Any]) -> None:
        msg_id = message.get("id")
        # The client's own requests stand in the same table of futures; an answer with such an id is to nothing of ours.
        if not isinstance(msg_id, str) or msg_id not in self._result_types:
            log.debug("ignored an answer to nothing that was asked")
            return
        future = self._request_futures.get(msg_id)
        if future is None or future.done():  # whoever asked no longer waits
            self._request_futures.pop(msg_id, None)
        elif (typed := self._typed(message)) is None:
            self._request_futures.pop(msg_id)
            future.set_exception(JsonRpcException("the client's answer is ill-typed"))
        else:
            self.handle_message(typed)
        self._result_types.pop(msg_id, None)

    def _knows(self, method: str) -> bool:
        return method in self.fm.builtin_features or method in self.fm.features

    def _typed(self, message: dict[str, Any]) -> Any | None:
        """Return ``message`` as LSP's type for it, or None where it does not fit."""
        method = message.get("method")
        if method is None:
            kind = self._result_types.pop(message["id"], None) if "result" in message else types.ResponseErrorMessage
        else:
            kind = self.get_message_type(method)
        try:
            if kind is None:
                return _untyped(message)
            return self._converter.structure(message, kind)
        except Exception as error:  # whatever the converter raises, it is about the message
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
            self._request_futures.pop(msg_id, None)  # pygls keeps those of notifications for ever
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
            log_unforeseen(error)
            reason = f"The server failed with {type(error).__name__}; see its log."
            self._refuse(msg_id, types.ErrorCodes.InternalError, reason)

    def _check_handler_result(self, future: Any) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            log_unforeseen(error)

    def _refuse(self, msg_id: Any, code: types.ErrorCodes, reason: str) -> None:
        error = {"code": code.value, "message": reason}
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "error": error})

    def _send_data(self, data: Any) -> None:
        if self.writer is None:
            return
        try:
            body = json.dumps(data, default=self._serialize_message, separators=(",", ":")).encode()
        except Exception as error:  # an answer that cannot be written is still an answer owed
            log_unforeseen(error)
            if isinstance(data, dict) or (msg_id := getattr(data, "id", None)) is None or hasattr(data, "method"):
                return
            self._refuse(
                msg_id, types.ErrorCodes.InternalError, "The server's answer could not be written; see its log."
            )
            return
        self.writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def _serialize_message(self, data: Any) -> Any:
        """Return JSON for what `json` does not know; explanations may hold anything, which is shown as text."""
        if hasattr(data, "__attrs_attrs__") or isinstance(data, Enum):
            return super()._serialize_message(data)
        return str(data)

    def _handle_notification(self, method_name: str, params: Any) -> None:
        if method_name == types.CANCEL_REQUEST:
            # An answered request is forgotten already; pygls would warn about each.
            if params.id in self._request_futures:
                self._handle_cancel_notification(params.id)
            return
        super()._handle_notification(method_name, params)

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """Answer with our capabilities and make the documents ready."""
        result = yield from super().lsp_initialize(params)
        assert isinstance(result, types.InitializeResult)
        self.documents.use(params, Units(result.capabilities.position_encoding or Units.UTF16))
        self.initialization_options = params.initialization_options
        self.client_name = params.client_info.name if params.client_info else ""
        self.is_initialized = True
        return result

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(self, params: types.ExecuteCommandParams) -> Any:  # type: ignore[override]
        """Run one of our commands; it checks its arguments itself."""
        command = self.fm.commands.get(params.command)
        if command is None:
            raise JsonRpcInvalidParams(f"There is no command {params.command}.")
        return await command(*(params.arguments or ()))

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]
        """Note the exit code; the main loop ends by it."""
        self.exit_code = 0 if self._shutdown else 1


def log_unforeseen(error: BaseException) -> None:
    """Log where an unforeseen error came from, but not its message, which may quote the document."""
    log.error("%s at\n%s", type(error).__name__, frames_of(error))


def _untyped(message: dict[str, Any]) -> Any:
    """Return a message of a method that LSP does not define; its parameters stay JSON."""
    if "method" not in message:
        return JsonRPCResponseMessage(message["id"], message["jsonrpc"], message["result"])
    if "id" in message:
        return JsonRPCRequestMessage(message["id"], message["method"], message["jsonrpc"], message.get("params"))
    return JsonRPCNotification(message["method"], message["jsonrpc"], message.get("params"))
