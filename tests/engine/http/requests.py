"""Requests to a scripted engine over its socket."""

from __future__ import annotations

import httpx

from tests.scripted_engine import ScriptedEngine


def client_of(engine: ScriptedEngine) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=str(engine.paths.socket))
    return httpx.Client(transport=transport, base_url="http://engine", timeout=20)


def wait_ready(engine: ScriptedEngine) -> None:
    engine.wait_for(lambda: engine.loads or None)
    with client_of(engine) as http:
        while http.get("/health").json()["state"] == "loading":
            pass
