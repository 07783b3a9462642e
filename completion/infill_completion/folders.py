"""The user's folders, also for users who have no home."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs

_NAME = "infill-ls"
# What Debian writes down as the home of users who have none: nothing is ever found there.
_NOWHERE = Path("/nonexistent")


def has_home() -> bool:
    """Tell whether the user has a home; a container that runs under an unregistered number has none."""
    return _home().is_absolute()


def home() -> Path:
    """Return the user's home, or a folder that does not exist."""
    return _home() if has_home() else _NOWHERE


def config_folder() -> Path:
    """Return where the user's settings file lives; never below the current folder, which may be a stranger's."""
    return _below_home(platformdirs.user_config_dir, ".config")


def data_folder() -> Path:
    """Return where what the user made is kept; never below the current folder."""
    return _below_home(platformdirs.user_data_dir, ".local/share")


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        return Path()


def _below_home(place: Callable[..., str], usual: str) -> Path:
    """Return the folder that ``place`` names; where there is no home it raises, or older ones leave a bare ``~``."""
    try:
        found = Path(place(_NAME, False))
    except RuntimeError:
        found = Path()
    return found if found.is_absolute() else home() / usual / _NAME
