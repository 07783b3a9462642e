"""What a checkpoint says about itself in ``infill.json``: prompt layout, budget, cache weights.

Checkpoints without the file, such as CodeLlama's, get the defaults: the layout of the catalog, else the one that is
best for their infilling tokens; healed words, no cache.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any

from infill_completion.catalog import KnownModel, Support, identify
from infill_completion.engine.errors import ModelError
from infill_completion.engine.ngram.mixture import MixtureParameters
from infill_completion.prompt.formats import FimFormat, PromptLayout


@dataclass(frozen=True)
class ModelSettings:
    """Settings of a model.

    Attributes:
        name: What users see; empty: the name they asked for.
        layout: Order of prefix and suffix.
        heal: Whether the unfinished word before the cursor is spelled again.
        context_tokens: Most tokens of a prompt that the model was trained for; None: as its positions allow.
        suffix_share: See :class:`infill_completion.prompt.tokens.PromptOptions`.
        context_share: As above; 0 keeps other files out of the model's window, the cache still sees them.
        cache: Weights of the n-gram index, or None to leave it out.
        draft_tokens: Most tokens that are copied from the text around the cursor and checked in one step; 0 for none.
            A step of five rows still runs on the kernels that make one row fast.
    """

    name: str = ""
    layout: PromptLayout = PromptLayout.SPM
    heal: bool = True
    context_tokens: int | None = None
    suffix_share: float = 0.25
    context_share: float = 0.25
    cache: MixtureParameters | None = None
    draft_tokens: int = 4

    @classmethod
    def read(cls, folder: Path, name: str = "", form: FimFormat | None = None) -> ModelSettings:
        """Read ``infill.json`` of the checkpoint in ``folder``; keys that are not settings are ignored.

        Args:
            folder: Of the checkpoint.
            name: What the model was asked for as; the catalog may know it, or the folder.
            form: The infilling format that its tokenizer has.

        Raises:
            ModelError: The file cannot be read.
        """
        file = folder / "infill.json"
        model = identify(folder, name)
        default = cls(layout=_default_layout(model, form))
        if not file.exists():
            return default
        try:
            written = json.loads(file.read_text(encoding="utf-8"))
            changes = _known(cls, written)
            if "layout" in changes:
                changes["layout"] = PromptLayout(changes["layout"])
            if changes.get("cache") is not None:
                changes["cache"] = MixtureParameters(**_known(MixtureParameters, changes["cache"]))
            return replace(default, **changes)
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"{file} cannot be read ({error}); correct it or remove it.") from error


def _default_layout(model: KnownModel | None, form: FimFormat | None) -> PromptLayout:
    if model is not None and model.support is not Support.NONE:
        return model.layout
    return form.layout if form is not None else PromptLayout.SPM


_EXPECTED: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "PromptLayout": (str,),
    "context_tokens": (int, NoneType),
    "cache": (Mapping, NoneType),
}


def _known(kind: type, written: Any) -> dict[str, Any]:
    """Return the keys of ``written`` that ``kind`` has, with values of the type of their defaults.

    Raises:
        TypeError: Something else stands there.
    """
    if not isinstance(written, Mapping):
        raise TypeError("a table is expected")
    known: dict[str, Any] = {}
    for item in fields(kind):
        if item.name in written:
            value = written[item.name]
            expected = _EXPECTED.get(item.name) or _EXPECTED.get(type(item.default).__name__, (object,))
            if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
                raise TypeError(f"`{item.name}` has the wrong type")
            known[item.name] = value
    return known
