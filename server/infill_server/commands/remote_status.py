"""What a remote engine is and can do, for ``infill-ls doctor``."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from infill_completion.api import EngineState, Health
from infill_completion.settings import EngineSettings

# A cold server may take this long to load its model.
_PATIENCE_S = 60.0


def remote_health(settings: EngineSettings) -> Health:
    """Ask the server of ``engine.url`` for its state; ``details`` has the format and the window of its model."""
    return asyncio.run(_asked(settings))


def remote_line(health: Health) -> str:
    """Return one line about a server that is ready."""
    facts = health.details
    size = f", {facts['window_tokens']} tokens at most" if facts["window_tokens"] else ""
    return f"{facts['url']} answers with {health.model} (format: {facts['format']}{size})"


async def _asked(settings: EngineSettings) -> Health:
    from infill_completion.client.remote.engine import RemoteEngine

    engine = RemoteEngine(settings)
    try:
        health = await engine.wait_ready(_PATIENCE_S)
        return replace(health, details=engine.facts()) if health.state is EngineState.READY else health
    finally:
        await engine.aclose()
