"""The products of a step of one to eight rows with NF4 matrices, and what belongs to them; see ``product.cuh``."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from infill_completion.engine.model.cuda.kernels.launcher import Launcher
from infill_completion.engine.model.cuda.kernels.nf4 import Codebooks, NF4Matrix

MAX_ROWS = 8
TILE = 16  # outputs
_THREADS = 256
_SHARED_BYTES = 256 * 256 + 2 * 8 * 16 * 8 * 4 + 8 * 4 + 2 * 576 + 1024


class ProductPlan(NamedTuple):
    """How a product is computed; both ways give the same bits.

    Attributes:
        ahead: Units of 128 inputs that a warp loads before it needs them.
        blocks: Blocks of threads of a streaming multiprocessor.
    """

    ahead: int
    blocks: int

    @property
    def suffix(self) -> str:
        """The end of the name of its kernels."""
        return f"{self.ahead}x{self.blocks}"


FAR, MANY = ProductPlan(4, 2), ProductPlan(2, 3)


class StepPlan(NamedTuple):
    """How the products of a step are computed.

    Attributes:
        wide: Those whose outputs are many: q, k, v and gate, up.
        residual: Those that are added to the residual stream.
    """

    wide: ProductPlan
    residual: ProductPlan


PLANS = tuple(StepPlan(wide, residual) for wide in (FAR, MANY) for residual in (FAR, MANY))


class Normed(NamedTuple):
    """The residual stream on its way to the norm.

    Attributes:
        weighted: The stream times the weight of the norm, ``(8, hidden)``, 16 bits.
        squares: Sums of squares of parts of each row, ``(parts, 8)``, float32.
        eps: Epsilon of the norm.
    """

    weighted: Tensor
    squares: Tensor
    eps: float


class Places(NamedTuple):
    """Where the rows of a step belong, as int64 tensors on the device; see :mod:`infill_completion.engine.model.fork`.

    Attributes:
        at: Cache index of the first row.
        shared: Tokens that all candidates share.
        ways: Number of candidates.
    """

    at: Tensor
    shared: Tensor
    ways: Tensor


class RotaryTables(NamedTuple):
    """The rotary tables, ``(positions, 1, head_dim)``; the first half of each row of the sines is negated."""

    cos: Tensor
    sin: Tensor


class Products:
    """Launches the kernels of ``product.cu``.

    Args:
        launcher: The device.
        codebooks: Of all matrices.
        processors: Number of streaming multiprocessors.

    Attributes:
        plan: How they are computed.
    """

    def __init__(self, launcher: Launcher, codebooks: Codebooks, processors: int) -> None:
        self._launcher, self._codebooks, self._processors = launcher, codebooks, processors
        self.plan = PLANS[0]

    def plain(self, matrix: NF4Matrix, x: Tensor, out: Tensor) -> None:
        """Write the product of ``x``, ``(rows, inputs)``, to ``out``, ``(rows, outputs)``, both of 16 bits."""
        self._launch(
            "product", self.plan.wide, matrix.outputs // TILE, *matrix.tensors, x, out, len(x), matrix.inputs,
            matrix.outputs,
        )  # fmt: skip

    def attention(
        self, queries: NF4Matrix, keys: NF4Matrix, values: NF4Matrix, bias: Tensor, normed: Normed,
        rotary: RotaryTables, places: Places, out: Tensor, cached: tuple[Tensor, Tensor], rows: int,
    ) -> None:  # fmt: skip
        """Write rotated queries to ``out`` and rotated keys and values to the cache.

        Args:
            queries: Projection to the queries.
            keys: Projection to the keys.
            values: Projection to the values.
            bias: Added to their outputs, one after the other, of 16 bits.
            normed: The norm of the residual stream.
            rotary: The tables.
            places: Where the rows belong.
            out: ``(8, heads, head_dim)``.
            cached: The keys and the values of the layer, ``(1, kv_heads, capacity, head_dim)``.
            rows: Number of rows.
        """
        head_dim = out.shape[-1]
        heads, kv_heads, capacity = queries.outputs // head_dim, keys.outputs // head_dim, cached[0].shape[2]
        self._launch(
            "project_attention", self.plan.wide, (queries.outputs + 2 * keys.outputs) // TILE, *queries.tensors,
            *keys.tensors, *values.tensors, bias, normed.weighted, normed.squares, rotary.cos, rotary.sin, places.at,
            places.shared, places.ways, out, *cached, rows, queries.inputs, len(normed.squares), normed.eps, heads,
            kv_heads, head_dim, capacity, len(rotary.cos),
        )  # fmt: skip

    def residual(self, matrix: NF4Matrix, x: Tensor, weight: Tensor, stream: Tensor, normed: Normed, rows: int) -> None:
        """Add the product of ``x`` to the residual stream, and prepare the norm after it.

        Args:
            matrix: The projection.
            x: ``(8, inputs)``, of 16 bits.
            weight: Weight of the norm, ``(outputs,)``, of 16 bits.
            stream: ``(8, outputs)``, float32.
            normed: Written, with one part for each 16 outputs.
            rows: Number of rows.
        """
        self._launch(
            "project_residual", self.plan.residual, matrix.outputs // TILE, *matrix.tensors, x, weight, stream,
            normed.weighted, normed.squares, rows, matrix.inputs, matrix.outputs,
        )  # fmt: skip

    def gate(self, gate: NF4Matrix, up: NF4Matrix, normed: Normed, out: Tensor, rows: int) -> None:
        """Write ``silu(gate) * up`` of the norm of the residual stream to ``out``, ``(8, outputs)``, of 16 bits."""
        self._launch(
            "project_gate", self.plan.wide, 2 * gate.outputs // TILE, *gate.tensors, *up.tensors, normed.weighted,
            normed.squares, out, rows, gate.inputs, len(normed.squares), normed.eps, gate.outputs,
        )  # fmt: skip

    def _launch(self, name: str, plan: ProductPlan, tiles: int, *arguments: Tensor | int | float) -> None:
        blocks = min(tiles, plan.blocks * self._processors)
        self._launcher.launch(
            f"{name}_{plan.suffix}", (blocks, 1, 1), _THREADS, _SHARED_BYTES, *self._codebooks, *arguments
        )
