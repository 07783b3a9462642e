"""The certificates that a remote server is checked against."""

from __future__ import annotations

import ssl
from pathlib import Path

from infill_completion.api import EngineUnavailableError


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities, and those of ``engine.ca_file``.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` take the place of the system's, as in all programs that use OpenSSL.

    Args:
        ca_file: A file of certificates in PEM, or a folder as OpenSSL's ``c_rehash`` makes them.

    Raises:
        EngineUnavailableError: The file cannot be read or has no certificate.
    """
    context = ssl.create_default_context()
    if ca_file is None:
        return context
    try:
        path = Path(ca_file).expanduser()
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ValueError, RuntimeError) as error:  # also a name that no file can have, or an unknown user's `~`
        step = "does not exist" if isinstance(error, FileNotFoundError) else "is not a file of certificates in PEM"
        raise EngineUnavailableError(f"engine.ca_file {ca_file} {step}; correct it.") from error
    return context
