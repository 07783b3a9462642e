"""Error messages about a remote server: one sentence each, with the next step."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass

from infill_completion.api import EngineUnavailableError
from infill_completion.settings import EngineSettings

_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class RemoteErrors:
    """Makes the errors of the server at ``url``; errors of one kind mean the same to a user."""

    url: str
    settings: EngineSettings

    def unreachable(self, error: Exception) -> EngineUnavailableError:
        """Return the error for a connection that failed or broke."""
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

    def timed_out(self) -> EngineUnavailableError:
        """Return the error for a server that is not ready in time."""
        return EngineUnavailableError(f"{self.url} does not answer; start the server or correct engine.url.")

    def refused(self, status: int, body: bytes, retry_after_s: float = 0.0) -> EngineUnavailableError:
        """Return the error for an HTTP status other than 200."""
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
            return self.wrong_protocol()
        detail = f": {message.rstrip('.')}" if message else ""
        step = "it is asked again later" if status in {429, 503} else "see its log"
        return EngineUnavailableError(
            f"{self.url} answered with HTTP status {status}{detail}; {step}.", kind=kind, retry_after_s=retry_after_s
        )

    def failed(self, body: bytes) -> EngineUnavailableError:
        """Return the error for an answer that ended in the server's own error."""
        return EngineUnavailableError(f"{self.url} answered: {message_in(body)}", kind=f"{self.url} broke off")

    def silent(self, requests: int) -> EngineUnavailableError:
        """Return the error for a server that sent nothing before the deadlines of so many requests in a row."""
        return EngineUnavailableError(
            f"{self.url} sent nothing before the deadline of the last {requests} requests; see what holds it up, or "
            "raise completion.deadline_ms.",
            kind=f"{self.url} is silent",
        )

    def wrong_protocol(self) -> EngineUnavailableError:
        """Return the error for an answer that is not in the protocol of ``engine.api``."""
        return EngineUnavailableError(
            f"{self.url} does not speak `{self.settings.api}`; correct engine.api or engine.url."
        )

    def no_models(self) -> EngineUnavailableError:
        """Return the error for a server without models, if ``engine.model`` names none either."""
        return EngineUnavailableError(f"{self.url} lists no model; load one there or set engine.model.")

    def unknown_model(self, listed: list[str]) -> EngineUnavailableError:
        """Return the error for a server without the model of ``engine.model``."""
        return EngineUnavailableError(
            f"{self.url} has no model {self.settings.model}, but {', '.join(listed[:5])}; correct engine.model."
        )


def message_in(body: bytes) -> str:
    """Return the first line of the error in ``body``, in any of the shapes servers use; at most 200 characters."""
    try:
        fields = json.loads(body)
        error = fields.get("error") or fields.get("message") or fields.get("detail") or ""
        text = str(error.get("message") or "") if isinstance(error, dict) else str(error)
    except (ValueError, AttributeError, RecursionError):
        return ""
    return next(iter(text.strip().splitlines()), "")[:_MOST_CHARACTERS]
