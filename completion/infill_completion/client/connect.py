"""Entry of this package: chooses the engine that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infill_completion.client.local import LocalEngine, OnHealth
from infill_completion.settings import Settings

if TYPE_CHECKING:
    from infill_completion.client.remote.engine import RemoteEngine


def engine_for(settings: Settings, on_health: OnHealth | None = None) -> LocalEngine | RemoteEngine:
    """Return the engine of ``settings``: the remote one if ``engine.url`` is set, else the shared local one."""
    if settings.engine.url is None:
        return LocalEngine(settings.engine, on_health)
    from infill_completion.client.remote.engine import RemoteEngine

    return RemoteEngine(settings.engine, on_health)
