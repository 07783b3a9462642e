"""The ends of a step of up to eight tokens: their embeddings, and the last norm (``ends.cu``)."""

from __future__ import annotations

from torch import Tensor

from infill_completion.engine.model.cuda.kernels.launcher import Launcher

_ROWS, _COLUMNS = 8, 256  # of a block: a warp for each row, eight columns for each thread
_THREADS = 32 * _ROWS


def embed_tiles(hidden: int) -> int:
    """Return how many tiles of squares :func:`embed` writes."""
    return -(-hidden // _COLUMNS)


def embed(
    launcher: Launcher, ids: Tensor, table: Tensor, weight: Tensor, x: Tensor, scaled: Tensor, squares: Tensor
) -> None:
    """Read the embeddings of tokens and begin their first norm.

    Args:
        launcher: Runs the kernel.
        ids: The tokens, ``(rows,)``, int64, at most eight; one outside the table counts as zeros.
        table: The embeddings, ``(entries, hidden)``; ``hidden`` is a multiple of 8.
        weight: Of the first norm, ``(hidden,)``, of the table's dtype.
        x: Output: the embeddings, ``(8, hidden)``, float32.
        scaled: Output: the embeddings times ``weight``, ``(8, hidden)``, of the table's dtype.
        squares: Output: sums of squares over parts of each row of ``x``, ``(embed_tiles(hidden), 8)``, float32.

    Rows without a token become zeros.
    """
    entries, hidden = table.shape
    launcher.launch(
        "embed", (embed_tiles(hidden), 1, 1), _THREADS, 0,
        ids, ids.numel(), table, entries, weight, hidden, x, scaled, squares,
    )  # fmt: skip


def last_norm(
    launcher: Launcher, rows: int, x: Tensor, squares: Tensor, weight: Tensor, eps: float, normed: Tensor
) -> None:
    """Compute a norm.

    Args:
        launcher: Runs the kernel.
        rows: Number of rows that are used; the others become zeros.
        x: ``(8, hidden)``, float32; ``hidden`` is a multiple of 8.
        squares: Sums of squares over parts of each row of ``x``, ``(tiles, 8)``, float32.
        weight: Of the norm, ``(hidden,)``.
        eps: Of the norm.
        normed: Output, ``(8, hidden)``, of the weight's dtype.
    """
    hidden = x.shape[1]
    launcher.launch(
        "last_norm", (embed_tiles(hidden), 1, 1), _THREADS, 0,
        x, squares, squares.shape[0], weight, eps, rows, hidden, normed,
    )  # fmt: skip
