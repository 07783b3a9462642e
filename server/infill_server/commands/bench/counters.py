"""The counters of the local engine, read from its ``GET /metrics``."""

from __future__ import annotations

import re

from infill_completion.client.engine import EngineClient, address_of
from infill_completion.client.run_directory import engine_paths
from infill_completion.settings import EngineSettings

_LINE = re.compile(r'^(infill_requests_total|infill_tokens_total)\{\w+="(\w+)"\} (\S+)$', re.MULTILINE)


async def engine_process(settings: EngineSettings) -> int | None:
    """Return the process id of the engine with these settings; None if none is running.

    Raises:
        EngineUnavailableError: The engine does not answer.
    """
    address = address_of(engine_paths(settings))
    if address is None:
        return None
    client = EngineClient(address)
    try:
        return (await client.health()).pid
    finally:
        await client.aclose()


async def counters(settings: EngineSettings) -> dict[str, float]:
    """Return ``requests``, ``cancelled_requests``, ``prompt_tokens``, ``cached_tokens`` and ``completion_tokens``.

    The result is empty if no engine with these settings is running.

    Raises:
        EngineUnavailableError: The engine does not answer.
    """
    address = address_of(engine_paths(settings))
    if address is None:
        return {}
    client = EngineClient(address)
    try:
        page = await client.metrics()
    finally:
        await client.aclose()
    found = {(name, label): float(value) for name, label, value in _LINE.findall(page)}
    tokens = {f"{label}_tokens": value for (name, label), value in found.items() if name == "infill_tokens_total"}
    requests = {label: value for (name, label), value in found.items() if name == "infill_requests_total"}
    return tokens | {"requests": sum(requests.values()), "cancelled_requests": requests.get("cancelled", 0.0)}
