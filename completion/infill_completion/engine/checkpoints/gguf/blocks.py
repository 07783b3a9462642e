"""Dequantizes the blocks of GGUF tensors, with the arithmetic of llama.cpp in float32.

Source: ``dequantize_row_*`` in ``ggml-quants.c``, and the ``block_*`` structures in ``ggml-common.h``.  In what follows
a block is one row of a byte matrix; a scale is its ``d``, a minimum its ``m``.
"""

from __future__ import annotations

from collections.abc import Callable

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor

environment.prepare()

_K_SCALE_BYTES = 12
# What the sixteen numbers of IQ4_NL and IQ4_XS mean (``kvalues_iq4nl``).
_UNEVEN = torch.tensor((-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113), dtype=torch.float32)


def _half(packed: Tensor) -> Tensor:
    """Return the 16-bit floats in ``(blocks, 2 * count)`` bytes as float32, ``(blocks, count)``."""
    return packed.contiguous().view(torch.float16).float()


def _pair(packed: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two 16-bit floats in ``(blocks, 4)`` bytes as float32, ``(blocks, 1)`` each."""
    both = _half(packed)
    return both[:, :1], both[:, 1:]


def _nibbles(packed: Tensor) -> Tensor:
    """Return the low halves of ``(..., count)`` bytes, followed by the high halves, ``(..., 2 * count)``."""
    return torch.cat((packed & 15, packed >> 4), -1)


def _bits(packed: Tensor) -> Tensor:
    """Return the bits of ``(blocks, count)`` bytes, lowest first, ``(blocks, 8 * count)``."""
    shifts = torch.arange(8, dtype=torch.uint8)
    return ((packed.unsqueeze(-1) >> shifts) & 1).flatten(1)


def _planes(packed: Tensor, width: int, count: int) -> Tensor:
    """Return ``count`` numbers of ``width`` bits from each of ``(..., n)`` bytes, lowest first, ``(..., count, n)``."""
    shifts = torch.arange(0, width * count, width, dtype=torch.uint8)[:, None]
    return (packed.unsqueeze(-2) >> shifts) & ((1 << width) - 1)


def _f32(blocks: Tensor) -> Tensor:
    return blocks.contiguous().view(torch.float32)


def _f16(blocks: Tensor) -> Tensor:
    return _half(blocks)


def _bf16(blocks: Tensor) -> Tensor:
    return blocks.contiguous().view(torch.bfloat16).float()


def _q8_0(blocks: Tensor) -> Tensor:
    return _half(blocks[:, :2]) * blocks[:, 2:].view(torch.int8)


def _q4_0(blocks: Tensor) -> Tensor:
    return _half(blocks[:, :2]) * (_nibbles(blocks[:, 2:]).to(torch.int8) - 8)


def _q4_1(blocks: Tensor) -> Tensor:
    scale, minimum = _pair(blocks[:, :4])
    return scale * _nibbles(blocks[:, 4:]) + minimum


def _q5_0(blocks: Tensor) -> Tensor:
    values = _nibbles(blocks[:, 6:]) | (_bits(blocks[:, 2:6]) << 4)
    return _half(blocks[:, :2]) * (values.to(torch.int8) - 16)


def _q5_1(blocks: Tensor) -> Tensor:
    scale, minimum = _pair(blocks[:, :4])
    return scale * (_nibbles(blocks[:, 8:]) | (_bits(blocks[:, 4:8]) << 4)) + minimum


def _six_bit(packed: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eight scales and the eight minima of six bits in ``(blocks, 12)`` bytes (``get_scale_min_k4``)."""
    scales, minima, rest = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    return (
        torch.cat((scales & 63, (rest & 15) | ((scales >> 6) << 4)), 1),
        torch.cat((minima & 63, (rest >> 4) | ((minima >> 6) << 4)), 1),
    )


def _scaled_k(blocks: Tensor, values: Tensor) -> Tensor:
    """Return ``(blocks, 8, 32)`` values times their scales less their minima, which begin a block."""
    scale, minimum = _pair(blocks[:, :4])
    scales, minima = _six_bit(blocks[:, 4 : 4 + _K_SCALE_BYTES])
    return ((scale * scales)[..., None] * values - (minimum * minima)[..., None]).flatten(1)


def _q4_k(blocks: Tensor) -> Tensor:
    values = _nibbles(blocks[:, 16:].reshape(-1, 4, 32))
    return _scaled_k(blocks, values.reshape(-1, 8, 32))


def _q5_k(blocks: Tensor) -> Tensor:
    low = _nibbles(blocks[:, 48:].reshape(-1, 4, 32)).reshape(-1, 8, 32)
    return _scaled_k(blocks, low | (_planes(blocks[:, 16:48], 1, 8) << 4))


def _q6_k(blocks: Tensor) -> Tensor:
    low = _nibbles(blocks[:, :128].reshape(-1, 2, 64)).reshape(-1, 2, 4, 32)
    values = low | (_planes(blocks[:, 128:192].reshape(-1, 2, 32), 2, 4) << 4)
    scales = _half(blocks[:, 208:]) * blocks[:, 192:208].contiguous().view(torch.int8)
    return (scales[..., None] * (values.reshape(-1, 16, 16).to(torch.int8) - 32)).flatten(1)


def _q2_k(blocks: Tensor) -> Tensor:
    scale, minimum = _pair(blocks[:, 80:])
    values = _planes(blocks[:, 16:80].reshape(-1, 2, 32), 2, 4).reshape(-1, 16, 16)
    both = blocks[:, :16]
    return ((scale * (both & 15))[..., None] * values - (minimum * (both >> 4))[..., None]).flatten(1)


def _q3_k(blocks: Tensor) -> Tensor:
    low = _planes(blocks[:, 32:96].reshape(-1, 2, 32), 2, 4).reshape(-1, 16, 16)
    high = _planes(blocks[:, :32], 1, 8).reshape(-1, 16, 16)
    packed = blocks[:, 96:108]
    upper = _planes(packed[:, 8:], 2, 4).flatten(1)
    scales = (_nibbles(packed[:, :8]) | (upper << 4)).to(torch.int8) - 32
    values = (low | (high << 2)).to(torch.int8) - 4
    return ((_half(blocks[:, 108:]) * scales)[..., None] * values).flatten(1)


def _iq4_nl(blocks: Tensor) -> Tensor:
    return _half(blocks[:, :2]) * _UNEVEN[_nibbles(blocks[:, 2:]).long()]


def _iq4_xs(blocks: Tensor) -> Tensor:
    upper = _planes(blocks[:, 2:4].unsqueeze(-1), 2, 4).flatten(1)
    lower = _planes(blocks[:, 4:8].unsqueeze(-1), 4, 2).flatten(1)
    scales = _half(blocks[:, :2]) * ((lower | (upper << 4)).to(torch.int8) - 32)
    values = _UNEVEN[_nibbles(blocks[:, 8:].reshape(-1, 8, 16)).long()]
    return (scales[..., None] * values).flatten(1)


# ``(blocks, bytes)``, uint8, to ``(blocks, values)``, float32.
DEQUANTIZE: dict[str, Callable[[Tensor], Tensor]] = {
    "F32": _f32, "F16": _f16, "BF16": _bf16, "Q8_0": _q8_0, "Q4_0": _q4_0, "Q4_1": _q4_1, "Q5_0": _q5_0,
    "Q5_1": _q5_1, "Q2_K": _q2_k, "Q3_K": _q3_k, "Q4_K": _q4_k, "Q5_K": _q5_k, "Q6_K": _q6_k,
    "IQ4_NL": _iq4_nl, "IQ4_XS": _iq4_xs,
}  # fmt: skip


def _q4_0_groups(blocks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scale = _half(blocks[:, :2])
    return _nibbles(blocks[:, 2:]), scale.half(), (-8 * scale).half()


def _q4_1_groups(blocks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scale, minimum = _pair(blocks[:, :4])
    return _nibbles(blocks[:, 4:]), scale.half(), minimum.half()


def _q4_k_groups(blocks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scale, minimum = _pair(blocks[:, :4])
    scales, minima = _six_bit(blocks[:, 4 : 4 + _K_SCALE_BYTES])
    return _nibbles(blocks[:, 16:].reshape(-1, 4, 32)), (scale * scales).half(), (-minimum * minima).half()


# ``(blocks, bytes)``, uint8, to the groups of 32 weights in them: numbers from 0 to 15, scales and minimums in float16.
# Q4_0 and Q4_1 are kept exactly.  A scale of Q4_K has 17 bits, of which float16 keeps 11: a weight moves by less than a
# hundredth of the distance of two levels.
IN_GROUPS: dict[str, Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]] = {
    "Q4_0": _q4_0_groups, "Q4_1": _q4_1_groups, "Q4_K": _q4_k_groups,
}  # fmt: skip
