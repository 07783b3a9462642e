"""The file of a recorded session: one JSON object a line, the first of which describes the session."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infill_completion import __version__
from infill_completion.api import Health
from infill_completion.folders import state_folder
from infill_completion.settings import Settings, documentation
from infill_server.recording.checking import check_event, check_header
from infill_server.recording.recorder import Event

FORMAT = 1
# Anything larger was not written here.
MAX_FILE_BYTES = 64_000_000

Json = dict[str, Any]


class TraceError(Exception):
    """A file that is not a trace, or cannot be written; the message is one sentence with the next step."""


@dataclass(frozen=True)
class RecordedSession:
    """A recorded session.

    Attributes:
        header: ``version`` of the package, ``model``, ``seed``, ``settings``, ``client`` and ``folders``.
        events: What happened, in order.
    """

    header: Json
    events: tuple[Event, ...]


def header(settings: Settings, client: Json, folders: list[Json]) -> Json:
    """Return the description of a session: nothing in it names a person, a machine or an address."""
    return {
        "infill_trace": FORMAT,
        "version": __version__,
        "seed": settings.completion.seed,
        "settings": recorded_settings(settings),
        "client": client,
        "folders": folders,
    }


def model_of(settings: Settings, health: Health) -> Json:
    """Return the model that answered, and the hash of its files if the engine is ours."""
    return {
        "name": _last_part(health.model),
        "sha256": health.details.get("sha256"),
        "quantization": health.details.get("quantization"),
        "is_remote": settings.engine.url is not None,
    }


def recorded_settings(settings: Settings) -> Json:
    """Return the settings that change suggestions; no free text but the last part of the model's name."""
    found: Json = {}
    for item in documentation():
        section, _, name = item.key.partition(".")
        value = getattr(getattr(settings, section), name)
        is_number = isinstance(value, bool | int | float)
        is_table = isinstance(value, dict) and all(isinstance(inner, bool) for inner in value.values())
        if is_number or is_table or (item.choices and value in item.choices):
            found[item.key] = value
    found["engine.model"] = _last_part(settings.engine.model)
    found["engine.device"] = settings.engine.device
    # What the rules keep private is not in the trace, and the rules name files and folders.
    found["privacy.ignore"] = []
    return found


def default_path() -> Path:
    """Return the path of a new trace in the user's state folder."""
    return state_folder() / "traces" / f"{time.strftime('%Y-%m-%dT%H-%M-%S')}-{secrets.token_hex(2)}.jsonl"


def prepare(path: Path) -> None:
    """Create the folder of a trace, so that a failure is reported before the recording.

    Raises:
        TraceError: It cannot be created.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise TraceError(f"The folder {path.parent} cannot be created ({error.strerror}); make it writable.") from error


def write(path: Path, description: Json, events: Iterable[Event]) -> int:
    """Write a trace, readable only by its user, and return its size in bytes.

    Raises:
        TraceError: It cannot be written; then there is no file.
    """
    lines = [json.dumps(description)]
    lines += [json.dumps({"ms": event.at_ms, event.kind: event.data}) for event in events]
    body = ("\n".join(lines) + "\n").encode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise TraceError(f"The recording was not written to {path} ({error.strerror}); choose another file.") from error
    return len(body)


def read(path: Path) -> RecordedSession:
    """Read a trace.

    Raises:
        TraceError: It is not a trace, or one of a newer version.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise TraceError(f"{path} is larger than any trace; name a file that infill.record has written.")
        text = path.read_text("utf-8")
    except OSError as error:
        raise TraceError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    except UnicodeDecodeError:
        raise TraceError(f"{path} is not a trace; name a file that infill.record has written.") from None
    try:
        description, *rows = [json.loads(line) for line in text.split("\n") if line.strip()]
        if description["infill_trace"] != FORMAT:
            raise TraceError(f"{path} was written by another version of infill-ls ({description['version']}); use it.")
        check_header(description)
        events = tuple(_event(row) for row in rows)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise TraceError(f"{path} is not a trace; name a file that infill.record has written.") from None
    return RecordedSession(description, events)


def _event(row: Json) -> Event:
    (kind,) = row.keys() - {"ms"}
    at_ms = float(row["ms"])
    check_event(kind, at_ms, row[kind])
    return Event(kind, at_ms, row[kind])


def _last_part(name: str) -> str:
    """Return the last part of a path; the id of a model on the hub stays."""
    is_path = name.count("/") != 1 or name.startswith(("/", ".", "~")) or "\\" in name
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2] if is_path else name
