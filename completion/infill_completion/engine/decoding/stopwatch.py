"""The times of one running request, from which its timings are computed."""

from __future__ import annotations

import time


class Stopwatch:
    """Starts when it is made.

    Attributes:
        prefilled: When the prefill ended, as :func:`time.monotonic`; until then, when the request started.
        first_token: When the first token was chosen; 0 before that.
        steps: How many steps the only candidate took after its first token.
    """

    def __init__(self) -> None:
        self._started = self.prefilled = time.monotonic()
        self.first_token = 0.0
        self.steps = 0

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the start."""
        return (time.monotonic() - self._started) * 1000

    @property
    def decode_ms(self) -> float:
        """Milliseconds since the end of the prefill."""
        return (time.monotonic() - self.prefilled) * 1000

    def end_prefill(self) -> None:
        """Record that the prefill has ended; one that follows the first token is part of the decoding."""
        if not self.first_token:
            self.prefilled = time.monotonic()

    def count_token(self) -> None:
        """Record when the first token was chosen."""
        self.first_token = self.first_token or time.monotonic()

    def timings(self, tokens: int) -> dict[str, float]:
        """Return the timings of a request that ends now with ``tokens`` generated tokens.

        ``prefill_ms``, ``decode_ms``, ``ttft_ms`` (time to first token), and ``tokens_per_s`` after the prefill.
        """
        ended = time.monotonic()
        decode_s = ended - self.prefilled
        return {
            "prefill_ms": (self.prefilled - self._started) * 1000,
            "decode_ms": decode_s * 1000,
            "ttft_ms": ((self.first_token or ended) - self._started) * 1000,
            "tokens_per_s": tokens / decode_s if decode_s > 0 else 0.0,
        }
