"""What a remote server's trouble means: one sentence each, with the next step."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass

from infill_completion.api import EngineUnavailableError
from infill_completion.settings import EngineSettings

_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class Trouble:
    """Makes the errors of the server at ``url``; their kinds tell which of them a user would take for the same."""

    url: str
    settings: EngineSettings

    def unreachable(self, error: Exception) -> EngineUnavailableError:
        """It cannot be connected to, or the connection broke."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return EngineUnavailableError(
                f"The certificate of {self.url} is not trusted; set SSL_CERT_FILE to its authority's certificate."
            )
        if isinstance(error, ssl.SSLError):
            return EngineUnavailableError(f"{self.url} does not speak TLS; write http:// in engine.url.")
        return EngineUnavailableError(
            f"{self.url} does not answer ({type(error).__name__}); start the server or correct engine.url.",
            kind=f"{self.url} does not answer",
        )

    def refused(self, status: int, body: bytes, retry_after_s: float = 0.0) -> EngineUnavailableError:
        """It answered with an HTTP status other than 200."""
        kind = f"{self.url} HTTP {status}"
        if status in {401, 403}:
            variable = self.settings.api_key_env
            step = f"correct the variable {variable}" if variable else "name its variable in engine.api_key_env"
            return EngineUnavailableError(f"{self.url} refuses our API key (HTTP {status}); {step}.", kind=kind)
        message = message_in(body)
        if status == 404 and "model" in message.lower():
            return EngineUnavailableError(
                f"{self.url} answered: {message.rstrip('.')}; correct engine.model.", kind=kind
            )
        if status in {404, 405}:
            return self.foreign()
        told = f": {message.rstrip('.')}" if message else ""
        step = "it is asked again later" if status in {429, 503} else "see its log"
        return EngineUnavailableError(
            f"{self.url} answered with HTTP status {status}{told}; {step}.", kind=kind, retry_after_s=retry_after_s
        )

    def failed(self, body: bytes) -> EngineUnavailableError:
        """It broke an answer off with an error."""
        return EngineUnavailableError(f"{self.url} answered: {message_in(body)}", kind=f"{self.url} broke off")

    def silent(self, requests: int) -> EngineUnavailableError:
        """It took so many requests in a row and sent nothing before their deadlines."""
        return EngineUnavailableError(
            f"{self.url} sent nothing before the deadline of the last {requests} requests; see what holds it up, or "
            "raise completion.deadline_ms.",
            kind=f"{self.url} is silent",
        )

    def foreign(self) -> EngineUnavailableError:
        """What it says is not what ``engine.api`` names."""
        return EngineUnavailableError(
            f"{self.url} does not speak `{self.settings.api}`; correct engine.api or engine.url."
        )


def message_in(body: bytes) -> str:
    """Return the first line of the error in ``body``, in any of the shapes that servers use; at most 200 characters."""
    try:
        fields = json.loads(body)
        error = fields.get("error") or fields.get("message") or fields.get("detail") or ""
        text = str(error.get("message") or "") if isinstance(error, dict) else str(error)
    except (ValueError, AttributeError, RecursionError):
        return ""
    return next(iter(text.strip().splitlines()), "")[:_MOST_CHARACTERS]
