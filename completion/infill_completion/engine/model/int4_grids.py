"""Recognizes weights that a file had in 4 bits before, so that rounding them again loses nothing.

A checkpoint that was made from a GGUF file holds the products of its numbers and scales.  Where each group of 32
weights has at most 16 values, numbers, scales and minimums are found again: those of Q4_0 and Q4_1 as they were, if the
checkpoint has 32 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from infill_completion.engine.model.int4 import GROUP_INPUTS, Groups, fitted, grouped, nearest, rounded

# From the smallest and the largest weight of groups, ``(count, 1)`` each, to scales and minimums.
_Form = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_STEPS = 15  # between 16 levels
_SAMPLE_ROWS = 16
_OFF_GRID = 0.06  # steps; bfloat16 moves the largest of 16 levels by 1/32


def is_on_grids(rows: Tensor) -> bool:
    """Return whether the weights of each group in the first rows of a matrix have at most 16 values."""
    ordered = grouped(rows[:_SAMPLE_ROWS]).sort(-1).values
    steps = (ordered[..., 1:] != ordered[..., :-1]).sum(-1)
    return bool((steps <= _STEPS).all()) and bool((steps > 0).any())


def groups_of(parts: Iterable[Tensor]) -> Iterator[Groups]:
    """Return the rows of a matrix in 4 bits, exactly where they lie on grids."""
    forms: Sequence[_Form] | None = None
    for rows in parts:
        if forms is None:
            forms = _likely_forms(rows[:_SAMPLE_ROWS]) if is_on_grids(rows) else ()
        yield _recovered(rows, forms) if forms else rounded(rows)


def _likely_forms(rows: Tensor) -> Sequence[_Form]:
    """Return the forms in the order in which to try them; some weights of one have those of another too."""
    search = _Search(grouped(rows), rows.dtype)
    in_q4_1 = search.keep_exact(search.everything, *_q4_1(*search.ends(search.everything)))
    in_q4_0 = [search.keep_exact(search.everything, *form(*search.ends(search.everything))) for form in _Q4_0]
    return (_q4_1, *_Q4_0) if in_q4_1.sum() >= (in_q4_0[0] | in_q4_0[1]).sum() else (*_Q4_0, _q4_1)


def _recovered(rows: Tensor, forms: Sequence[_Form]) -> Groups:
    """Return rows of weights on grids in 4 bits: in the first of the forms that gives these very weights."""
    search = _Search(grouped(rows), rows.dtype)
    left = search.everything
    for form in forms:
        left = left[~search.keep_exact(left, *form(*search.ends(left)))]
    for steps in range(_STEPS, 0, -1):
        left = search.keep_even(left, steps) if len(left) else left
    search.keep(left, rounded(search.groups[left]))
    return search.found(len(rows))


def _q4_0(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Return scale and minimum if the value of the largest size, which has the number -8, is negative."""
    return (low / -8).half(), low.half()


def _q4_0_reversed(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    return (high / -8).half(), high.half()


def _q4_1(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    return ((high - low) / _STEPS).half(), low.half()


_Q4_0 = (_q4_0, _q4_0_reversed)


class _Search:
    """Groups of weights on grids, and what is found of them.

    Args:
        groups: ``(outputs, groups, 32)``.
        dtype: Type of the weights before they were float32.
    """

    def __init__(self, groups: Tensor, dtype: torch.dtype) -> None:
        self.groups, self._dtype = groups.reshape(-1, GROUP_INPUTS), dtype
        self.everything = torch.arange(len(self.groups))
        edges = torch.empty((2, len(self.groups), 1), dtype=torch.float16)
        self._found = Groups(torch.empty_like(self.groups), edges[0], edges[1])

    def ends(self, at: Tensor) -> tuple[Tensor, Tensor]:
        """Return the smallest and the largest weight of the groups ``at``, ``(count, 1)`` each."""
        return self.groups[at].amin(-1, keepdim=True), self.groups[at].amax(-1, keepdim=True)

    def keep(self, at: Tensor, found: Groups) -> None:
        """Write what is found of the groups ``at``."""
        for whole, part in zip(self._found, found, strict=True):
            whole[at] = part.reshape(len(at), whole.shape[-1]).to(whole.dtype)

    def keep_exact(self, at: Tensor, scale: Tensor, low: Tensor) -> Tensor:
        """Keep scales and minimums where they give the very weights, and return where they do."""
        groups = self.groups[at]
        made = Groups(nearest(groups, scale, low), scale, low)
        fits = (made.values().to(self._dtype).float() == groups).all(-1)
        self.keep(at[fits], Groups(*(part[fits] for part in made)))
        return fits

    def keep_even(self, at: Tensor, steps: int) -> Tensor:
        """Keep the groups whose ends are ``steps`` even steps apart, and return the others."""
        groups, (low, high) = self.groups[at], self.ends(at)
        numbers = (groups - low) * (steps / (high - low).clamp_min(1e-30))
        fits = ((numbers - numbers.round()).abs() < _OFF_GRID).all(-1)
        even, groups = at[fits], groups[fits]
        numbers = _without_divisor(numbers[fits].round().int())
        scale, low = fitted(groups, numbers.float(), torch.zeros_like(low[fits]).half(), low[fits].half())
        self.keep(even, Groups(numbers, scale, low))
        highest = numbers.amax(-1)
        for first in range(_STEPS + 1):  # the number of the smallest weight, which need not be 0
            open_ = highest + first <= _STEPS
            even, scale, highest = even[open_], scale[open_], highest[open_]
            lowest = (self.ends(even)[0] - first * scale.float()).half()
            inexact = ~self.keep_exact(even, scale, lowest)
            even, scale, highest = even[inexact], scale[inexact], highest[inexact]
            if not len(even):
                break
        return at[~fits]

    def found(self, outputs: int) -> Groups:
        """Return everything, ``(outputs, groups, ...)``."""
        return Groups(*(part.view(outputs, -1, part.shape[-1]) for part in self._found))


def _without_divisor(numbers: Tensor) -> Tensor:
    """Divide each row of whole numbers by what divides all of them."""
    common = numbers[:, 0]
    for at in range(1, numbers.shape[1]):
        common = torch.gcd(common, numbers[:, at])
    return numbers // common.clamp_min(1)[:, None]
