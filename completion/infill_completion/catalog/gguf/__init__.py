"""GGUF files, llama.cpp's format of models: reading their headers, and finding them on this machine.

Nothing here needs torch: the language server lists models, and the engine reads their weights.
"""

from infill_completion.catalog.gguf.description import Description, describe
from infill_completion.catalog.gguf.found import GgufModel, found, in_folder
from infill_completion.catalog.gguf.ollama import ollama_model
from infill_completion.catalog.gguf.reader import GgufError, GgufFile, TensorEntry, is_gguf, read

__all__ = [
    "Description",
    "GgufError",
    "GgufFile",
    "GgufModel",
    "TensorEntry",
    "describe",
    "found",
    "in_folder",
    "is_gguf",
    "ollama_model",
    "read",
]
