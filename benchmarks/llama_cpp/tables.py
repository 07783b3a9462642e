"""The figures of a run as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_GB, _MB = 1e9, 1 << 20


def tables(report: Mapping[str, Any]) -> str:
    """Return the tables of a report of ``python -m benchmarks.llama_cpp``."""
    rates = {int(threads): rate for threads, rate in report["read_bytes_per_s"].items()}
    read = ", ".join(f"{rate / _GB:.1f} GB/s with {threads} threads" for threads, rate in rates.items())
    head = f"{report['model']} on {report['device']}, {report['date']}; memory is read at {read}"
    return f"{head}\n\n{_decoding(report, rates)}\n\n{_alone(report)}"


def _decoding(report: Mapping[str, Any], rates: Mapping[int, float]) -> str:
    columns = sorted({(row["threads"], row["neighbours"]) for row in report["rows"]})
    names = [f"{threads} threads" + (f", {count} neighbours" if count else "") for threads, count in columns]
    lines = [_line("tokens/s", "context", *names), _line("---", *["---:"] * (len(columns) + 1))]
    found = {
        (row["engine"], row["weights"], row["context"], row["threads"], row["neighbours"]): row["tokens_per_s"]
        for row in report["rows"]
    }
    for context in sorted({row["context"] for row in report["rows"]}):
        for each in report["contestants"]:
            key = (each["engine"], each["weights"], context)
            cells = [f"{found[*key, *column]:.1f}{_share(each, context, column, found, rates)}" for column in columns]
            lines.append(_line(f"{each['engine']} {each['weights']}", context, *cells))
    return "\n".join(lines)


def _share(
    each: Mapping[str, Any], context: int, column: tuple[int, int], found: Mapping[Any, float],
    rates: Mapping[int, float],
) -> str:  # fmt: skip
    """Return the share of the roofline where it is known: alone, of our engine."""
    step_bytes = {int(length): size for length, size in each["step_bytes"].items()}.get(context)
    threads, neighbours = column
    if step_bytes is None or neighbours or threads not in rates:
        return ""
    rate = found[each["engine"], each["weights"], context, threads, neighbours]
    return f" ({rate * step_bytes / rates[threads]:.0%} of reading)"


def _alone(report: Mapping[str, Any]) -> str:
    threads = sorted(report["contestants"][0]["prefill_ms"])
    names = [f"1000 fresh tokens, {count} threads, ms" for count in threads]
    last = ("key to token, ms (steps)", "resident MB", "peak MB", "greedy tokens equal")
    lines = [_line("", *names, *last), _line("---", *["---:"] * (len(names) + len(last)))]
    for each in report["contestants"]:
        key = "" if each["keystroke_ms"] is None else f"{each['keystroke_ms']:.1f} ({each['keystroke_steps']:.1f})"
        cells = [f"{each['prefill_ms'][count]:.0f}" for count in threads]
        memory = (f"{each['resident_bytes'] / _MB:.0f}", f"{each['peak_bytes'] / _MB:.0f}")
        same = "" if each["same_tokens"] is None else each["same_tokens"]
        lines.append(_line(f"{each['engine']} {each['weights']}", *cells, key, *memory, same))
    return "\n".join(lines)


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"
