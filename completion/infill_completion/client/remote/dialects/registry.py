"""The values of ``engine.api`` and the protocol that each names.

A new protocol is a file next to this one, a row here, and a choice of ``engine.api`` in ``settings.py``.
"""

from __future__ import annotations

from collections.abc import Callable

from infill_completion.client.remote.dialects.dialect import Dialect
from infill_completion.client.remote.dialects.llama_cpp import LlamaCpp
from infill_completion.client.remote.dialects.ollama import Ollama
from infill_completion.client.remote.dialects.openai import OpenAI
from infill_completion.settings import EngineSettings

DIALECTS: dict[str, Callable[[EngineSettings], Dialect]] = {"openai": OpenAI, "llama.cpp": LlamaCpp, "ollama": Ollama}
