"""``infill-ls stats``: the figures as a table, as JSON or as a page; or forgets them."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from infill_completion.settings import Settings, config_path, merge, read_config
from infill_server.commands.stats.period import day_of, since_s
from infill_server.commands.stats.summary import SuggestionSummary, summary_of
from infill_server.commands.stats.table import table
from infill_server.errors import UsageError
from infill_server.records.database import RecordsDatabase, RecordsError


def stats(options: argparse.Namespace) -> int:
    """Print the statistics, write them to a page, or forget them.

    Raises:
        UsageError: The options do not fit, or the database or the page cannot be used.
    """
    database = RecordsDatabase()
    try:
        if options.forget:
            return _forget(database, options)
        start_s = None if options.since is None else since_s(options.since, datetime.now(UTC))
        rows = database.rows(start_s or 0)
    except RecordsError as error:
        raise UsageError(str(error)) from error
    summary = summary_of(rows)
    sentence = _sentence(summary, start_s)
    if options.html is not None:
        _write_page(Path(options.html), summary, sentence)
    if options.json:
        print(json.dumps({"message": sentence, "database": str(database.path), **summary.to_json()}, indent=1))  # noqa: T201
    elif options.html is not None:
        print(f"The statistics are in {options.html}.")  # noqa: T201
    else:
        print(sentence + (f"\n\n{table(summary)}" if summary.total.shown else ""))  # noqa: T201
    return 0


def _forget(database: RecordsDatabase, options: argparse.Namespace) -> int:
    if options.html is not None or options.since is not None:
        raise UsageError("--forget removes everything; use it without --html and --since.")
    existed = database.path.exists()
    database.forget()
    print("All statistics are forgotten." if existed else "There are no statistics to forget.")  # noqa: T201
    return 0


def _sentence(summary: SuggestionSummary, start_s: float | None) -> str:
    """Return what the figures are of, or why there are none."""
    since = "" if start_s is None else f" since {day_of(start_s).isoformat()}"
    if summary.total.shown:
        first = since or f" since {summary.over_time[0].name}"
        plural = "" if summary.total.shown == 1 else "s"
        return f"{summary.total.shown:,} suggestion{plural} shown{first}."
    if not merge(Settings(), read_config(config_path())[0], origin="settings file")[0].privacy.statistics:
        return f"No suggestions have been recorded{since}: privacy.statistics is off in {config_path()}."
    step = "name an earlier time" if since else "they are counted a while after your editor has shown them"
    return f"No suggestions have been recorded{since or ' yet'}; {step}."


def _write_page(path: Path, summary: SuggestionSummary, sentence: str) -> None:
    from infill_server.commands.stats.page import page

    try:
        path.write_text(page(summary, sentence), encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{path} cannot be written ({reason}); name another file after --html.") from error
