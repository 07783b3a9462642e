"""Environment variables that must be set before torch, transformers or bitsandbytes are imported.

Importing this module sets them, so every module that imports those libraries imports this one first.
"""

from __future__ import annotations

import os

SETTINGS = {
    # Nothing is downloaded unasked; bitsandbytes would even look for a kernel on the hub when it is imported.
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    # With spinning worker threads, two threads are slower than one as soon as another process needs the core.
    "OMP_WAIT_POLICY": "PASSIVE",
    "KMP_BLOCKTIME": "0",
    "TOKENIZERS_PARALLELISM": "false",
}
# 0: the model's steps run in torch's and bitsandbytes' operators only.
OWN_KERNELS = "INFILL_LS_FUSED"


def prepare() -> None:
    """Set the variables that the user has not set."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


prepare()
