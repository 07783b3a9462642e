"""What runs a kernel: a CUDA device, or in tests an emulation of one."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Launcher(Protocol):
    """Runs kernels by name."""

    def launch(
        self, name: str, grid: tuple[int, int, int], block: int, shared_bytes: int, *arguments: Tensor | int | float
    ) -> None:
        """Run a kernel after everything that was queued before it on the current stream; do not wait for its end.

        Args:
            name: Its ``extern "C"`` name.
            grid: Number of blocks along x, y and z.
            block: Threads of a block.
            shared_bytes: Dynamic shared memory of a block.
            arguments: A tensor passes the address of its first element, an int a 32-bit int, a float a float32.

        Raises:
            RuntimeError: There is no such kernel, or it cannot be launched; the message has CUDA's name and text of the
                error.
        """
