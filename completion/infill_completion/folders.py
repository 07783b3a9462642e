"""The user's folders, also for users without a home directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs

_NAME = "infill-ls"
# Debian's home directory for users who have none; it never exists.
_NOWHERE = Path("/nonexistent")


def has_home_directory() -> bool:
    """Return whether the user has a home directory; a container that runs under an unknown user id has none."""
    return _home().is_absolute()


def home_directory() -> Path:
    """Return the user's home directory, or a path that does not exist."""
    return _home() if has_home_directory() else _NOWHERE


def config_folder() -> Path:
    """Return the folder of the user's settings file; never one below the current folder, which may be untrusted."""
    return _absolute(platformdirs.user_config_dir, ".config")


def data_folder() -> Path:
    """Return the folder of the user's data; never one below the current folder."""
    return _absolute(platformdirs.user_data_dir, ".local/share")


def state_folder() -> Path:
    """Return the folder of what is kept between sessions, such as recordings; never one below the current folder."""
    return _absolute(platformdirs.user_state_dir, ".local/state")


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        return Path()


def _absolute(platform_folder: Callable[..., str], usual: str) -> Path:
    """Return the platform's folder, or ``usual`` below the home directory if that is not an absolute path.

    Without a home directory, ``platform_folder`` raises an error, or in older versions leaves a bare ``~`` in the path.
    """
    try:
        found = Path(platform_folder(_NAME, False))
    except RuntimeError:
        found = Path()
    return found if found.is_absolute() else home_directory() / usual / _NAME
