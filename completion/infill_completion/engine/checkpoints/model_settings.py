"""The settings of a model, from ``infill.json`` in its checkpoint: prompt layout, budget, cache weights.

Checkpoints without the file, such as CodeLlama's, get defaults: the layout in the catalog, else the best one for their
infilling tokens; healed words; the n-gram cache only where its weights were fitted for the model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any

from infill_completion.catalog import KnownModel, ModelShape, Support, identify
from infill_completion.catalog.gguf.places import is_file
from infill_completion.engine.checkpoints.gguf.loading import opened
from infill_completion.engine.errors import ModelError
from infill_completion.engine.ngram.fitted import FITTED, Fitted
from infill_completion.engine.ngram.mixture import MixtureParameters
from infill_completion.prompt.formats import FimFormat, PromptLayout

_LONGEST_NAME = 200


@dataclass(frozen=True)
class RerankParameters:
    """How the text after the cursor chooses a line; see :mod:`infill_completion.engine.decoding.reranker`.

    Attributes:
        alternatives: Most lines that are tried besides the model's own.
        least_share: Least probability of the beginning of such a line, up to the token that makes it another.
        suffix_tokens: How many tokens of the suffix are compared.
        suffix_weight: Weight of their log-probability beside that of the line, which knows the suffix from the prompt.
        infilling: Whether lines are compared for invoked requests too where the model infills.
    """

    alternatives: int = 3
    least_share: float = 0.05
    suffix_tokens: int = 8
    suffix_weight: float = 0.5
    infilling: bool = False

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: A number is out of range.
        """
        if not 0 < self.least_share <= 1 or self.alternatives < 0 or self.suffix_tokens < 1 or self.suffix_weight < 0:
            raise ValueError("`rerank` has a number that is out of range")


@dataclass(frozen=True)
class ModelSettings:
    """Settings of a model.

    Attributes:
        name: Name shown to users; if empty, the name that they asked for.
        layout: Order of prefix and suffix.
        heal: Whether to regenerate the unfinished word before the cursor.
        context_tokens: Longest prompt that the model was trained on; None for as long as its positions allow.
        suffix_share: See :class:`infill_completion.prompt.tokens.PromptOptions`.
        context_share: As above; with 0 the model does not see other files, but the n-gram cache does.
        cache: Weights of the n-gram cache, or None to do without.
        workspace: Weights of the counts of the workspace's other texts, or None to use them for drafts only.
        draft_tokens: Most tokens to copy from the text around the cursor and check in one step; 0 for none.  On CUDA
            as many as a step computes anyway.
        rerank: How the suffix chooses among several lines, or None to do without.
    """

    name: str = ""
    layout: PromptLayout = PromptLayout.SPM
    heal: bool = True
    context_tokens: int | None = None
    suffix_share: float = 0.25
    context_share: float = 0.25
    cache: MixtureParameters | None = None
    workspace: MixtureParameters | None = None
    draft_tokens: int = 4
    rerank: RerankParameters | None = RerankParameters()

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: A number is out of range, or the name is none to show.
        """
        if not (0 <= self.suffix_share < 1 and 0 <= self.context_share < 1):
            raise ValueError("`suffix_share` or `context_share` is no share")
        if self.draft_tokens < 0 or (self.context_tokens is not None and self.context_tokens < 1):
            raise ValueError("`draft_tokens` or `context_tokens` is out of range")
        if len(self.name) > _LONGEST_NAME or not self.name.isprintable():
            raise ValueError("`name` is too long, or cannot be shown")

    @classmethod
    def read(cls, folder: Path, name: str = "", form: FimFormat | None = None) -> ModelSettings:
        """Read ``infill.json`` of the checkpoint in ``folder``; unknown keys are ignored.

        That of a GGUF file ``NAME.gguf`` is ``NAME.infill.json`` beside it.

        Args:
            folder: Folder of the checkpoint.
            name: Requested name of the model, to find it in the catalog; else the folder's name is used.
            form: Infilling format of its tokenizer.

        Raises:
            ModelError: The file cannot be read.
        """
        file = folder.with_suffix(".infill.json") if folder.is_file() else folder / "infill.json"
        description = opened(folder)[1] if folder.is_file() else None
        names = description.names if description is not None else ()
        model = next(filter(None, (identify(folder, each) for each in (name, *names))), None)
        fitted = FITTED.get(_shape(folder) if description is None else description.shape, Fitted())
        default = cls(
            layout=_default_layout(model, form),
            cache=fitted.prompt,
            workspace=fitted.workspace,
        )
        if not is_file(file):
            return default
        try:
            written = json.loads(file.read_text(encoding="utf-8"))
            changes = _known(cls, written)
            if "layout" in changes:
                changes["layout"] = PromptLayout(changes["layout"])
            for key in ("cache", "workspace"):
                if changes.get(key) is not None:
                    changes[key] = MixtureParameters(**_known(MixtureParameters, changes[key]))
            if changes.get("rerank") is not None:
                changes["rerank"] = RerankParameters(**_known(RerankParameters, changes["rerank"]))
            return replace(default, **changes)
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise ModelError(f"{file} cannot be read ({error}); correct it or remove it.") from error


def _shape(folder: Path) -> ModelShape | None:
    try:
        return ModelShape.of(json.loads((folder / "config.json").read_text("utf-8")))
    except (OSError, LookupError, TypeError, ValueError, AttributeError):
        return None


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
    "workspace": (Mapping, NoneType),
    "rerank": (Mapping, NoneType),
}


def _known(kind: type, written: Any) -> dict[str, Any]:
    """Return the entries of ``written`` that are fields of ``kind``, after checking their types.

    Raises:
        TypeError: ``written`` is not a table, or a value has the wrong type.
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
