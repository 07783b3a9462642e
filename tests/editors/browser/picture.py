"""The picture of the statistics in the documentation: ``python -m tests.editors.browser.picture FILE.png``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from infill_server.commands.stats.page import page
from infill_server.commands.stats.summary import summary_of
from tests.editors.browser.chromium import browser_page
from tests.server.commands.stats.sample import sample_rows


def main(target: Path) -> None:
    """Write the picture."""
    summary = summary_of(sample_rows())
    sentence = f"{summary.total.shown:,} suggestions shown since {summary.over_time[0].name}."
    with tempfile.TemporaryDirectory() as folder, browser_page("light", width=900) as view:
        path = Path(folder) / "page.html"
        path.write_text(page(summary, sentence), encoding="utf-8")
        view.goto(path.as_uri())
        view.screenshot(path=str(target), clip={"x": 0, "y": 0, "width": 900, "height": 1000}, full_page=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
