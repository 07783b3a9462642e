"""Dequantizes one block at a time in plain Python, from the description of each block in ``ggml-common.h``."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np


def single(value: float) -> float:
    """Round to 32 bits."""
    return float(np.float32(value))


def half(data: bytes) -> float:
    return float(struct.unpack("<e", data)[0])


def q4_0(b: bytes) -> list[float]:
    d, quants = half(b[:2]), b[2:]
    return [d * ((q & 15) - 8) for q in quants] + [d * ((q >> 4) - 8) for q in quants]


def q4_1(b: bytes) -> list[float]:
    d, m, quants = half(b[:2]), half(b[2:4]), b[4:]
    return [single(d * q) + m for q in [*(q & 15 for q in quants), *(q >> 4 for q in quants)]]


def fifth(data: bytes, at: int) -> int:
    return (int.from_bytes(data, "little") >> at & 1) << 4


def q5(quants: bytes, high: bytes) -> list[int]:
    low = [q & 15 for q in quants] + [q >> 4 for q in quants]
    return [value | fifth(high, at) for at, value in enumerate(low)]


def q5_0(b: bytes) -> list[float]:
    return [half(b[:2]) * (q - 16) for q in q5(b[6:], b[2:6])]


def q5_1(b: bytes) -> list[float]:
    return [single(half(b[:2]) * q) + half(b[2:4]) for q in q5(b[8:], b[4:8])]


def q8_0(b: bytes) -> list[float]:
    return [half(b[:2]) * q for q in struct.unpack("<32b", b[2:])]


def scale_and_minimum(at: int, packed: bytes) -> tuple[int, int]:
    """As ``get_scale_min_k4``."""
    if at < 4:
        return packed[at] & 63, packed[at + 4] & 63
    low, scale, minimum = packed[at + 4], packed[at - 4] >> 6, packed[at] >> 6
    return low & 15 | scale << 4, low >> 4 | minimum << 4


def of_sub_blocks(b: bytes, quants: list[int]) -> list[float]:
    d, least = half(b[:2]), half(b[2:4])
    values = []
    for at, quant in enumerate(quants):
        scale, minimum = scale_and_minimum(at // 32, b[4:16])
        values.append(single(single(d * scale) * quant) - single(least * minimum))
    return values


def q4_k(b: bytes) -> list[float]:
    quants: list[int] = []
    for start in range(16, 144, 32):
        quants += [q & 15 for q in b[start : start + 32]]
        quants += [q >> 4 for q in b[start : start + 32]]
    return of_sub_blocks(b, quants)


def q5_k(b: bytes) -> list[float]:
    high, low = b[16:48], b[48:]
    quants = []
    for at in range(256):
        group, column = at // 32, at % 32
        byte = low[group // 2 * 32 + column]
        quants.append((byte >> 4 if group % 2 else byte & 15) | (high[column] >> group & 1) << 4)
    return of_sub_blocks(b, quants)


def q6_k(b: bytes) -> list[float]:
    low, high, scales, d = b[:128], b[128:192], struct.unpack("<16b", b[192:208]), half(b[208:])
    values = [0.0] * 256
    for part in range(2):
        for column in range(32):
            first, second = low[part * 64 + column], low[part * 64 + column + 32]
            bits = high[part * 32 + column]
            four = (first & 15, second & 15, first >> 4, second >> 4)
            for row, nibble in enumerate(four):
                at = part * 128 + row * 32 + column
                quant = (nibble | (bits >> 2 * row & 3) << 4) - 32
                values[at] = single(d * scales[at // 16]) * quant
    return values


def q2_k(b: bytes) -> list[float]:
    scales, quants, d, least = b[:16], b[16:80], half(b[80:82]), half(b[82:])
    values = []
    for at in range(256):
        part, row, column = at // 128, at % 128 // 32, at % 32
        quant = quants[part * 32 + column] >> 2 * row & 3
        scale = scales[at // 16]
        values.append(single(single(d * (scale & 15)) * quant) - single(least * (scale >> 4)))
    return values


def q3_k(b: bytes) -> list[float]:
    mask, quants, packed, d = b[:32], b[32:96], b[96:108], half(b[108:])
    scales = []
    for at in range(16):
        low = packed[at % 8] >> 4 if at >= 8 else packed[at] & 15
        scales.append((low | (packed[8 + at % 4] >> 2 * (at // 4) & 3) << 4) - 32)
    values = []
    for at in range(256):
        part, row, column = at // 128, at % 128 // 32, at % 32
        quant = quants[part * 32 + column] >> 2 * row & 3
        if not mask[column] >> (part * 4 + row) & 1:
            quant -= 4
        values.append(single(d * scales[at // 16]) * quant)
    return values


UNEVEN = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)


def uneven(quants: bytes) -> list[int]:
    return [UNEVEN[q & 15] for q in quants] + [UNEVEN[q >> 4] for q in quants]


def iq4_nl(b: bytes) -> list[float]:
    return [half(b[:2]) * value for value in uneven(b[2:])]


def iq4_xs(b: bytes) -> list[float]:
    d, high, low = half(b[:2]), int.from_bytes(b[2:4], "little"), b[4:8]
    values: list[float] = []
    for part in range(8):
        scale = (low[part // 2] >> 4 * (part % 2) & 15 | (high >> 2 * part & 3) << 4) - 32
        values += [single(d * scale) * value for value in uneven(b[8 + 16 * part : 24 + 16 * part])]
    return values


def f32(b: bytes) -> list[float]:
    return [float(struct.unpack("<f", b)[0])]


def f16(b: bytes) -> list[float]:
    return [half(b)]


def bf16(b: bytes) -> list[float]:
    return f32(b"\0\0" + b)


# Bytes of a block, where its 16-bit floats are, and its values.
BLOCKS: dict[str, tuple[int, tuple[int, ...], Callable[[bytes], list[float]]]] = {
    "F32": (4, (), f32), "F16": (2, (0,), f16), "BF16": (2, (), bf16), "Q4_0": (18, (0,), q4_0),
    "Q4_1": (20, (0, 2), q4_1), "Q5_0": (22, (0,), q5_0), "Q5_1": (24, (0, 2), q5_1), "Q8_0": (34, (0,), q8_0),
    "Q2_K": (84, (80, 82), q2_k), "Q3_K": (110, (108,), q3_k), "Q4_K": (144, (0, 2), q4_k),
    "Q5_K": (176, (0, 2), q5_k), "Q6_K": (210, (208,), q6_k),
    "IQ4_NL": (18, (0,), iq4_nl), "IQ4_XS": (136, (0,), iq4_xs),
}  # fmt: skip


def random_blocks(kind: str, count: int, seed: int, size: float = 1.0) -> bytes:
    """Return blocks with any bits, whose scales are at most ``size``."""
    bytes_each, scales, _ = BLOCKS[kind]
    random = np.random.default_rng(seed)
    if kind in {"F32", "BF16"}:
        values = random.normal(size=count).astype("<f4") * np.float32(size)
        return values.tobytes() if kind == "F32" else values.view("<u2")[1::2].tobytes()
    blocks = random.integers(0, 256, (count, bytes_each), dtype=np.uint8)
    for at in scales:
        drawn = (random.uniform(-size, size, count)).astype("<f2")
        blocks[:, at : at + 2] = drawn.view(np.uint8).reshape(count, 2)
    return blocks.tobytes()


def values_of(kind: str, data: bytes) -> list[float]:
    """Return all values of some blocks, each rounded to 32 bits."""
    size, _, dequantize = BLOCKS[kind]
    return [single(value) for at in range(0, len(data), size) for value in dequantize(data[at : at + size])]
