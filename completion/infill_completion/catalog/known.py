"""The table of known models.

Sources: the shapes are from the ``config.json`` of each checkpoint; which CodeLlama models infill is from the README of
meta-llama/codellama and section 2.3 of the paper (arXiv 2308.12950v3); the layouts of the other models are from their
model cards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from infill_completion.catalog.local import names_of_folder
from infill_completion.catalog.shape import ModelShape, Quantization
from infill_completion.catalog.small import SMALL, SMALL_BYTES, SMALL_ID
from infill_completion.prompt.formats import PromptLayout


class Support(Enum):
    """What the engine can do with a model; the value is shown to users."""

    INFILLS = "infills"
    LEFT_TO_RIGHT = "left to right only"
    NONE = "not supported"


@dataclass(frozen=True)
class KnownModel:
    """One known model.

    Attributes:
        id: Name on the hub.
        shape: Shape of the model; None if the engine cannot load it.
        support: What the engine can do with it.
        layout: Order of prefix and suffix in its prompts, unless its ``infill.json`` sets another.
        context_tokens: Longest text that it was trained on.
        note: A further remark for users, as a sentence; may be empty.
    """

    id: str
    shape: ModelShape | None
    support: Support
    layout: PromptLayout = PromptLayout.LEFT_TO_RIGHT
    context_tokens: int = 16_384
    note: str = ""


_7B = (32, 4096, 11008, 32, 32, 128)
_13B = (40, 5120, 13824, 40, 40, 128)
_34B = (48, 8192, 22016, 64, 8, 128)
_70B = (80, 8192, 28672, 64, 8, 128)
_NO_INFILL = "Trained without infilling: what is below the cursor is shown to it as text above."
_CHAT = "Tuned for chat; the base model completes better."
_CHAT_NO_INFILL = f"{_NO_INFILL} {_CHAT}"


def _code_llama(
    size: str, shape: ModelShape, *, infills: bool, variant: str = "", note: str = "", context: int = 16_384
) -> KnownModel:
    support = Support.INFILLS if infills else Support.LEFT_TO_RIGHT
    layout = PromptLayout.SPM if infills else PromptLayout.LEFT_TO_RIGHT
    return KnownModel(f"codellama/CodeLlama-{size}{variant}-hf", shape, support, layout, context, note)


CODE_LLAMA = (
    _code_llama("7b", ModelShape(*_7B, 32_016), infills=True),
    _code_llama("13b", ModelShape(*_13B, 32_016), infills=True),
    _code_llama("34b", ModelShape(*_34B, 32_000), infills=False, note=_NO_INFILL),
    _code_llama("70b", ModelShape(*_70B, 32_016), infills=True),
    _code_llama("7b", ModelShape(*_7B, 32_000), infills=False, variant="-Python", note=_NO_INFILL),
    _code_llama("13b", ModelShape(*_13B, 32_000), infills=False, variant="-Python", note=_NO_INFILL),
    _code_llama("34b", ModelShape(*_34B, 32_000), infills=False, variant="-Python", note=_NO_INFILL),
    _code_llama("70b", ModelShape(*_70B, 32_016), infills=False, variant="-Python", note=_NO_INFILL, context=4096),
    _code_llama("7b", ModelShape(*_7B, 32_016), infills=True, variant="-Instruct", note=_CHAT),
    _code_llama("13b", ModelShape(*_13B, 32_016), infills=True, variant="-Instruct", note=_CHAT),
    _code_llama("34b", ModelShape(*_34B, 32_000), infills=False, variant="-Instruct", note=_CHAT_NO_INFILL),
    _code_llama(
        "70b", ModelShape(*_70B, 32_016), infills=False, variant="-Instruct", note=_CHAT_NO_INFILL, context=4096
    ),
)


def _peer(name: str, shape: ModelShape, layout: PromptLayout, context: int = 16_384, note: str = "") -> KnownModel:
    return KnownModel(name, shape, Support.INFILLS, layout, context, note)


def _qwen(size: str, shape: ModelShape) -> KnownModel:
    return _peer(f"Qwen/Qwen2.5-Coder-{size}", shape, PromptLayout.PSM, 32_768)


def _deepseek(size: str, shape: ModelShape) -> KnownModel:
    return _peer(f"deepseek-ai/deepseek-coder-{size}-base", shape, PromptLayout.PSM)


def _starcoder2(
    size: str, layers: int, hidden: int, intermediate: int, heads: int, kv_heads: int, *, tied: bool = True
) -> KnownModel:
    shape = ModelShape(layers, hidden, intermediate, heads, kv_heads, 128, 49_152, tied=tied, gated=False)
    note = "It sees 4,096 tokens at a time, so prompts are at most that long."
    return _peer(f"bigcode/starcoder2-{size}", shape, PromptLayout.PSM, 16_384, note)


def _unsupported(name: str, why: str) -> KnownModel:
    return KnownModel(name, None, Support.NONE, note=why)


PEERS = (
    _qwen("0.5B", ModelShape(24, 896, 4864, 14, 2, 64, 151_936, tied=True)),
    _qwen("1.5B", ModelShape(28, 1536, 8960, 12, 2, 128, 151_936, tied=True)),
    _qwen("3B", ModelShape(36, 2048, 11008, 16, 2, 128, 151_936, tied=True)),
    _qwen("7B", ModelShape(28, 3584, 18944, 28, 4, 128, 152_064)),
    _qwen("14B", ModelShape(48, 5120, 13824, 40, 8, 128, 152_064)),
    _qwen("32B", ModelShape(64, 5120, 27648, 40, 8, 128, 152_064)),
    _peer("JetBrains/Mellum-4b-base", ModelShape(30, 3072, 8256, 24, 24, 128, 98_304), PromptLayout.SPM, 8192),
    _peer(
        "ByteDance-Seed/Seed-Coder-8B-Base", ModelShape(32, 4096, 14336, 32, 8, 128, 155_136), PromptLayout.SPM, 32_768,
    ),
    _peer(
        "mistralai/Codestral-22B-v0.1", ModelShape(56, 6144, 16384, 48, 8, 128, 32_768), PromptLayout.SPM, 32_768,
        "Its licence forbids use in production.",
    ),
    _deepseek("1.3b", ModelShape(24, 2048, 5504, 16, 16, 128, 32_256)),
    _deepseek("6.7b", ModelShape(32, 4096, 11008, 32, 32, 128, 32_256)),
    _deepseek("33b", ModelShape(62, 7168, 19200, 56, 8, 128, 32_256)),
    _starcoder2("3b", 30, 3072, 12288, 24, 2),
    _starcoder2("7b", 32, 4608, 18432, 36, 4),
    _starcoder2("15b", 40, 6144, 24576, 48, 4, tied=False),
    _peer(
        "ibm-granite/granite-3b-code-base-2k", ModelShape(32, 2560, 10240, 32, 32, 80, 49_152, tied=True),
        PromptLayout.PSM, 2048,
    ),
    _peer(
        "ibm-granite/granite-8b-code-base-4k", ModelShape(36, 4096, 14336, 32, 8, 128, 49_152, tied=True),
        PromptLayout.PSM, 4096,
    ),
    _peer(
        "ibm-granite/granite-3.3-2b-base", ModelShape(40, 2048, 8192, 32, 8, 64, 49_159, tied=True), PromptLayout.PSM,
        131_072,
    ),
    _peer(
        "ibm-granite/granite-3.3-8b-base", ModelShape(40, 4096, 12800, 32, 8, 128, 49_159, tied=True), PromptLayout.PSM,
        131_072,
    ),
    _unsupported("google/codegemma-7b", "Its layers are not Llama's (scaled embeddings, GeGLU)."),
)  # fmt: skip

_SMALL_SHAPE = ModelShape(30, 576, 1536, 9, 3, 64, 49_152, tied=True)
_SMALL_NOTE = "For computers without a GPU; engine.model calls it `small`."
SMALL_MODEL = KnownModel(SMALL_ID, _SMALL_SHAPE, Support.LEFT_TO_RIGHT, context_tokens=8192, note=_SMALL_NOTE)

MODELS: tuple[KnownModel, ...] = (*CODE_LLAMA, *PEERS, SMALL_MODEL)
# The hub redirects from the first names.
_RENAMED = {
    "ibm-granite/granite-3b-code-base": "ibm-granite/granite-3b-code-base-2k",
    "ibm-granite/granite-8b-code-base": "ibm-granite/granite-8b-code-base-4k",
}


def download_bytes(model: KnownModel) -> int | None:
    """Return about how much a download of a model is; None without its shape."""
    if model is SMALL_MODEL:
        return SMALL_BYTES
    return None if model.shape is None else model.shape.weight_bytes(Quantization.BF16)


def find(name: str) -> KnownModel | None:
    """Return the known model with a hub id, ignoring case; Meta's own mirrors of CodeLlama count as the same models."""
    if name == SMALL:
        return SMALL_MODEL
    wanted = name.lower().replace("meta-llama/codellama-", "codellama/codellama-")
    wanted = _RENAMED.get(wanted, wanted)
    return next((model for model in MODELS if model.id.lower() == wanted), None)


def identify(folder: Path, name: str = "") -> KnownModel | None:
    """Return the known model whose checkpoint is in ``folder``: by the requested name, else by the folder's name."""
    names: Sequence[str] = [name, *names_of_folder(folder)]
    whole = next((model for each in names if (model := find(each)) is not None), None)
    by_name = {model.id.rpartition("/")[2].lower(): model for model in MODELS}
    return whole or next((by_name[each.lower()] for each in names if each.lower() in by_name), None)
