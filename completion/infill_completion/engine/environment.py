"""Environment variables that must be set before torch, transformers or bitsandbytes are imported.

Importing this module sets them; it is the first import of every module that imports those libraries.
"""

from __future__ import annotations

import os

SETTINGS = {
    # Nothing is fetched unasked; bitsandbytes would even ask the hub for a kernel while it is imported.
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    # Spinning worker threads make two threads slower than one as soon as a neighbour wants the core.
    "OMP_WAIT_POLICY": "PASSIVE",
    "KMP_BLOCKTIME": "0",
    "TOKENIZERS_PARALLELISM": "false",
}


def prepare() -> None:
    """Set what the user has not set."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


prepare()
