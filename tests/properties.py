"""How often a property is tried: each time alike in ``make test``, at random and more often in ``make fuzz``."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

REPEATABLE, RANDOM = "repeatable", "random"
# How many times as many examples as in `make test` a property gets.
_FACTOR = int(os.environ.get("INFILL_EXAMPLES", "1"))

# How long one example takes says something about the machine, not about the code.
settings.register_profile(REPEATABLE, deadline=None, derandomize=True, max_examples=100 * _FACTOR)
settings.register_profile(RANDOM, deadline=None, print_blob=True, max_examples=100 * _FACTOR)


def tries(count: int, **others: Any) -> settings:
    """Return settings for a property that is tried with ``count`` examples in ``make test``.

    Args:
        count: How many examples; ``INFILL_EXAMPLES`` multiplies it.
        others: Other settings of hypothesis.
    """
    return settings(max_examples=count * _FACTOR, **others)
