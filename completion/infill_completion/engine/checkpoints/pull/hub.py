"""The hub's library, kept quiet, and its errors as one sentence each."""

from __future__ import annotations

import errno
import logging
import os
from typing import Any

from infill_completion.catalog import hub_folder


class PullError(Exception):
    """A model cannot be downloaded; the message is one sentence with the next step."""


def hub_library(name: str) -> tuple[Any, Any]:
    """Return the library of the hub, quiet and without telemetry, and its errors.

    Raises:
        PullError: The user keeps it offline.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import huggingface_hub
    from huggingface_hub import constants, errors

    if constants.HF_HUB_OFFLINE:
        raise PullError(f"HF_HUB_OFFLINE is set, so {name} cannot be fetched; unset it and try again.")
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # errors are reported in one sentence instead
    return huggingface_hub, errors


def sentence_of(name: str, error: Exception, failures: Any) -> str:
    """Return a sentence with the cause and the next step for an error of the library."""
    if isinstance(error, failures.GatedRepoError):
        return (
            f"{name} is gated; accept its licence on https://huggingface.co/{name}, log in with `hf auth login`, and "
            "try again."
        )
    if isinstance(error, failures.RepositoryNotFoundError):
        return f"The hub has no model {name}, or it is private; check the name or log in with `hf auth login`."
    if isinstance(error, failures.HFValidationError):
        return f"`{name}` is not a model id; ids have the form owner/name."
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in {401, 403}:
        return f"The hub denies access to {name}; log in with `hf auth login` and try again."
    again = f"run `infill-ls models pull {name}` again to resume"
    return _of_disk(error, again) or _of_network(error, status, again)


def _of_disk(error: Exception, again: str) -> str:
    """Return a sentence if the error is one of the disk, else an empty string."""
    number = getattr(error, "errno", None)
    if number == errno.ENOSPC:
        return f"The disk is full; make room and {again}."
    if number in {errno.EACCES, errno.EROFS}:
        return f"{hub_folder()} is not writable; set HF_HUB_CACHE to another folder."
    return ""


def _of_network(error: Exception, status: int | None, again: str) -> str:
    first = next(iter(str(error).strip().splitlines()), "").rstrip(".")
    cause = f"HTTP status {status}" if status else ": ".join(filter(None, (type(error).__name__, first)))
    return f"The hub cannot be reached ({cause}); check the network and {again}."
