"""Access control of an engine on TCP: clients need its token, and web pages are refused."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from infill_completion.engine.http.responses import encode, error_body


class TcpGuard:
    """Passes a request on to ``app`` only with ``Authorization: Bearer TOKEN``, and never from a web page.

    A browser sends ``Origin`` with every request that a page may post across sites.  If a page's own host name was
    made to point at this machine (DNS rebinding), ``Host`` contains that name, so only addresses, ``localhost`` and
    ``hosts`` are allowed.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Sequence[str] = ()) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = {"localhost", *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or 403, or pass the request on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        refusal = self._refusal(Headers(scope=scope))
        if refusal is None:
            return await self._app(scope, receive, send)
        status, message = refusal
        body = encode(error_body(message, "authentication_error"))
        return await Response(body, status, media_type="application/json")(scope, receive, send)

    def _refusal(self, headers: Headers) -> tuple[int, str] | None:
        if "origin" in headers:
            return 403, "Web pages may not use the engine."
        if not self._is_known(headers.get("host", "")):
            return 403, "Use the engine's address, localhost, or the host name given to --tcp."
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token):
            return 401, "The token is missing or wrong; send `Authorization: Bearer TOKEN` with the engine's token."
        return None

    def _is_known(self, host: str) -> bool:
        name = host.lower()
        if not name.endswith("]"):
            name = name.rpartition(":")[0] if ":" in name.rpartition("]")[2] else name
        name = name.strip("[]").rstrip(".")
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._hosts
        return True
