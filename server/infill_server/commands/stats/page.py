"""The statistics as one HTML page that needs nothing else: no script, no font, no picture, no network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from infill_server.commands.stats.charts import ChartSeries, bars, lines, shares
from infill_server.commands.stats.summary import SuggestionFigures, SuggestionSummary
from infill_server.commands.stats.table import COLUMNS, cells, milliseconds, share

_MOST_BARS = 12
_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2328; --quiet: #57606a; --rule: #d0d7de; --strong: #0a5cb8;
  --pale: #cfe3fb; --card: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --quiet: #9aa4af; --rule: #30363d;
  --strong: #6cb2ff; --pale: #1b3a5e; --card: #161b22; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0 1rem; color: var(--quiet); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .75rem; margin: 1rem 0; }
dl div { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .75rem; }
dt { color: var(--quiet); font-size: .85rem; } dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
figure { margin: 0; } figcaption { color: var(--quiet); font-size: .9rem; margin-bottom: .25rem; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--quiet); font-size: 12px; }
.grid { stroke: var(--rule); } .track { fill: var(--card); stroke: var(--rule); }
rect.first { fill: var(--pale); stroke: var(--strong); } rect.second { fill: var(--strong); }
polyline { fill: none; stroke-width: 2; } .first { stroke: var(--strong); } .second { stroke: var(--strong); }
polyline.second { stroke-dasharray: 5 4; }
circle { fill: var(--paper); stroke-width: 2; } circle.second { fill: var(--strong); }
.key { display: inline-block; width: .9em; height: .9em; margin: 0 .3em 0 .8em; border: 1px solid var(--strong);
  vertical-align: -.1em; } .key.first { background: var(--pale); } .key.second { background: var(--strong); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th:first-child { text-align: left; } thead th { color: var(--quiet); font-weight: 600; }
summary { cursor: pointer; margin: .5rem 0; } footer { margin-top: 2rem; color: var(--quiet); font-size: .9rem; }
"""
_FOOT = (
    "Taken: accepted whole or partly, and not removed again at once. Kept: the share of the accepted characters that "
    "was still there 30 seconds or 5 minutes later. Typed by hand: the suggestion was right, and was typed to its end. "
    "These figures stay on this machine; <code>infill-ls stats --forget</code> removes them."
)


def page(summary: SuggestionSummary, sentence: str) -> str:
    """Return the page.

    Args:
        summary: The figures.
        sentence: What they are of, or why there are none.
    """
    body = _body(summary) if summary.total.shown else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>infill-ls: suggestions</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>Suggestions</h1>\n<p>{escape(sentence)}</p>\n{body}</main>\n<footer>{_FOOT}</footer>\n</body>\n</html>\n"
    )


def _body(summary: SuggestionSummary) -> str:
    times = summary.over_time
    names = [figures.name for figures in times]
    each = summary.period
    return "".join(
        (
            _tiles(summary.total),
            _figure(
                f"Shown and taken, by {each}",
                '<span class="key first"></span>shown<span class="key second"></span>taken',
                bars(
                    f"Suggestions shown and taken by {each}",
                    names,
                    [_series("shown", "first", times, lambda one: one.shown),
                     _series("taken", "second", times, lambda one: one.taken)],
                ),
            ),
            _figure(
                f"Characters saved, by {each}",
                "What was accepted and not removed at once.",
                bars(f"Characters saved by {each}", names,
                     [_series("saved", "second", times, lambda one: one.characters_saved)]),
            ),
            _figure(
                f"Time to the answer, by {each}",
                "In milliseconds: the median (whole line) and what 95 % stay below (dashed).",
                lines(
                    f"Milliseconds to the answer by {each}",
                    names,
                    [_series("median", "first", times, lambda one: one.latency_p50_ms),
                     _series("95 % below", "second", times, lambda one: one.latency_p95_ms)],
                    "ms",
                ),
            ),
            _groups("language", summary.languages),
            _groups("model", summary.models),
            f"<details><summary>All figures by {each}</summary>{_table(each, times)}</details>\n",
        )
    )  # fmt: skip


def _tiles(total: SuggestionFigures) -> str:
    tiles = (
        ("shown", f"{total.shown:,}"),
        ("taken", share(total.taken_share)),
        ("kept after 30 s", share(total.kept_30s)),
        ("kept after 5 min", share(total.kept_300s)),
        ("characters saved", f"{total.characters_saved:,}"),
        ("median time", milliseconds(total.latency_p50_ms)),
    )
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles) + "</dl>\n"


def _groups(kind: str, groups: Sequence[SuggestionFigures]) -> str:
    rows = [(one.name, one.taken_share, f"{share(one.taken_share)} of {one.shown:,}") for one in groups[:_MOST_BARS]]
    chart = _figure(f"Taken, by {kind}", f"The share that was taken of what was shown, by {kind}.",
                    shares(f"Share of suggestions taken by {kind}", rows))  # fmt: skip
    return f"{chart}{_table(kind, groups)}"


def _figure(title: str, caption: str, chart: str) -> str:
    return f"<h2>{title}</h2>\n<figure><figcaption>{caption}</figcaption>{chart}</figure>\n"


def _table(kind: str, groups: Sequence[SuggestionFigures]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in (kind, *COLUMNS))
    rows = "".join(
        f'<tr><th scope="row">{escape(one.name)}</th>' + "".join(f"<td>{cell}</td>" for cell in cells(one)) + "</tr>"
        for one in groups
    )
    region = f'<div class="scroll" tabindex="0" role="region" aria-label="Figures by {kind}">'
    return f"{region}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>\n"


def _series(
    name: str, kind: str, times: Sequence[SuggestionFigures], value: Callable[[SuggestionFigures], float | None]
) -> ChartSeries:
    return ChartSeries(name, kind, [value(figures) for figures in times])
