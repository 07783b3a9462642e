"""Rounding the keys and values of a step to 8 bits (``round_rows`` of ``prefill.cu``)."""

from __future__ import annotations

from torch import Tensor

from infill_completion.engine.model.cuda.kernels.launcher import Launcher
from infill_completion.engine.model.kv_cache import KVRows

_THREADS = 256  # a warp for each of eight rows


def round_rows(
    launcher: Launcher, fresh: tuple[Tensor, Tensor], at: Tensor, rows: int, keys: KVRows, values: KVRows
) -> None:
    """Round the keys and values of a step's tokens into a cache, as the cache itself would.

    Args:
        launcher: Runs the kernel.
        fresh: Keys and values, ``(1, kv_heads, capacity, 128)``, of 16 bits; those of the tokens count.
        at: Cache index of the first token, in ``fresh`` too; int64, one element.
        rows: Number of tokens, at most eight; those after the end of the cache are left out.
        keys: The layer's rounded keys, of one text.
        values: Its values.
    """
    assert keys.scale is not None
    assert values.scale is not None
    kv_heads, capacity = keys.numbers.shape[1:3]
    launcher.launch(
        "round_rows", (kv_heads, 2, 1), _THREADS, 0,
        *fresh, fresh[0].shape[2], at, rows, capacity, keys.numbers, values.numbers, keys.scale, values.scale,
    )  # fmt: skip
