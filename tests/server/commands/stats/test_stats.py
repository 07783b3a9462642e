"""``infill-ls stats``: figures, table, JSON and page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from infill_server.cli import main
from infill_server.commands.stats.page import page
from infill_server.commands.stats.period import day_of, periods, since_s
from infill_server.commands.stats.summary import summary_of
from infill_server.commands.stats.table import table
from infill_server.errors import UsageError
from infill_server.records.database import RecordsDatabase, database_path
from infill_server.records.row import SuggestionOutcome, SuggestionRow
from tests.server.commands.stats.sample import sample_rows, write_sample

ROW = SuggestionRow(1_790_000_000, "python", "embedded", "inline", "automatic", "engine", 10.0, -0.1, None, 10, 1)
VOID = {"meta"}


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a database and a settings file of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("INFILL_LS_CONFIG", str(tmp_path / "config.toml"))


def rows(*outcomes: SuggestionOutcome) -> list[SuggestionRow]:
    """Return a row for each outcome."""
    return [
        replace(ROW, outcome=outcome, taken_characters=10 if outcome.is_taken else 0, id=number)
        for number, outcome in enumerate(outcomes)
    ]


def test_outcomes_are_counted() -> None:
    total = summary_of(rows(*SuggestionOutcome, SuggestionOutcome.ACCEPTED)).total
    assert (total.shown, total.accepted, total.partly, total.undone, total.typed, total.typed_over, total.ignored) == (
        7, 2, 1, 1, 1, 1, 1,
    )  # fmt: skip
    assert (total.taken, total.characters_shown, total.characters_saved) == (3, 70, 30)  # nothing was saved by undoing


def test_what_is_kept_counts_by_characters_where_it_is_known() -> None:
    accepted = SuggestionOutcome.ACCEPTED
    found = [
        replace(ROW, outcome=accepted, taken_characters=30, kept_30s=1.0, id=1),
        replace(ROW, outcome=accepted, taken_characters=10, kept_30s=0.0, id=2),
        replace(ROW, outcome=accepted, taken_characters=90, id=3),
    ]
    total = summary_of(found).total
    assert (total.kept_30s, total.kept_300s) == (0.75, None)


@pytest.mark.parametrize(("count", "median", "slow"), [(1, 0, 0), (2, 1, 1), (3, 1, 2), (20, 10, 19), (100, 50, 95)])
def test_quantiles_are_values_that_occurred(count: int, median: float, slow: float) -> None:
    total = summary_of([replace(ROW, latency_ms=float(number), id=number) for number in range(count)]).total
    assert (total.latency_p50_ms, total.latency_p95_ms) == (median, slow)


def test_days_without_suggestions_are_there_too() -> None:
    found = [replace(ROW, time_s=ROW.time_s + day * 86_400, id=day) for day in (0, 3)]
    summary = summary_of(found)
    assert (summary.period, [figures.shown for figures in summary.over_time]) == ("day", [1, 0, 0, 1])


def test_long_times_are_weeks() -> None:
    kind, starts = periods(date(2026, 1, 1), date(2026, 11, 27))
    assert (kind, starts[0], len(starts)) == ("week", date(2025, 12, 29), 48)
    assert all(start.weekday() == 0 for start in starts)
    summary = summary_of([replace(ROW, time_s=ROW.time_s + day * 86_400, id=day) for day in range(0, 300, 5)])
    assert sum(figures.shown for figures in summary.over_time) == 60


def test_languages_come_with_the_most_shown_first() -> None:
    found = [replace(ROW, language=name, id=number) for number, name in enumerate(["go", "c", "go", "ada"])]
    assert [figures.name for figures in summary_of(found).languages] == ["go", "ada", "c"]


NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(("written", "seconds"), [("12h", 12 * 3600), ("30d", 30 * 86_400), ("2w", 14 * 86_400)])
def test_times_ago(written: str, seconds: int) -> None:
    assert since_s(written, NOW) == NOW.timestamp() - seconds


def test_a_date_begins_at_midnight_here() -> None:
    assert day_of(since_s("2026-11-01", NOW)) == date(2026, 11, 1)
    assert day_of(since_s("2026-11-01", NOW) - 1) == date(2026, 10, 31)


@pytest.mark.parametrize("written", ["", "yesterday", "-3d", "999999d", "30 d", "2026-13-01", "²d", "0001-01-01x"])
def test_other_times_are_refused_in_one_sentence(written: str) -> None:
    with pytest.raises(UsageError, match="Write --since as 12h"):
        since_s(written, NOW)


def test_the_distant_past_is_everything() -> None:
    assert since_s("99999w", NOW) == 0


def test_the_table_has_a_line_for_each_group() -> None:
    text = table(summary_of(sample_rows()))
    lines = text.splitlines()
    assert lines[0].split()[-1] == "p95"
    assert lines[1].startswith("all ")
    assert "  python" in text
    assert "  Qwen/Qwen2.5-Coder-1.5B" in text
    assert max(map(len, lines)) < 160


def test_many_languages_are_summed_up() -> None:
    found = [replace(ROW, language=f"l{number}", id=number) for number in range(30)]
    assert "and 18 more" in table(summary_of(found))


class Outline(HTMLParser):
    """Checks that elements are closed in order, and collects them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(text: str) -> Outline:
    """Return the elements of a page."""
    found = Outline()
    found.feed(text)
    found.close()
    assert found.open == []
    return found


