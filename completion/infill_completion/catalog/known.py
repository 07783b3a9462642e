"""The table of known models.

Sources: shapes from the ``config.json`` of each checkpoint; which CodeLlama infills from the README of
meta-llama/codellama and section 2.3 of the paper (arXiv 2308.12950v3); orders of the peers from their model cards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from infill_completion.catalog.local import names_of_folder
from infill_completion.catalog.shape import Shape
from infill_completion.prompt.formats import PromptLayout


class Support(Enum):
    """What the engine can do with a model; the value is what users read."""

    INFILLS = "infills"
    LEFT_TO_RIGHT = "left to right only"
    NONE = "not supported"


@dataclass(frozen=True)
class Model:
    """One known model.

    Attributes:
        id: Its name on the hub.
        shape: Its shape; None where the engine cannot load it.
        support: What the engine does with it.
        layout: The order of prefix and suffix its prompts get where no ``infill.json`` says otherwise.
        context_tokens: Longest text it was trained for.
        note: What else one should know, as a sentence; empty for nothing.
    """

    id: str
    shape: Shape | None
    support: Support
    layout: PromptLayout = PromptLayout.LEFT_TO_RIGHT
    context_tokens: int = 16_384
    note: str = ""


_7B = (32, 4096, 11008, 32, 32, 128)
_13B = (40, 5120, 13824, 40, 40, 128)
_34B = (48, 8192, 22016, 64, 8, 128)
_70B = (80, 8192, 28672, 64, 8, 128)
_NO_INFILL = "Trained without infilling: the text behind the cursor is not seen."
_CHAT = "Made for conversations; the base model completes better."
_CHAT_NO_INFILL = f"{_NO_INFILL} {_CHAT}"


def _code_llama(
    size: str, shape: Shape, *, infills: bool, variant: str = "", note: str = "", context: int = 16_384
) -> Model:
    support = Support.INFILLS if infills else Support.LEFT_TO_RIGHT
    layout = PromptLayout.SPM if infills else PromptLayout.LEFT_TO_RIGHT
    return Model(f"codellama/CodeLlama-{size}{variant}-hf", shape, support, layout, context, note)


CODE_LLAMA = (
    _code_llama("7b", Shape(*_7B, 32_016), infills=True),
    _code_llama("13b", Shape(*_13B, 32_016), infills=True),
    _code_llama("34b", Shape(*_34B, 32_000), infills=False, note=_NO_INFILL),
    _code_llama("70b", Shape(*_70B, 32_016), infills=True),
    _code_llama("7b", Shape(*_7B, 32_000), infills=False, variant="-Python", note=_NO_INFILL),
    _code_llama("13b", Shape(*_13B, 32_000), infills=False, variant="-Python", note=_NO_INFILL),
    _code_llama("34b", Shape(*_34B, 32_000), infills=False, variant="-Python", note=_NO_INFILL),
    _code_llama("70b", Shape(*_70B, 32_016), infills=False, variant="-Python", note=_NO_INFILL, context=4096),
    _code_llama("7b", Shape(*_7B, 32_016), infills=True, variant="-Instruct", note=_CHAT),
    _code_llama("13b", Shape(*_13B, 32_016), infills=True, variant="-Instruct", note=_CHAT),
    _code_llama("34b", Shape(*_34B, 32_000), infills=False, variant="-Instruct", note=_CHAT_NO_INFILL),
    _code_llama("70b", Shape(*_70B, 32_016), infills=False, variant="-Instruct", note=_CHAT_NO_INFILL, context=4096),
)


def _peer(name: str, shape: Shape, layout: PromptLayout, context: int = 16_384, note: str = "") -> Model:
    return Model(name, shape, Support.INFILLS, layout, context, note)


def _qwen(size: str, shape: Shape) -> Model:
    return _peer(f"Qwen/Qwen2.5-Coder-{size}", shape, PromptLayout.PSM, 32_768)


def _deepseek(size: str, shape: Shape) -> Model:
    return _peer(f"deepseek-ai/deepseek-coder-{size}-base", shape, PromptLayout.PSM)


def _unsupported(name: str, why: str) -> Model:
    return Model(name, None, Support.NONE, note=why)


PEERS = (
    _qwen("0.5B", Shape(24, 896, 4864, 14, 2, 64, 151_936, tied=True)),
    _qwen("1.5B", Shape(28, 1536, 8960, 12, 2, 128, 151_936, tied=True)),
    _qwen("3B", Shape(36, 2048, 11008, 16, 2, 128, 151_936, tied=True)),
    _qwen("7B", Shape(28, 3584, 18944, 28, 4, 128, 152_064)),
    _qwen("14B", Shape(48, 5120, 13824, 40, 8, 128, 152_064)),
    _qwen("32B", Shape(64, 5120, 27648, 40, 8, 128, 152_064)),
    _peer("JetBrains/Mellum-4b-base", Shape(30, 3072, 8256, 24, 24, 128, 98_304), PromptLayout.SPM, 8192),
    _peer(
        "ByteDance-Seed/Seed-Coder-8B-Base", Shape(32, 4096, 14336, 32, 8, 128, 155_136), PromptLayout.SPM, 32_768,
    ),
    _peer(
        "mistralai/Codestral-22B-v0.1", Shape(56, 6144, 16384, 48, 8, 128, 32_768), PromptLayout.SPM, 32_768,
        "Its licence forbids use in production.",
    ),
    _deepseek("1.3b", Shape(24, 2048, 5504, 16, 16, 128, 32_256)),
    _deepseek("6.7b", Shape(32, 4096, 11008, 32, 32, 128, 32_256)),
    _deepseek("33b", Shape(62, 7168, 19200, 56, 8, 128, 32_256)),
    _unsupported("bigcode/starcoder2-7b", "Its layers are not Llama's (LayerNorm, biases, sliding window)."),
    _unsupported("google/codegemma-7b", "Its layers are not Llama's (scaled embeddings, GeGLU)."),
    _unsupported("ibm-granite/granite-8b-code-base", "Its layers have biases and scales that Llama's do not have."),
)  # fmt: skip

MODELS: tuple[Model, ...] = CODE_LLAMA + PEERS


def find(name: str) -> Model | None:
    """Return the known model of a hub id, upper and lower case alike; Meta's own mirrors count as CodeLlama's."""
    wanted = name.lower().replace("meta-llama/codellama-", "codellama/codellama-")
    return next((model for model in MODELS if model.id.lower() == wanted), None)


def identify(folder: Path, name: str = "") -> Model | None:
    """Return the known model whose checkpoint is in ``folder``: by the name it was asked for, else by the folder's."""
    names: Sequence[str] = [name, *names_of_folder(folder)]
    whole = next((model for each in names if (model := find(each)) is not None), None)
    bare = {model.id.rpartition("/")[2].lower(): model for model in MODELS}
    return whole or next((bare[each.lower()] for each in names if each.lower() in bare), None)
