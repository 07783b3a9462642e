"""The faces of the product that are fuzzed."""

from __future__ import annotations

from tests.fuzz.fuzzer import Target
from tests.fuzz.targets.checkpoint import CheckpointFolder
from tests.fuzz.targets.configuration import ConfigurationTree, SettingsFile
from tests.fuzz.targets.engine_http import EngineRequest
from tests.fuzz.targets.filters import FilterPipeline
from tests.fuzz.targets.gguf import GgufModelFile
from tests.fuzz.targets.ignore_rules import IgnoreFile
from tests.fuzz.targets.lsp import Framing, LanguageServerMessages
from tests.fuzz.targets.ollama import OllamaManifest

_ALL: tuple[Target, ...] = (
    Framing(),
    LanguageServerMessages(),
    EngineRequest(),
    ConfigurationTree(),
    SettingsFile(),
    CheckpointFolder(),
    GgufModelFile(),
    OllamaManifest(),
    FilterPipeline(),
    IgnoreFile(),
)
TARGETS = {target.name: target for target in _ALL}
