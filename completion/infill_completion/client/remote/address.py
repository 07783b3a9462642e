"""The address and the API key of a remote server."""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urlsplit

from infill_completion.api import EngineUnavailableError

_IN_PATHS = "/%:@!$&'()*+,;=~"
_IN_QUERIES = _IN_PATHS + "?"
DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(r"[\w.:%~-]+", re.ASCII)

# What other tools, and the documentation of servers, let users write after the address itself.
_ENDPOINT_OF_OPENAI = re.compile(r"(/chat|/fim)?/completions\Z|(?<=/v1)/models\Z")
_OTHER_ENDPOINT = re.compile(r"/(api/generate|api/chat|api/tags|infill|completion)\Z")
# `/v1`, `/v1beta`, `/api/v3`; DeepSeek's `/beta`, Gemini's `/v1beta/openai`.  OpenAI's paths follow it directly.
_VERSION = re.compile(r"/(v\d+[\w.]*(/openai)?|beta)\Z", re.ASCII)


def api_key(variable: str | None) -> str | None:
    """Return the API key in an environment variable, or None if no variable is named.

    Raises:
        EngineUnavailableError: The variable is empty, or its value cannot be an API key.
    """
    if not variable:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise EngineUnavailableError(
            f"The environment variable {variable} (engine.api_key_env) is empty; set it to the API key."
        )
    if not (key.isascii() and key.isprintable()):  # a line break would inject another header
        raise EngineUnavailableError(
            f"The environment variable {variable} (engine.api_key_env) holds a line break or a character that no API "
            "key has; set it again."
        )
    return key


@dataclass(frozen=True)
class ServerAddress:
    """Where a remote server listens.

    Attributes:
        scheme: ``http`` or ``https``.
        host: The host's name or address in ASCII, without brackets.
        port: The port.
        prefix: The path before the protocol's own paths, percent-encoded, without a slash at its end.
        is_versioned: Whether ``prefix`` ends with the version of OpenAI's API or stands for it.
        query: Sent with every request, because some gateways want a version or a key there.
        basic: The value of the header ``Authorization`` for the user and the password in the URL.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""
    is_versioned: bool = False
    query: str = field(default="", repr=False)
    basic: str | None = field(default=None, repr=False)

    def url(self, path: str) -> str:
        """Return the URL of the protocol's ``path``, such as ``/v1/completions``."""
        return f"{self.scheme}://{authority(self.scheme, self.host, self.port)}{self.target(path)}"

    def target(self, path: str) -> str:
        """Return the path and the query of a request for the protocol's ``path``."""
        prefix = self.prefix
        if self.is_versioned and path.startswith("/v1"):
            path = path.removeprefix("/v1")
        elif self.is_versioned:
            prefix = _VERSION.sub("", prefix)  # a path of the server itself, outside OpenAI's API
        return prefix + path + (f"{'&' if '?' in path else '?'}{self.query}" if self.query else "")


def secrets_of(url: str, key_variable: str | None) -> tuple[str, ...]:
    """Return what must never be printed: parts of ``engine.url``, and the API key."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ()
    password = parts.password or ""
    key = os.environ.get(key_variable, "").strip() if key_variable else ""
    return tuple(secret for secret in (password, unquote(password), parts.query, key) if secret)


def has_user(url: str) -> bool:
    """Return whether ``url`` has a user or a password."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False
    return bool(parts.username or parts.password)


def authority(scheme: str, host: str, port: int | None) -> str:
    """Return the value of the ``Host`` header."""
    name = f"[{host.partition('%')[0]}]" if ":" in host else host  # a zone is local to this machine
    return name if port in {None, DEFAULT_PORTS[scheme]} else f"{name}:{port}"


def server_address(url: str, api: str) -> ServerAddress:
    """Return the address in ``engine.url``, for the protocol ``api``.

    The URL may be that of the server, of its API (``/v1``) or of one endpoint.

    Raises:
        EngineUnavailableError: The URL is not an HTTP address.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = _ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if not host or parts.scheme not in DEFAULT_PORTS or port == 0:
        raise EngineUnavailableError(f"engine.url {public_url(url)!r} is not an HTTP address; write http://HOST:PORT.")
    prefix, is_versioned = _prefix(parts.path, api)
    return ServerAddress(
        parts.scheme,
        host,
        port or DEFAULT_PORTS[parts.scheme],
        quote(prefix, safe=_IN_PATHS),
        is_versioned,
        quote(parts.query, safe=_IN_QUERIES),
        _basic_authorization(parts),
    )


def _basic_authorization(parts: SplitResult) -> str | None:
    """Return the value of ``Authorization`` for the user and the password of a URL, or None if it has no user.

    Source of the format: RFC 7617.
    """
    if not (parts.username or parts.password):
        return None
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def public_url(url: str) -> str:
    """Return ``url`` without what may be secret: user and password, query and fragment."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        is_valid = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:  # a password with characters that should have been percent-encoded may be anywhere
        return re.split(r"[?#]", url.rpartition("@")[2], maxsplit=1)[0]
    path = "" if "@" in parts.path else parts.path
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}".rstrip("/")


def _ascii_host(host: str) -> str:
    """Return ``host`` as it is looked up.

    Raises:
        ValueError: No host can have this name.
    """
    name = unquote(host) if ":" in host else host.encode("idna").decode() if not host.isascii() else host
    if name and not _HOST.fullmatch(name):
        raise ValueError(name)
    return name


def _prefix(path: str, api: str) -> tuple[str, bool]:
    """Return the part of ``path`` before the paths of protocol ``api``, and whether it stands for ``/v1``."""
    path = "/" + path.strip("/") if path.strip("/") else ""
    endpoint = _ENDPOINT_OF_OPENAI.search(path)
    path = (path[: endpoint.start()] if endpoint else _OTHER_ENDPOINT.sub("", path)).rstrip("/")
    if api == "openai":
        return path, endpoint is not None or _VERSION.search(path) is not None
    path = path.removesuffix("/v1").rstrip("/")
    return path.removesuffix("/api") if api == "ollama" else path, False
