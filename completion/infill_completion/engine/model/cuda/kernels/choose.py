"""The choice of the next tokens and their log-probabilities, in one kernel (``choose.cu``).

The rule is that of :func:`infill_completion.engine.model.cuda.static_step.choose_static`, with two differences.  The
masses that decide about the nucleus are exact sums in units of 2^-40 of the largest one; where a float32 sum would
decide otherwise for a token right at the border, the exact sum counts, and a token of less than a unit is never drawn.
And the noise depends on the seed, the position and the token alone (Philox4x32-10), so that a position draws the same
token in a step of any width, and no noise is stored.

NaN is never chosen; a row of nothing else gives the token 0 and the log-probability NaN.
"""

from __future__ import annotations

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.launcher import Launcher
from infill_completion.engine.model.sampling import MIN_TEMPERATURE

MAX_VOCABULARY = 1 << 18
_THREADS = 1024  # of a block, which computes one row


class Chooser:
    """Chooses tokens with settings that stay on the device, so that a graph can be replayed with others.

    Args:
        launcher: Runs the kernel.
        vocabulary: Number of tokens, at most :data:`MAX_VOCABULARY`.
        device: Where the logits are.

    Attributes:
        settings: Temperature, 0 for the most likely token, and top-p, ``(2,)``, float32.
        seed: The seed, ``(1,)``, int64.
    """

    def __init__(self, launcher: Launcher, vocabulary: int, device: torch.device) -> None:
        if not 0 < vocabulary <= MAX_VOCABULARY:
            raise ValueError(f"The kernel chooses among 1 to {MAX_VOCABULARY:,} tokens, not {vocabulary:,}.")
        self._launcher, self._vocabulary = launcher, vocabulary
        self.settings = torch.zeros(2, device=device)
        self.seed = torch.zeros(1, dtype=torch.long, device=device)
        self._one_text = torch.tensor([0, 1], device=device)
        self._set: tuple[float, float, int] | None = None

    def prepare(self, temperature: float, top_p: float, seed: int) -> None:
        """Set how the next tokens are chosen.

        Args:
            temperature: Below :data:`MIN_TEMPERATURE` the most likely token is taken.
            top_p: Probability mass of the nucleus.
            seed: Any number; 64 bits of it count.
        """
        if self._set == (temperature, top_p, seed):
            return
        self._set = (temperature, top_p, seed)
        self.settings[0].fill_(0.0 if temperature < MIN_TEMPERATURE else temperature)
        self.settings[1].fill_(top_p)
        self.seed.fill_((seed + 2**63) % 2**64 - 2**63)

    def run(
        self, logits: Tensor, index: Tensor, result: Tensor, *,
        fork: tuple[Tensor, Tensor] | None = None, ids: Tensor | None = None, scores: Tensor | None = None,
    ) -> None:  # fmt: skip
        """Choose the token of each row.

        Args:
            logits: ``(rows, at least vocabulary)``, bfloat16, float16 or float32, a whole tensor or its first columns.
            index: Cache index of the first row's input token, int64, one element; the other rows follow it.
            result: Output: the tokens and their log-probabilities (nats, before temperature and top-p), ``(rows, 2)``,
                float64.
            fork: ``shared`` and ``ways`` of a :class:`infill_completion.engine.model.fork.Fork`, int64, one element
                each; candidate ``c`` draws as a single text with the seed plus ``c`` does.  None: one text.
            ids: Where the token is also written, ``(1,)`` or ``(1, 1)``, int64, if there is one row; ``index`` is then
                incremented.
            scores: Where the logits are also written, ``(rows, vocabulary)``, float32.
        """
        shared, ways = fork or (self._one_text[:1], self._one_text[1:])
        name = "choose_floats" if logits.dtype == torch.float32 else "choose_numbers"
        self._launcher.launch(
            name, (logits.shape[0], 1, 1), _THREADS, 0,
            logits, logits.stride(0), self._vocabulary, self.settings, self.seed, shared, ways, index, result,
            index if ids is None else ids, int(ids is not None),
            self.settings if scores is None else scores, int(scores is not None),
        )  # fmt: skip
