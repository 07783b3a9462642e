"""Where other programs keep GGUF files on this machine.

Sources: the FAQ of Ollama's documentation (``OLLAMA_MODELS``), the packages of Arch Linux and of snap; LM Studio's
documentation of imported models, its ``settings.json``; ``fs_get_cache_directory`` in llama.cpp's ``common.cpp``
(``LLAMA_CACHE``).  Newer versions of llama.cpp download into Hugging Face's cache (``hf-cache.cpp``).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from infill_completion.folders import home_directory

_MAX_POINTER_BYTES, _MAX_SETTINGS_BYTES = 4096, 1 << 20
OLLAMA_MANIFESTS = ("manifests-v2", "manifests")
# Ollama's own user, where the installer for Linux or a package creates one.
_OLLAMA_SERVICES = (
    "/usr/share/ollama/.ollama/models", "/var/lib/ollama/.ollama/models", "/var/lib/ollama",
    "/var/lib/ollama/models", "/var/snap/ollama/common/models",
)  # fmt: skip


def ollama_folders() -> list[Path]:
    """Return the folders of Ollama's models that exist."""
    chosen = os.environ.get("OLLAMA_MODELS")
    services = map(Path, _OLLAMA_SERVICES)
    folders = [Path(chosen).expanduser()] if chosen else [home_directory() / ".ollama" / "models", *services]
    return [folder for folder in folders if any(_is_folder(folder / name) for name in OLLAMA_MANIFESTS)]


def lm_studio_folders() -> list[Path]:
    """Return the folders of LM Studio's models that exist."""
    home = home_directory()
    roots = [home / ".lmstudio", home / ".cache" / "lm-studio"]
    if (pointed := _absolute(_text(home / ".lmstudio-home-pointer", _MAX_POINTER_BYTES).strip())) is not None:
        roots.insert(0, pointed)
    folders = [folder for root in dict.fromkeys(roots) for folder in (_lm_studio_downloads(root), root / "models")]
    return [folder for folder in dict.fromkeys(folders) if folder is not None and _is_folder(folder)]


def _lm_studio_downloads(root: Path) -> Path | None:
    """Return the folder that the user chose in LM Studio for its models."""
    try:
        settings = json.loads(_text(root / "settings.json", _MAX_SETTINGS_BYTES))
    except (ValueError, RecursionError):
        return None
    chosen = settings.get("downloadsFolder") if isinstance(settings, dict) else None
    return _absolute(chosen) if isinstance(chosen, str) else None


def _absolute(path: str) -> Path | None:
    return Path(path) if path and "\0" not in path and Path(path).is_absolute() else None


def _text(path: Path, most: int) -> str:
    """Return the text of a small file, empty if there is none."""
    if not is_file(path):
        return ""
    try:
        with path.open("rb") as stream:
            return stream.read(most).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def llama_cpp_folders() -> list[Path]:
    """Return the folder of llama.cpp's downloads, if it exists."""
    if chosen := os.environ.get("LLAMA_CACHE"):
        folder = Path(chosen).expanduser()
    elif sys.platform == "darwin":
        folder = home_directory() / "Library" / "Caches" / "llama.cpp"
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or home_directory() / "AppData" / "Local") / "llama.cpp"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or home_directory() / ".cache") / "llama.cpp"
    return [folder] if _is_folder(folder) else []


def files_below(folder: Path, *, depth: int = 4, most: int = 10_000) -> Iterator[Path]:
    """Yield the GGUF files below a folder by their names, sorted, without projectors of images.

    Links to folders are followed, because models often lie on another disk; each folder is looked at once.

    Args:
        folder: Where to look.
        depth: How many folders deep.
        most: How many files and folders to look at.
    """
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        most -= len(names) + 1
        if most < 0 or len(Path(parent).relative_to(folder).parts) >= depth:
            folders.clear()
        for name in sorted(names):
            path = Path(parent) / name
            if name.lower().endswith(".gguf") and not name.lower().startswith("mmproj") and is_file(path):
                yield path


def is_file(path: Path) -> bool:
    """Return whether ``path`` is a file, not a pipe or a device, that can be seen."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # in a folder that may not be searched
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
