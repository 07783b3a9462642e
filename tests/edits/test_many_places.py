"""A change that is due in very many places at once is not proposed."""

from __future__ import annotations

import pytest

from tests.edits.marked import Buffer


@pytest.mark.parametrize(("uses", "shown"), [(100, 100), (101, 0)])
def test_a_name_with_more_uses_than_that_is_left_alone(uses: int, shown: int) -> None:
    buffer = Buffer("def f(count):\n" + "    g(count)\n" * uses)
    buffer.type_over(buffer.text.index("count"), "count", "total")
    assert len(buffer.ask().shown) == shown
