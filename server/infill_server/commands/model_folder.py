"""Where a model is that the command line names as the settings do: ``embedded``, ``small``, a path, a tag, a hub id."""

from __future__ import annotations

import re
from pathlib import Path

from infill_completion import embedded
from infill_completion.catalog import Presence, cached
from infill_completion.catalog.gguf import GgufError, in_folder, is_gguf, ollama_model
from infill_completion.catalog.small import SMALL, small_model
from infill_server.commands.models import plan
from infill_server.errors import UsageError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def model_folder(name: str) -> Path:
    """Return the folder of a model on this machine, or its GGUF file; ``auto`` is what the settings choose here.

    Raises:
        UsageError: There is no such model, or it is incomplete.
    """
    if name == "auto":
        chosen = plan()
        if chosen["problem"]:
            raise UsageError(f"auto chooses no model here: {chosen['problem']}")
        name = chosen["model"]
    if name == "embedded":
        return Path(embedded.__file__).parent
    if name == SMALL:
        if (small := small_model()) is None:
            raise UsageError(f"The small model is not on this machine; fetch it with `infill-ls models pull {SMALL}`.")
        return small
    path = Path(name).expanduser()
    if (path / "config.json").is_file():
        return path.resolve()
    try:
        file = path if is_gguf(path) else in_folder(path) if path.is_dir() else ollama_model(name)
    except GgufError as error:
        raise UsageError(str(error)) from error
    if file is not None:
        return file.absolute()
    if path.is_dir():
        raise UsageError(f"{path.resolve()} is not a checkpoint folder; name one with a config.json.")
    if not _HUB_ID.fullmatch(name):
        raise UsageError(
            f"There is no model {name}; name a folder, a hub id such as owner/name, `small` or `embedded`."
        )
    found = cached(name)
    if found.folder is None or found.presence is not Presence.COMPLETE:
        raise UsageError(f"{name} is not on this machine; fetch it with `infill-ls models pull {name}`.")
    return found.folder
