"""What can go wrong on the way to a remote server, in terms of our own."""

from __future__ import annotations

import ssl

from infill_completion.client.http import ProtocolError
from infill_completion.client.remote.transport.proxies import ProxyAddress


class LostConnectionError(ConnectionError):
    """The connection broke, although the server may run."""


class ProxyFailedError(ConnectionError):
    """The proxy does not answer, or refuses; ``proxy`` is its address and ``status`` the HTTP status, or 0."""

    def __init__(self, proxy: ProxyAddress, status: int = 0) -> None:
        super().__init__(str(proxy))
        self.proxy = proxy
        self.status = status


class RedirectedError(Exception):
    """The server redirects to ``target``, which is elsewhere, or redirects in circles."""

    def __init__(self, target: str, *, is_circle: bool = False) -> None:
        super().__init__(target)
        self.target = target
        self.is_circle = is_circle


def translated(error: BaseException, proxy: ProxyAddress | None) -> BaseException:
    """Return the library's ``error`` as our own or the system's kind; any other error is returned as it is."""
    import httpcore2

    match error:
        case httpcore2.ProxyError() if proxy is not None:
            status = str(error).partition(" ")[0]
            return ProxyFailedError(proxy, int(status) if status.isascii() and status.isdigit() else 0)
        case httpcore2.ConnectError() | httpcore2.ConnectTimeout():
            return _not_connected(error, proxy)
        case httpcore2.NetworkError():
            return LostConnectionError(type(error).__name__)
        case httpcore2.RemoteProtocolError() if "without sending" in str(error):
            return LostConnectionError("Disconnected")
        case httpcore2.ProtocolError():
            return ProtocolError(type(error).__name__)
    return error


def _not_connected(error: Exception, proxy: ProxyAddress | None) -> OSError:
    """Return the reason why there is no connection; the library wraps the system's error."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLError):
        return cause
    if proxy is not None:
        return ProxyFailedError(proxy)
    return cause if isinstance(cause, OSError) else ConnectionError(type(error).__name__)
