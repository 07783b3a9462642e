"""The choice of a token as ``choose.cu`` makes it, in NumPy: with a sort, and sums of Python integers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Words = NDArray[np.uint64]

_UNIT_BITS = 40
_MASK = np.uint64(0xFFFFFFFF)


def philox(counters: Any, key: tuple[int, int]) -> Words:
    """Return the four words of each counter, ``(n, 4)``, given counters ``(n, 4)``: Philox4x32-10."""
    a, b, c, d = np.asarray(counters, dtype=np.uint64).T
    first, second = (np.uint64(word) for word in key)
    for _ in range(10):
        one, two = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b = two >> np.uint64(32) ^ b ^ first, two & _MASK
        c, d = one >> np.uint64(32) ^ d ^ second, one & _MASK
        first, second = first + np.uint64(0x9E3779B9) & _MASK, second + np.uint64(0xBB67AE85) & _MASK
    return np.stack([a, b, c, d], -1)


def noise(tokens: int, seed: int, place: int) -> Floats:
    """Return a sample of the exponential distribution for each token at a place of the cache."""
    blocks = np.arange(-(-tokens // 4))
    counters = np.stack([blocks, *(np.full_like(blocks, x) for x in (place & 0xFFFFFFFF, place >> 32, 0))], -1)
    words = philox(counters, (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF)).ravel()[:tokens]
    uniform = words.astype(np.float32) * np.float32(2**-32) + np.float32(2**-33)
    sample: Floats = -np.log1p(-np.minimum(uniform, np.float32(1 - 2**-24)))
    return sample


def weights(logits: Floats, temperature: float) -> Floats:
    """Return each token's probability relative to that of the most likely one; 0 for NaN."""
    largest = np.fmax.reduce(logits, initial=-np.inf)
    with np.errstate(all="ignore"):
        power = (logits - largest) * (np.float32(1) / np.float32(temperature))
        powers = np.where(logits == largest, np.float32(0), np.fmax(power, np.float32(-200)))
        return np.minimum(np.exp(powers), np.float32(1))


def nucleus(weight: Floats, top_p: float) -> NDArray[np.bool_]:
    """Return which tokens belong to the nucleus."""
    masses = [int(float(one) * 2**_UNIT_BITS) for one in weight]
    order = np.argsort(-weight, kind="stable")
    kept = np.zeros(len(weight), dtype=bool)
    share = Fraction(float(np.float32(top_p))) if top_p > 0 else Fraction(0)  # not NaN
    before, limit = 0, share * sum(masses)
    for id_ in order.tolist():
        if masses[id_] == 0 or (share < 1 and before > limit):
            break
        kept[id_] = True
        before += masses[id_]
    return kept


def chosen(logits: Floats, temperature: float, top_p: float, seed: int, place: int) -> int:
    """Return the token of a row; a temperature of 0 takes the most likely one."""
    if temperature == 0:
        return int(np.nanargmax(logits))
    weight = weights(logits, temperature)
    ratios = np.where(nucleus(weight, top_p), weight / noise(len(weight), seed, place), np.float32(-1))
    return int(ratios.argmax())
