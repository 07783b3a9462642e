"""The address and the API key of a remote server."""

from __future__ import annotations

import asyncio
import os
import ssl
from urllib.parse import quote, urlsplit

from infill_completion.api import EngineUnavailableError
from infill_completion.client.http import Address

_IN_PATHS = "/%:@!$&'()*+,;=~"


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


async def remote_address(url: str, key: str | None) -> tuple[Address, str]:
    """Return the address of the server of ``url``, and the prefix of all its paths.

    Raises:
        EngineUnavailableError: The URL is not an HTTP address.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:
        host = ""
    if not host or parts.scheme not in {"http", "https"}:
        raise EngineUnavailableError(f"engine.url {url!r} is not an HTTP address; write http://HOST:PORT.")
    # Reading the certificates of the system, or of SSL_CERT_FILE, takes a while.
    tls = await asyncio.to_thread(ssl.create_default_context) if parts.scheme == "https" else None
    return Address(None, host, port or (443 if tls else 80), key, tls), quote(parts.path.rstrip("/"), safe=_IN_PATHS)
