"""Messages whose method LSP does not define."""

from __future__ import annotations

from typing import Any

from pygls.protocol import JsonRPCNotification, JsonRPCRequestMessage, JsonRPCResponseMessage


def untyped(message: dict[str, Any]) -> Any:
    """Return a message whose method LSP does not define; its parameters stay JSON."""
    if "method" not in message:
        return JsonRPCResponseMessage(message["id"], message["jsonrpc"], message["result"])
    if "id" in message:
        return JsonRPCRequestMessage(message["id"], message["method"], message["jsonrpc"], message.get("params"))
    return JsonRPCNotification(message["method"], message["jsonrpc"], message.get("params"))