@pytest.mark.parametrize("days", [0, 1, 2, 28, 200])
def test_the_page_needs_nothing_from_elsewhere(days: int) -> None:
    text = page(summary_of(sample_rows(days)), "A sentence.")
    found = outline(text)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in found.seen}
    assert not re.search(r"(?:src|href)=|url\(|@import|https?:|\bon\w+=", text)
    assert "default-src 'none'" in text
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        assert ET.fromstring(svg).attrib["aria-label"]


def test_a_name_is_never_markup() -> None:
    hostile = "<script>\"&'</script>"
    found = [replace(ROW, language=hostile, model=hostile)]
    seen = outline(page(summary_of(found), hostile)).seen
    assert "script" not in {tag for tag, _ in seen}


def test_every_chart_has_its_figures_in_a_table() -> None:
    summary = summary_of(sample_rows())
    text = page(summary, "")
    for figures in (*summary.languages, *summary.models, *summary.over_time):
        assert f'<th scope="row">{figures.name}</th>' in text


def run(*arguments: str) -> int:
    """Run the command."""
    return main(["stats", *arguments])


def test_an_empty_database_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run() == 0
    assert capsys.readouterr().out == (
        "No suggestions have been recorded yet; they are counted a while after your editor has shown them.\n"
    )
    assert run("--json") == 0
    assert json.loads(capsys.readouterr().out)["total"]["shown"] == 0
    assert run("--html", str(tmp_path / "page.html")) == 0
    assert "No suggestions have been recorded yet" in (tmp_path / "page.html").read_text()
    assert not database_path().exists()


def test_a_switch_that_is_off_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[privacy]\nstatistics = false\n")
    assert run() == 0
    assert "privacy.statistics is off" in capsys.readouterr().out


def test_the_table_the_json_and_the_page_agree(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_sample(database_path())
    shown = len(sample_rows())
    assert run() == 0
    assert f"{shown:,} suggestions shown since 2026-10-26." in capsys.readouterr().out
    assert run("--json", "--html", str(tmp_path / "page.html")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["total"]["shown"] == shown == sum(one["shown"] for one in found["languages"])
    assert f"<dd>{shown:,}</dd>" in (tmp_path / "page.html").read_text()


def test_only_what_is_recent(capsys: pytest.CaptureFixture[str]) -> None:
    write_sample(database_path())
    assert run("--json", "--since", "2026-11-10") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["over_time"][0]["name"] >= "2026-11-10"
    assert run("--since", "2099-01-01") == 0
    assert capsys.readouterr().out == "No suggestions have been recorded since 2099-01-01; name an earlier time.\n"


def test_forgetting(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--forget") == 0
    assert capsys.readouterr().out == "There are no statistics to forget.\n"
    write_sample(database_path())
    assert run("--forget") == 0
    assert capsys.readouterr().out == "All statistics are forgotten.\n"
    assert RecordsDatabase().rows() == []


@pytest.mark.parametrize("arguments", [("--since", "soon"), ("--forget", "--html", "x"), ("--forget", "--since", "1d")])
def test_options_that_do_not_fit(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_damaged_database_and_a_page_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("--html", str(tmp_path / "missing" / "page.html")) == 2
    assert "name another file after --html" in capsys.readouterr().err
    database_path().parent.mkdir(parents=True)
    database_path().write_text("hello " * 100)
    assert run() == 2
    assert "damaged" in capsys.readouterr().err
    assert run("--forget") == 0
    capsys.readouterr()
    assert run() == 0
    assert "No suggestions" in capsys.readouterr().out
