"""Error messages about a remote server: one sentence each, with the next step."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from infill_completion.api import EngineState, EngineUnavailableError
from infill_completion.client.remote.address import has_user, secrets_of
from infill_completion.client.remote.transport.failures import LostConnectionError, ProxyFailedError, RedirectedError
from infill_completion.client.remote.trouble import message_in, page_title
from infill_completion.settings import EngineSettings


class WrongProtocolError(EngineUnavailableError):
    """An answer is not HTTP, or not in the protocol of ``engine.api``."""


@dataclass(frozen=True)
class RemoteErrors:
    """Makes the errors of the server at ``url``; errors of one kind mean the same to a user.

    Attributes:
        url: The address without user, password and query.
        settings: For the names of other settings.
    """

    url: str
    settings: EngineSettings

    def unreachable(self, error: Exception) -> EngineUnavailableError:
        """Return the error for a connection that failed or broke."""
        kind = f"{self.url} does not answer"
        match error:
            case ProxyFailedError():
                return self._proxy_failed(error)
            case ssl.SSLCertVerificationError():
                reason = f" ({error.verify_message})" if error.verify_message else ""
                return EngineUnavailableError(
                    f"The certificate of {self.url} is not trusted; set SSL_CERT_FILE or engine.ca_file to its "
                    f"authority's certificate{reason}."
                )
            case ssl.SSLError():
                return EngineUnavailableError(f"{self.url} does not speak TLS; write http:// in engine.url.")
            case socket.gaierror():
                return EngineUnavailableError(
                    f"The host of {self.url} is unknown; correct engine.url, or see whether the network is up.",
                    kind=kind,
                )
            case LostConnectionError():
                return EngineUnavailableError(
                    f"{self.url} does not answer: it closed the connection; see its log, or correct engine.url.",
                    kind=kind,
                )
        return EngineUnavailableError(
            f"{self.url} does not answer ({type(error).__name__}); start the server or correct engine.url.", kind=kind
        )

    def _proxy_failed(self, error: ProxyFailedError) -> EngineUnavailableError:
        """Return the error for a proxy that refuses or does not answer."""
        proxy = f"The proxy {error.proxy} ({error.proxy.origin})"
        step = f"correct {error.proxy.origin}, or set engine.proxy to none"
        if error.status == 407:
            reason = "wants another user and password" if error.proxy.user else "wants a user and a password"
        else:
            reason = f"answered with HTTP status {error.status}" if error.status else "does not answer"
        return EngineUnavailableError(f"{proxy} {reason}; {step}.", kind=f"{error.proxy} {reason}")

    def redirected(self, error: RedirectedError) -> EngineUnavailableError:
        """Return the error for a server that sends us elsewhere."""
        if error.is_circle:
            return EngineUnavailableError(f"{self.url} redirects in circles; see its log, or correct engine.url.")
        where = error.target or "no valid address"
        return EngineUnavailableError(
            f"{self.url} redirects to {where}, where nothing is sent; set engine.url to the server's own address."
        )

    def timed_out(self) -> EngineUnavailableError:
        """Return the error for a server that is not ready in time."""
        return EngineUnavailableError(f"{self.url} does not answer; start the server or correct engine.url.")

    def refused(self, status: int, body: bytes, retry_after_s: float = 0.0) -> EngineUnavailableError:
        """Return the error for an HTTP status other than 200."""
        kind = f"{self.url} HTTP {status}"
        if status in {401, 403}:
            return self._unauthorized(status, kind)
        message = self._without_secrets(message_in(body))
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

    def _unauthorized(self, status: int, kind: str) -> EngineUnavailableError:
        """Return the error for a server that wants another key, or one at all."""
        variable = self.settings.api_key_env
        if variable:
            says = f"refuses our API key (HTTP {status}); correct the variable {variable}"
        elif has_user(self.settings.url or ""):
            says = f"refuses the user and the password of engine.url (HTTP {status}); correct them"
        else:
            says = f"wants an API key (HTTP {status}); name its variable in engine.api_key_env"
        return EngineUnavailableError(f"{self.url} {says}.", kind=kind)

    def failed(self, message: str) -> EngineUnavailableError:
        """Return the error for an answer that ended in the server's own error."""
        said = self._without_secrets(message) or "an error"
        return EngineUnavailableError(
            f"{self.url} answered: {said.rstrip('.')}; see its log.", kind=f"{self.url} broke off"
        )

    def answered_with_chat(self) -> EngineUnavailableError:
        """Return the error for a message of a chat where the text of a completion was expected."""
        return EngineUnavailableError(
            f"{self.url} does not speak `{self.settings.api}`; correct engine.api or engine.url: it answered with a "
            "chat message instead of a completion."
        )

    def not_an_answer(self, body: bytes) -> EngineUnavailableError:
        """Return the error for a ``body`` with status 200 that holds no answer."""
        title = page_title(body)
        if title is None:
            return self.wrong_protocol()
        named = self._without_secrets(f" ({title})" if title else "")
        return EngineUnavailableError(
            f"{self.url} does not speak `{self.settings.api}`; correct engine.api or engine.url: it answered with a "
            f"web page{named}.",
            kind=f"{self.url} web page",
        )

    def silent(self, requests: int) -> EngineUnavailableError:
        """Return the error for a server that sent nothing before the deadlines of so many requests in a row."""
        return EngineUnavailableError(
            f"{self.url} sent nothing before the deadline of the last {requests} requests; see what holds it up, or "
            "raise completion.deadline_ms.",
            kind=f"{self.url} is silent",
        )

    def wrong_protocol(self) -> WrongProtocolError:
        """Return the error for an answer that is not in the protocol of ``engine.api``."""
        return WrongProtocolError(f"{self.url} does not speak `{self.settings.api}`; correct engine.api or engine.url.")

    def no_models(self) -> EngineUnavailableError:
        """Return the error for a server without models, if ``engine.model`` names none either."""
        return EngineUnavailableError(f"{self.url} lists no model; load one there or set engine.model.")

    def only_wildcards(self, patterns: list[str]) -> EngineUnavailableError:
        """Return the error for a server that names no model, only patterns, if ``engine.model`` names none either."""
        return EngineUnavailableError(
            f"{self.url} lists only {', '.join(patterns[:5])}; set engine.model to the name of a model there."
        )

    def unknown_model(self, listed: list[str]) -> EngineUnavailableError:
        """Return the error for a server without the model of ``engine.model``."""
        wanted = self.settings.model
        pull = f"run `ollama pull {wanted}` there, or " if self.settings.api == "ollama" else ""
        return EngineUnavailableError(
            f"{self.url} has no model {wanted}, but {', '.join(listed[:5])}; {pull}correct engine.model."
        )

    def loading(self, model: str = "") -> EngineUnavailableError:
        """Return the error for a server that is loading its model."""
        return EngineUnavailableError(f"{self.url} is loading {model or 'its model'}.", EngineState.LOADING)

    def too_long(self, window_tokens: int | None) -> EngineUnavailableError:
        """Return the error for a prompt that is too long for the server, however short we made it."""
        step = "lower engine.context_tokens"
        if window_tokens is None or window_tokens >= self.settings.context_tokens:  # its window is not the reason
            says = f"{self.url} takes no prompt of this length; {step}."
        else:
            says = f"{self.url} takes {window_tokens} tokens at most; {step} to {window_tokens}."
        return EngineUnavailableError(says, kind=f"{self.url} window")

    def small_window(self, window_tokens: int) -> str:
        """Return a sentence about a server that takes less than the settings allow."""
        return (
            f"{self.url} takes only {window_tokens} tokens, so it gets less of your code than engine.context_tokens "
            f"({self.settings.context_tokens}) allows; give it a larger window, or lower engine.context_tokens to "
            f"{window_tokens}."
        )

    def unknown_format(self, model: str) -> str:
        """Return a sentence about a model whose family is unknown."""
        name = f"its model {model}" if model else "its model"
        return (
            f"{self.url} does not say what {name} is, so the text after the cursor may go unused; set engine.format to "
            "the model's family, such as qwen2.5-coder."
        )

    def _without_secrets(self, message: str) -> str:
        """Return what a server said without the parts of the request that must stay private."""
        for secret in secrets_of(self.settings.url or "", self.settings.api_key_env):
            message = message.replace(secret, "…")
        return message
