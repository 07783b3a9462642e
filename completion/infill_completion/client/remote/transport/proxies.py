"""The proxy on the way to a remote server: from ``engine.proxy`` or the environment."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from infill_completion.api import EngineUnavailableError
from infill_completion.client.remote.address import ServerAddress, public_url

if TYPE_CHECKING:
    import httpcore2

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_SHORT_IPV4 = re.compile(r"(0[xX][\da-fA-F]+|\d+)(\.(0[xX][\da-fA-F]+|\d+)){0,3}")
_NONE = frozenset({"none", "off", "direct"})


@dataclass(frozen=True)
class ProxyAddress:
    """A proxy server.

    Attributes:
        scheme: ``http``, ``https``, ``socks5`` or ``socks5h``.
        host: Its name or address, without brackets.
        port: Its port.
        origin: Where the address was written: a setting or an environment variable, for messages.
        user: The user and the password, or None.
    """

    scheme: str
    host: str
    port: int
    origin: str
    user: tuple[bytes, bytes] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return the address without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def proxy_for(
    address: ServerAddress, written: str | None, environment: Mapping[str, str] = os.environ
) -> ProxyAddress | None:
    """Return the proxy on the way to ``address``, or None for a direct connection.

    A proxy that ``engine.proxy`` names is used for every host.  Those of the environment are not used for this machine,
    nor for the hosts in ``NO_PROXY``.

    Args:
        address: The server.
        written: The setting ``engine.proxy``.
        environment: The environment variables.

    Raises:
        EngineUnavailableError: The address of the proxy is invalid.
    """
    if written is not None:
        return None if written.strip().lower() in _NONE else _proxy(written, "engine.proxy")
    if is_loopback(address.host) or is_exempt(address, _variable("no_proxy", environment)[1]):
        return None
    for name in (f"{address.scheme}_proxy", "all_proxy"):
        variable, value = _variable(name, environment)
        if value:
            return _proxy(value, variable)
    return None


def for_library(proxy: ProxyAddress, tls: ssl.SSLContext | None) -> httpcore2.Proxy:
    """Return ``proxy`` as the library wants it.

    Raises:
        EngineUnavailableError: The package for SOCKS is not installed.
    """
    import httpcore2

    is_socks = proxy.scheme.startswith("socks")
    if is_socks and importlib.util.find_spec("socksio") is None:
        raise EngineUnavailableError(
            f"{proxy.origin} names a SOCKS proxy; run `pip install socksio`, or set engine.proxy to none."
        )
    return httpcore2.Proxy(
        httpcore2.URL(scheme=proxy.scheme, host=proxy.host, port=proxy.port, target="/"),
        auth=proxy.user,
        ssl_context=tls if proxy.scheme == "https" else None,
    )


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine."""
    if re.fullmatch(r"(.+\.)?localhost\.?", host, re.IGNORECASE):
        return True
    ip = _ip(host)
    return ip is not None and (ip.is_loopback or ip.is_unspecified)


def is_exempt(address: ServerAddress, no_proxy: str) -> bool:
    """Return whether ``NO_PROXY`` names the host of ``address``.

    It is a list of names, which also mean the names below them, addresses, networks such as ``10.0.0.0/8``, and ``*``
    for all; names and addresses may have a port.  Entries are separated by commas or blanks, and invalid ones ignored.
    """
    return any(_matches(address, entry.lower()) for entry in re.split(r"[,\s]+", no_proxy) if entry)


def _matches(address: ServerAddress, entry: str) -> bool:
    if entry == "*":
        return True
    host, ip = address.host.lower().rstrip("."), _ip(address.host)
    entry = entry.rpartition("://")[2].rstrip("/") if "://" in entry else entry
    if ip is not None and (network := _network(entry)) is not None:
        return ip in network
    named = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d+))?", entry)
    if named is None or (named[2] is not None and int(named[2][:9]) != address.port):
        return False
    name = named[1].strip("[]").removeprefix("*").strip(".")
    if ip is not None:
        return _ip(name) == ip
    return bool(name) and (host == name or host.endswith("." + name))


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return ``host`` as an IP address; an IPv4 address inside an IPv6 one counts as IPv4.  None if it is a name."""
    try:
        # The system also takes `127.1` and `0x7f000001` for addresses.
        short = _SHORT_IPV4.fullmatch(host) and socket.inet_aton(host)
        ip = ipaddress.ip_address(short or host.partition("%")[0])
    except (ValueError, OSError):
        return None
    return (ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None) or ip


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def _variable(name: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the name and the value of a variable that may be written in either case; lower case comes first.

    An empty lower-case variable switches the upper-case one off, as with other tools.
    """
    for spelling in (name, name.upper()):
        # Under CGI, a client's header `Proxy` becomes HTTP_PROXY.
        if spelling in environment and not (spelling == "HTTP_PROXY" and "REQUEST_METHOD" in environment):
            return spelling, environment[spelling].strip()
    return name, ""


def _proxy(written: str, origin: str) -> ProxyAddress:
    written = written.strip()
    try:
        parts = urlsplit(written if "://" in written else f"http://{written}")
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or scheme not in _PORTS or re.search(r"[^\w.:%~-]", host):
        raise EngineUnavailableError(
            f"{origin} {public_url(written)!r} is not the address of a proxy; write http://HOST:PORT, or set "
            "engine.proxy to none."
        )
    user = (unquote_to_bytes(parts.username or ""), unquote_to_bytes(parts.password or ""))
    return ProxyAddress(scheme, host, port or _PORTS[scheme], origin, user if any(user) else None)
