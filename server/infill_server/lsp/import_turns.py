"""Imports beside the event loop, one after another.

Two threads that import parts of one package at the same time may each hold the lock that the other waits for. Python
then lets one of them go on with a module that is not complete, and its import fails.
"""

from __future__ import annotations

import importlib
import threading
from types import ModuleType

_LOCK = threading.Lock()


def import_in_turn(name: str) -> ModuleType:
    """Import a module on a thread of its own; waits for other threads that import so."""
    with _LOCK:
        return importlib.import_module(name)
