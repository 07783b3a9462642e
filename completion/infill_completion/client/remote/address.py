"""Where a remote server listens, and the key that it asks for."""

from __future__ import annotations

import asyncio
import os
import ssl
from urllib.parse import quote, urlsplit

from infill_completion.api import EngineUnavailableError
from infill_completion.client.http import Address

_IN_PATHS = "/%:@!$&'()*+,;=~"


def api_key(variable: str | None) -> str | None:
    """Return the API key in an environment variable; None where no variable is named.

    Raises:
        EngineUnavailableError: The variable holds no key.
    """
    if not variable:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise EngineUnavailableError(
            f"The environment variable {variable} (engine.api_key_env) is empty; set it to the API key."
        )
    if not (key.isascii() and key.isprintable()):  # a line break would begin another header
        raise EngineUnavailableError(
            f"The environment variable {variable} (engine.api_key_env) holds a line break or a letter that no API key "
            "has; set it again."
        )
    return key


async def remote_address(url: str, key: str | None) -> tuple[Address, str]:
    """Return where the server of ``url`` listens, and the path that all others begin with.

    Raises:
        EngineUnavailableError: It is no HTTP address.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:
        host = ""
    if not host or parts.scheme not in {"http", "https"}:
        raise EngineUnavailableError(f"engine.url {url!r} is no HTTP address; write http://HOST:PORT.")
    # It reads the system's certificates, or those of SSL_CERT_FILE, which takes a while.
    tls = await asyncio.to_thread(ssl.create_default_context) if parts.scheme == "https" else None
    return Address(None, host, port or (443 if tls else 80), key, tls), quote(parts.path.rstrip("/"), safe=_IN_PATHS)
