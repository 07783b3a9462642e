"""Which of the holes are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_server.commands.bench.quality.comparison import of_each_kind
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind


def holes(**counts: int) -> list[CodeHole]:
    """Return holes of each kind, the first ones in the same files."""
    return [
        CodeHole(Path(f"/w/{number}.py"), "x = ", "1", "\n", HoleKind(kind))
        for kind, count in counts.items()
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 5, 6, 12, 13, 90, 91])
def test_typed_holes_are_of_each_kind_and_of_files_everywhere(count: int) -> None:
    typed = list(of_each_kind(holes(rest=30, line=30, block=30), count))
    share = min(30, -(-count // 3))
    assert [sum(hole.kind is kind for hole in typed) for kind in HoleKind] == [share] * 3
    assert len(set(typed)) == len(typed)
    files = {int(hole.path.stem) for hole in typed}
    assert len(files) == min(30, len(typed))
    assert max(files) >= 20


def test_fewer_holes_than_are_wanted_are_all_typed() -> None:
    few = holes(line=2, block=1)
    assert list(of_each_kind(few, 12)) == few
    assert len(list(of_each_kind(holes(line=40, block=1), 12))) == 7
