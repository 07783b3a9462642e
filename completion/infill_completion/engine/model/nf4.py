"""Joining 4-bit layers that read the same input: fewer and larger matrix products with exactly the same weights.

bitsandbytes scales blocks of 64 weights within a row, so the packed rows of two layers, one after the other, are the
packed rows of the joined layer.  With double quantization each layer has its own offset for its scales, and one layer
cannot hold two offsets; so the scales are joined as dequantized float32 numbers.  That costs 3/8 of a bit more per
weight, which is why joining is a switch that has to prove its gain on a device (``infill-ls bench decode``).

The parts become views of the joined layer, so no weight is held twice and the model that they belong to keeps working.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


def join(*modules: Any) -> nn.Module | None:
    """Return one ``Linear4bit`` whose outputs are those of ``modules`` side by side, or None if they cannot be joined.

    They can be joined if all are 4-bit layers of the same kind, with whole blocks in a row, and not packed for the CPU.
    Their weights and scales are views of the joined ones afterwards.
    """
    if any(type(module).__name__ != "Linear4bit" for module in modules):
        return None
    import bitsandbytes

    bnb: Any = bitsandbytes
    first, states = modules[0], _states(modules)
    if not all(_alike(states[0], state) for state in states) or len({module.bias is None for module in modules}) > 1:
        return None
    rows, columns = sum(state.shape[0] for state in states), states[0].shape[1]
    scales = _joined([_scales(state, bnb.functional) for state in states])
    state = bnb.functional.QuantState(
        scales, shape=torch.Size((rows, columns)),
        code=states[0].code, blocksize=states[0].blocksize, quant_type=states[0].quant_type, dtype=states[0].dtype,
    )  # fmt: skip
    layer: Any = bnb.nn.Linear4bit(
        columns, rows, bias=False, compute_dtype=first.compute_dtype, compress_statistics=False,
        quant_type=state.quant_type, device="meta",
    )  # fmt: skip
    layer.weight = bnb.nn.Params4bit(
        _joined([module.weight.data.view(-1, 1) for module in modules]), requires_grad=False, quant_state=state,
        blocksize=state.blocksize, compress_statistics=False, quant_type=state.quant_type, module=layer,
        bnb_quantized=True,
    )  # fmt: skip
    if first.bias is not None:
        layer.bias = nn.Parameter(torch.cat([module.bias for module in modules]), requires_grad=False)
    layer.compute_type_is_set = True
    _make_views(modules, layer.weight.data, scales)
    return layer.eval()  # type: ignore[no-any-return]


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """Return parts ``(rows, ...)`` one after the other, without a copy where they lie in one tensor like that."""
    first, rows = parts[0], sum(part.shape[0] for part in parts)
    place = first.data_ptr()
    for part in parts:
        if part.data_ptr() != place or not part.is_contiguous() or not _share_storage(part, first):
            return torch.cat(list(parts))
        place += part.nbytes
    return first.as_strided((rows, *first.shape[1:]), first.stride(), first.storage_offset())


def _share_storage(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def _make_views(modules: Sequence[Any], weight: Tensor, scales: Tensor) -> None:
    """Make the weights and scales of ``modules`` views of the joined ones, which hold the same numbers."""
    sizes = [module.weight.data.numel() for module in modules]
    blocks = [state.shape[0] * state.shape[1] // state.blocksize for state in _states(modules)]
    weights, all_scales = torch.split(weight, sizes), torch.split(scales, blocks)
    for module, state, part, scale in zip(modules, _states(modules), weights, all_scales, strict=True):
        module.weight.data = part
        state.absmax, state.nested, state.state2, state.offset = scale, False, None, None


def _states(modules: Sequence[Any]) -> list[Any]:
    return [module.weight.quant_state for module in modules]


def _alike(one: Any, other: Any) -> bool:
    return (
        one is not None
        and other is not None
        and other.shape[1] % other.blocksize == 0
        and not getattr(other, "packing_format_for_cpu", False)
        and (one.shape[1], one.blocksize, one.quant_type) == (other.shape[1], other.blocksize, other.quant_type)
    )


def _scales(state: Any, functional: Any) -> Tensor:
    """Return the scale of each block in float32, ``(blocks,)``."""
    if not state.nested:
        return state.absmax.float()  # type: ignore[no-any-return]
    scales: Tensor = functional.dequantize_blockwise(state.absmax, state.state2) + state.offset
    return scales.float()
