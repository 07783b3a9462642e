"""The ``infill/status`` notification: whether suggestions are available, and the reason if not."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from pygls.lsp.server import LanguageServer

from infill_server.lsp.protocol import InfillProtocol

STATUS = "infill/status"
# The same in Copilot's dialect.
COPILOT_STATUS = "didChangeStatus"
# Answers from memory arrive before a spinner would become visible.
BUSY_AFTER_S = 0.1


class StatusKind(StrEnum):
    """The values of ``kind`` in ``infill/status``."""

    NORMAL = "Normal"
    WARNING = "Warning"
    ERROR = "Error"
    INACTIVE = "Inactive"


@dataclass(frozen=True)
class StatusParams:
    """The parameters of ``infill/status``.

    Attributes:
        kind: Whether suggestions are available.
        busy: Whether a request has been running for a while.
        reason: A sentence for the user; empty when all is well.
        model: The engine's model, if known.
    """

    kind: StatusKind = StatusKind.NORMAL
    busy: bool = False
    reason: str = ""
    model: str = ""


class StatusNotifier:
    """Sends ``infill/status`` whenever its parameters change."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._sent: StatusParams | None = None
        self._params = StatusParams()
        self._running_requests = 0
        self._timer: asyncio.TimerHandle | None = None

    def show(self, kind: StatusKind, reason: str = "", *, model: str | None = None) -> None:
        """Change kind and reason, and the model unless it is None."""
        model = self._params.model if model is None else model
        self._change(replace(self._params, kind=kind, reason=reason, model=model))

    def request_started(self) -> None:
        """Count a request; the status becomes busy once requests have run for ``BUSY_AFTER_S``."""
        self._running_requests += 1
        if self._running_requests == 1:
            self._timer = asyncio.get_running_loop().call_later(BUSY_AFTER_S, self._show_busy)

    def request_ended(self) -> None:
        """End the count of a request; the last one ends the busy status."""
        self._running_requests -= 1
        if self._running_requests == 0:
            if self._timer is not None:
                self._timer.cancel()
            self._change(replace(self._params, busy=False))

    def _show_busy(self) -> None:
        self._change(replace(self._params, busy=True))

    def _change(self, params: StatusParams) -> None:
        self._params = params
        if params != self._sent:
            self._sent = params
            protocol = self._server.protocol
            protocol.notify(STATUS, asdict(params))
            if isinstance(protocol, InfillProtocol) and protocol.is_copilot:
                status = {"busy": params.busy, "kind": params.kind, "message": params.reason}
                protocol.notify(COPILOT_STATUS, status)
