"""Which of the holes are typed, and how the figures are printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_server.commands.bench.quality.comparison import of_each_kind, print_report
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind
from infill_server.commands.bench.quality.outcome import Outcome
from infill_server.commands.bench.quality.summary import summary


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


def test_the_columns_stand_below_each_other_whatever_the_language(capsys: pytest.CaptureFixture[str]) -> None:
    holes_ = [CodeHole(Path(f"/w/a.{suffix}"), "x = ", "1", "\n") for suffix in ("py", "jsx", "c")]
    right = [Outcome(hole, "1", 0.9, 1.0) for hole in holes_]
    wrong = [Outcome(hole, "2", 0.9, 1.0) for hole in holes_[:1] * 3]
    print_report({"as shipped": summary(right + wrong) | {"model": "m"}})
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if "rest of the line" in line]
    assert len(rows) == 8
    assert len({row.index("% (") for row in rows}) == 1
    assert len({row.rindex("% (") for row in rows}) == 1
