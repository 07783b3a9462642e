"""Which known model a GGUF file holds, by its name and its shape."""

from __future__ import annotations

import re
from collections.abc import Iterable

from infill_completion.catalog.gguf.found import GgufModel, found
from infill_completion.catalog.known import MODELS, KnownModel

# What converters and Ollama append: the file's ending, the quantisation, and that it is the base model.
_APPENDED = re.compile(r"([-._](I?Q\d\w*|B?F16|F32|FP16|gguf|hf|base|code|[24]k))+$", re.IGNORECASE)
# Ollama's tags of these models are tuned variants unless they say otherwise.
_TUNED_TAGS = re.compile(r"(?:codellama|qwen2\.5-coder|deepseek-coder|granite-code):(?!.*(?:base|code))", re.IGNORECASE)
_GRANITE = re.compile(r"^granite-code-(\d+b)")
_TUNED = re.compile(r"instruct|chat|python", re.IGNORECASE)


def known_by_name(name: str) -> KnownModel | None:
    """Return the known model that a file name or an Ollama name means; tuned variants are models of their own."""
    if _TUNED_TAGS.match(name):
        return None
    wanted = _plain(_GRANITE.sub(r"granite-\1-code", name.rpartition("/")[2].replace(":", "-")))
    named = {_plain(model.id.rpartition("/")[2]): model for model in MODELS}
    # llama.cpp's cache puts the names of owner and repository before the file's.
    return named.get(wanted) or next((model for name, model in named.items() if wanted.endswith(f"_{name}")), None)


def known_files() -> list[tuple[KnownModel, GgufModel]]:
    """Return the GGUF files of known models that other programs keep on this machine and that infill.

    Those that cannot be read are among them, by their names alone.
    """
    files = found(wanted=lambda name: known_by_name(name) is not None)
    return [(model, file) for file in files if (model := _identified(file)) is not None]


def _identified(file: GgufModel) -> KnownModel | None:
    is_path, description = file.name == str(file.path), file.description
    name = file.path.name if is_path else file.name
    model = known_by_name(name)
    if model is None or model.shape is None:
        return None
    if description is None:
        return None if _is_tuned([name]) else model
    if not file.infills or _is_tuned(description.names):
        return None
    shape, known = description.shape, model.shape
    is_same = (shape.layers, shape.hidden, shape.heads) == (known.layers, known.hidden, known.heads)
    return model if is_same else None


def _is_tuned(names: Iterable[str]) -> bool:
    return any(_TUNED.search(name) for name in names)


def _plain(name: str) -> str:
    return _APPENDED.sub("", name.lower())
