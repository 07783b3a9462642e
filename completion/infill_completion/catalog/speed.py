"""The speed of a model on this machine: measured, or estimated from its shape before it was ever run.

Every decoded token reads all weights once, and every token of a prompt costs two operations a weight, so the bandwidth
and the arithmetic of the device decide.  How much of both the engine attains is :data:`EFFICIENCY`.
"""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.catalog.shape import ModelShape

# Half of what a plain copy and a plain product reach.  A wrong guess lasts until the model has run and was measured.
EFFICIENCY = 0.5
# An ordinary keystroke: the cache holds all but these tokens of the prompt, and the answer is the rest of a line.
KEYSTROKE_TOKENS, LINE_TOKENS = 32, 16
CONTEXT_TOKENS = 1000
# The first answer in a file has to read the whole prompt; what was read is kept when time is up, so it may take longer.
MAX_FIRST_ANSWER_DEADLINES = 10
_BITS = {"nf4": 4.127, "int4": 5.0, "int8": 8.0}


@dataclass(frozen=True)
class DeviceSpeed:
    """What a device can do at most.

    Attributes:
        bytes_per_s: Memory that a copy reads and writes in a second.
        operations_per_s: Multiplications and additions of 16-bit numbers in a large product.
    """

    bytes_per_s: float
    operations_per_s: float


@dataclass(frozen=True)
class ModelSpeed:
    """The speed of a model on a device.

    Attributes:
        step_ms: Time for one decoded token.
        prefill_tokens_per_s: Tokens of a prompt that are read in a second.
        is_measured: Whether it was measured here; otherwise it is an estimate.
    """

    step_ms: float
    prefill_tokens_per_s: float
    is_measured: bool = False

    @property
    def line_ms(self) -> float:
        """The time for the rest of a line after an ordinary keystroke."""
        return 1000 * KEYSTROKE_TOKENS / self.prefill_tokens_per_s + LINE_TOKENS * self.step_ms

    @property
    def first_line_ms(self) -> float:
        """The time for the rest of a line where the whole prompt has to be read."""
        return 1000 * CONTEXT_TOKENS / self.prefill_tokens_per_s + LINE_TOKENS * self.step_ms

    def too_slow(self, deadline_ms: float) -> str:
        """Return why this is too slow for a deadline, as the rest of a sentence; empty if it keeps it."""
        how = "measured" if self.is_measured else "estimated"
        if self.line_ms > deadline_ms:
            return f"takes {seconds(self.line_ms)} a line here ({how}), and the deadline is {seconds(deadline_ms)}"
        if self.first_line_ms > MAX_FIRST_ANSWER_DEADLINES * deadline_ms:
            return f"takes {seconds(self.first_line_ms)} for the first line in a file here ({how})"
        return ""


def estimate(shape: ModelShape, quantization: str, device: DeviceSpeed, *, bytes_per_value: int = 2) -> ModelSpeed:
    """Return the estimated speed of a model.

    Args:
        shape: Its shape.
        quantization: ``nf4``, ``int4``, ``int8`` or ``none``.
        device: What the device can do.
        bytes_per_value: Bytes of a weight that is not quantised, of a key and of a value.
    """
    bits = _BITS.get(quantization, 8.0 * bytes_per_value)
    head_bytes = 1 if quantization == "int4" else bytes_per_value
    read = shape.linear_weights * bits / 8 + head_bytes * shape.vocab * shape.hidden
    read += shape.kv_bytes(CONTEXT_TOKENS, bytes_per_value)
    step_s = read / (EFFICIENCY * device.bytes_per_s)
    return ModelSpeed(step_s * 1000, EFFICIENCY * device.operations_per_s / (2 * shape.linear_weights))


def seconds(milliseconds: float) -> str:
    """Return a time for users: ``0.25 s``, ``3.1 s``, ``40 s``."""
    value = milliseconds / 1000
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s" if value >= 1 else f"{value:.2f} s"
