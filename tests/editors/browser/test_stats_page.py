"""The page of ``infill-ls stats --html`` in a real browser.

``python -m tests.editors.browser.picture FILE.png`` makes the picture in the documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="needs PyPI's playwright (make test-editors installs it)")

from infill_server.commands.stats.page import page
from infill_server.commands.stats.summary import summary_of
from tests.editors.browser.chromium import CHROMIUM, browser_page
from tests.server.commands.stats.sample import sample_rows

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]
SUMMARY = summary_of(sample_rows())


@pytest.fixture(params=["light", "dark"])
def view(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Open the page in one of the two colour schemes."""
    path = tmp_path / "page.html"
    path.write_text(page(SUMMARY, "1,234 suggestions shown."), encoding="utf-8")
    with browser_page(request.param) as found:
        found.goto(path.as_uri())
        yield found


def test_it_loads_without_a_complaint_and_asks_for_nothing(view: Any) -> None:
    asked, said = [], []
    view.on("request", lambda request: asked.append(request.url))
    view.on("console", lambda message: said.append(message.text))
    view.reload()
    assert [url for url in asked if not url.endswith("/page.html")] == []
    assert said == []


def test_a_screen_reader_finds_charts_and_tables(view: Any) -> None:
    assert view.get_by_role("heading", level=1).inner_text() == "Suggestions"
    charts = view.get_by_role("img")
    assert charts.count() == 5
    assert all("to" in charts.nth(number).get_attribute("aria-label") for number in range(3))
    table = view.get_by_role("table").first
    assert table.get_by_role("rowheader").all_inner_texts() == [one.name for one in SUMMARY.languages]
    assert table.get_by_role("columnheader").first.inner_text() == "language"


def test_the_bars_are_as_high_as_the_figures(view: Any) -> None:
    heights = (
        view.locator("svg")
        .first.locator("rect.first")
        .evaluate_all("boxes => boxes.map(box => box.getBoundingClientRect().height)")
    )
    shown = [one.shown for one in SUMMARY.over_time if one.shown]
    scale = max(heights) / max(shown)
    assert heights == pytest.approx([count * scale for count in shown], rel=0.05, abs=1)


def test_text_has_enough_contrast(view: Any) -> None:
    ratios = view.evaluate(
        """() => {
            const parts = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
            const light = rgb => rgb.map(part => part / 255)
                .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
                .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
            const paper = light(parts(getComputedStyle(document.body).backgroundColor));
            const found = document.querySelectorAll('h1, p, dt, td, th, figcaption, footer, svg text, rect.second');
            return [...found].map(one => {
                const style = getComputedStyle(one);
                const ink = light(parts(one instanceof SVGElement ? style.fill : style.color));
                return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
            });
        }"""
    )
    assert len(ratios) > 100
    assert min(ratios) > 4.5


@pytest.mark.parametrize("width", [360, 1600])
def test_it_fits_narrow_and_wide_windows(view: Any, width: int) -> None:
    view.set_viewport_size({"width": width, "height": 800})
    assert view.evaluate("document.documentElement.scrollWidth") <= width
