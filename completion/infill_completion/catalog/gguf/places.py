"""Where other programs keep GGUF files on this machine.

Sources: the FAQ of Ollama's documentation (``OLLAMA_MODELS``), LM Studio's documentation of imported models,
``fs_get_cache_directory`` in llama.cpp's ``common.cpp`` (``LLAMA_CACHE``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from infill_completion.folders import home_directory

_MAX_POINTER_BYTES = 4096
# Ollama's own user, where its installer for Linux creates one.
_OLLAMA_SERVICE = Path("/usr/share/ollama/.ollama/models")


def ollama_folders() -> list[Path]:
    """Return the folders of Ollama's models that exist."""
    chosen = os.environ.get("OLLAMA_MODELS")
    folders = [Path(chosen)] if chosen else [home_directory() / ".ollama" / "models", _OLLAMA_SERVICE]
    return [folder for folder in folders if _is_folder(folder / "manifests")]


def lm_studio_folders() -> list[Path]:
    """Return the folders of LM Studio's models that exist."""
    home = home_directory()
    roots = [home / ".lmstudio", home / ".cache" / "lm-studio"]
    try:
        with (home / ".lmstudio-home-pointer").open("rb") as stream:
            pointed = stream.read(_MAX_POINTER_BYTES).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        pointed = ""
    if pointed and "\0" not in pointed and Path(pointed).is_absolute():
        roots.insert(0, Path(pointed))
    return [root / "models" for root in dict.fromkeys(roots) if _is_folder(root / "models")]


def llama_cpp_folders() -> list[Path]:
    """Return the folder of llama.cpp's downloads, if it exists."""
    if chosen := os.environ.get("LLAMA_CACHE"):
        folder = Path(chosen)
    elif sys.platform == "darwin":
        folder = home_directory() / "Library" / "Caches" / "llama.cpp"
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or home_directory() / "AppData" / "Local") / "llama.cpp"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or home_directory() / ".cache") / "llama.cpp"
    return [folder] if _is_folder(folder) else []


def files_below(folder: Path, *, depth: int = 4, most: int = 10_000) -> Iterator[Path]:
    """Yield the GGUF files below a folder by their names, sorted, without projectors of images.

    Args:
        folder: Where to look.
        depth: How many folders deep.
        most: How many files and folders to look at.
    """
    for parent, folders, names in os.walk(folder):
        folders.sort()
        most -= len(names) + 1
        if most < 0 or len(Path(parent).relative_to(folder).parts) >= depth:
            folders.clear()
        for name in sorted(names):
            path = Path(parent) / name
            if name.lower().endswith(".gguf") and not name.lower().startswith("mmproj") and path.is_file():
                yield path


def _is_folder(path: Path) -> bool:
    """Return whether ``path`` is a folder that can be seen."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
