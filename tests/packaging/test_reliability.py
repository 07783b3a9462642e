"""The fault table names tests that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

from scripts.settings_table import ROOT

PAGE = ROOT / "docs" / "reliability.md"
FAULTS = 20


def rows() -> Iterator[tuple[str, list[str]]]:
    """Yield each fault with its tests."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 3 and cells[0] not in {"fault", "---"}:
            yield cells[0], re.findall(r"`(test_\w+)`", cells[2])


def names_in(folder: Path) -> set[str]:
    return {
        name
        for path in folder.rglob("test_*.py")
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_every_fault_names_tests_that_exist():
    known, table = names_in(ROOT / "tests"), dict(rows())
    assert len(table) >= FAULTS
    assert {fault for fault, tests in table.items() if not tests} == set()
    assert {name for tests in table.values() for name in tests} - known == set()
