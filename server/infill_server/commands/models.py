"""``infill-ls models list|pull|quantize``: known and cached models, downloads, and 4-bit checkpoints."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from infill_completion.catalog import (
    FAMILIES,
    MODELS,
    ModelShape,
    Presence,
    Quantization,
    cached,
    download_bytes,
    find,
    hub_folder,
    licence,
    quality,
    quantised,
    quantised_names,
    quantised_path,
)
from infill_completion.catalog.local import Cached, cached_names
from infill_completion.catalog.small import SMALL, SMALL_BYTES, SMALL_ID, small_model
from infill_completion.client.launch import engine_environment
from infill_server.commands.engine_module import module_command, run_module
from infill_server.commands.gguf_list import gguf_lines, gguf_rows

_PLAN_DEADLINE_S = 120.0
_KV_TOKENS = 1000
_GIB = 2**30
_HEADING = (
    "GiB of weights as nf4, int4, int8, bf16, of keys and values per 1,000 tokens of context; single lines that it",
    "infills exactly, as published in [source]; seconds for the rest of a line on this machine.",
    "",
    f"{'model':<38}{'nf4':>6}{'int4':>6}{'int8':>7}{'bf16':>7}{'kv/1k':>7}{'lines':>12}{'s/line':>8}  "
    "support, presence, licence",
)


@dataclass(frozen=True)
class ModelRow:
    """One model of the list; bytes are None if its shape is unknown.

    ``quantised_folder`` is the folder of its 4-bit checkpoint on this machine, if there is one.  ``quality_percent`` is
    the share of single lines that it infills exactly, as published in ``quality_source``; ``line_ms`` is how long the
    rest of a line takes here, measured or estimated.
    """

    id: str
    parameters: int | None
    support: str
    presence: str
    cached_bytes: int
    nf4_bytes: int | None = None
    int4_bytes: int | None = None
    int8_bytes: int | None = None
    bf16_bytes: int | None = None
    kv_bytes_per_1000_tokens: int | None = None
    note: str = ""
    quantised_folder: str | None = None
    quality_percent: float | None = None
    quality_source: str = ""
    licence: str = ""
    line_ms: float | None = None


def rows(lines_ms: Mapping[str, float] | None = None) -> list[ModelRow]:
    """Return the known models, followed by other models that are cached or quantised here.

    ``lines_ms`` gives the time for a line by model.
    """
    known = [_row(model.id, model.shape, model.support.value, model.note) for model in MODELS]
    others = sorted({*cached_names(), *quantised_names()})
    found = [*known, *(row for name in others if find(name) is None for row in _unknown_model(name))]
    return [_described(row, (lines_ms or {}).get(row.id)) for row in found]


def _described(row: ModelRow, line_ms: float | None) -> ModelRow:
    """Add quality, licence and speed to a row."""
    figure, terms = quality(row.id), licence(row.id)
    return replace(
        row,
        quality_percent=figure.percent if figure else None,
        quality_source=figure.source if figure else "",
        licence=terms.name if terms else "",
        line_ms=line_ms,
    )


def _row(name: str, shape: ModelShape | None, support: str, note: str) -> ModelRow:
    here, made = _here(name), quantised(name)
    if shape is None:
        return ModelRow(name, None, support, here.presence.value, here.bytes, note=note)
    return ModelRow(
        id=name,
        parameters=shape.parameters,
        support=support,
        presence=here.presence.value,
        cached_bytes=here.bytes,
        nf4_bytes=shape.weight_bytes(Quantization.NF4),
        int4_bytes=shape.weight_bytes(Quantization.INT4),
        int8_bytes=shape.weight_bytes(Quantization.INT8),
        bf16_bytes=shape.weight_bytes(Quantization.BF16),
        kv_bytes_per_1000_tokens=shape.kv_bytes(_KV_TOKENS),
        note=note,
        quantised_folder=None if made is None else str(made),
    )


def _here(name: str) -> Cached:
    small = small_model() if name == SMALL_ID else None
    return cached(name) if small is None else Cached(Presence.COMPLETE, small.parent, SMALL_BYTES)


def _unknown_model(name: str) -> Iterator[ModelRow]:
    """Yield the row of an unknown model on this machine, if the engine computes its layers."""
    folder = cached(name).folder or quantised(name)
    if folder is None:
        return
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        shape = ModelShape.of(config)
    except (OSError, ValueError, KeyError, TypeError):
        return
    if (family := config.get("model_type")) in FAMILIES:
        kind = "a Llama" if family == "llama" else f"of the family {family}"
        yield _row(name, shape, f"unknown, {kind} by its configuration", "")


def list_models(options: argparse.Namespace) -> int:
    """Print the models, the one that ``auto`` chooses, and the GGUF files on this machine.

    Raises:
        UsageError: A folder that the user named does not exist.
    """
    files = gguf_rows(options.folder)
    chosen = plan()
    found = rows(chosen["lines_ms"])
    if options.json:
        listed = {"models": [asdict(row) for row in found], "files": [asdict(row) for row in files]}
        print(json.dumps({"cache": str(hub_folder()), "auto": chosen, **listed}))  # noqa: T201
        return 0
    for line in _HEADING:
        print(line)  # noqa: T201
    sources = list(dict.fromkeys(row.quality_source for row in found if row.quality_source))
    for row in found:
        print(_line(row, sources))  # noqa: T201
    for number, source in enumerate(sources, 1):
        print(f"{chr(10) if number == 1 else ''}[{number}] {source}")  # noqa: T201
    for line in gguf_lines(files):
        print(line)  # noqa: T201
    print(f"\nCache: {hub_folder()}")  # noqa: T201
    for line in auto_lines(chosen):
        print(line)  # noqa: T201
    return 0


def _line(row: ModelRow, sources: Sequence[str]) -> str:
    sizes = (row.nf4_bytes, row.int4_bytes, row.int8_bytes, row.bf16_bytes)
    numbers = "".join(
        f"{'-' if size is None else f'{size / _GIB:.1f}':>{width}}"
        for size, width in zip(sizes, (6, 6, 7, 7), strict=True)
    )
    kv = "-" if row.kv_bytes_per_1000_tokens is None else f"{row.kv_bytes_per_1000_tokens / _GIB:.2f}"
    here = row.presence
    if row.presence == Presence.PARTIAL.value:
        here = f"{row.cached_bytes / _GIB:.1f} GiB downloaded, continue with `infill-ls models pull {row.id}`"
    made = ", quantised to 4 bits" if row.quantised_folder else ""
    lines = "-"
    if row.quality_percent is not None:
        lines = f"{row.quality_percent:.1f} % [{sources.index(row.quality_source) + 1}]"
    speed = "-" if row.line_ms is None else f"{row.line_ms / 1000:.2f}"
    terms = f", {row.licence}" if row.licence else ""
    return f"{row.id:<38}{numbers}{kv:>7}{lines:>12}{speed:>8}  {row.support}, {here}{made}{terms}"


def _auto(plan: dict[str, Any]) -> str:
    if plan["problem"]:
        return f"auto chooses no model here: {plan['problem']}"
    free = "" if plan["free_bytes"] is None else f", {plan['free_bytes'] / _GIB:.1f} GiB free"
    held = "" if plan["quantization"] == "none" else f" as {plan['quantization']}"
    how = "measured" if plan["is_measured"] else "estimated"
    speed = "" if plan["line_ms"] is None else f", {plan['line_ms'] / 1000:.2f} s a line, {how}"
    return f"auto chooses {plan['model']}{held} here ({plan['device']}{free}{speed})."


def auto_lines(plan: dict[str, Any]) -> list[str]:
    """Return what ``auto`` chooses, why not the other models that are here, and what would be better."""
    lines = [_auto(plan), *(f"Not {model}: it {reason}." for model, reason in plan["passed_over"])]
    if plan["better"]:
        lines.append(better_line(plan["better"], plan))
    return lines


def better_line(name: str, plan: dict[str, Any]) -> str:
    """Return the sentence that recommends a model which is not here."""
    figure, terms, model = quality(name), licence(name), find(name)
    facts = [f"{figure.percent:.1f} % of single lines"] if figure and name != SMALL_ID else []
    if (line_ms := plan["lines_ms"].get(name)) is not None:
        facts.append(f"about {line_ms / 1000:.2f} s a line")
    size = None if model is None else download_bytes(model)
    facts += [] if size is None else [f"{size / 1e9:.1f} GB to download"]
    facts += [terms.name] if terms else []
    pull = f"infill-ls models pull {SMALL if name == SMALL_ID else name}"
    return f"{name} would be better here ({', '.join(facts)}): `{pull}`."


def plan() -> dict[str, Any]:
    """Return the choice of ``auto``, made by a process that has torch."""
    problem = "torch does not answer; run `infill-ls doctor`."
    try:
        done = subprocess.run(
            module_command("checkpoints.memory_plan"),
            capture_output=True,
            text=True,
            timeout=_PLAN_DEADLINE_S,
            check=False,
            env=engine_environment(),
        )
        chosen: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return {
            "device": "", "free_bytes": None, "model": "", "quantization": "", "problem": problem, "line_ms": None,
            "is_measured": False, "passed_over": [], "better": "", "lines_ms": {},
        }  # fmt: skip
    return chosen


def quantize(options: argparse.Namespace) -> int:
    """Write a 4-bit checkpoint and print how to use it."""
    name = Path(options.model).name if Path(options.model).is_dir() else options.model
    output = options.output or quantised_path(name)
    code = run_module("checkpoints.quantize", options.model, "-o", str(Path(output).absolute()))
    if code == 0 and options.output is None and "/" in options.model and not Path(options.model).is_dir():
        print(f"{options.model} is now loaded from there whenever 4-bit weights are used.", file=sys.stderr)  # noqa: T201
    elif code == 0:
        print(f"Set engine.model to that folder to use it, or try `--model {output}`.", file=sys.stderr)  # noqa: T201
    return code
