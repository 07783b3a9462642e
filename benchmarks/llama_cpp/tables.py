"""The figures of a run as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_GB, _MB = 1e9, 1 << 20


def tables(report: Mapping[str, Any]) -> str:
    """Return the tables of a report of ``python -m benchmarks.llama_cpp``."""
    memory = ", ".join(f"{rate / _GB:.1f} GB/s with {count} threads" for count, rate in _memory(report).items())
    head = f"{report['model']} on {report['device']}, {report['date']}; memory is read at {memory}"
    return f"{head}\n\n{_decoding(report)}\n\n{_reading(report)}\n\n{_alone(report)}"


def _memory(report: Mapping[str, Any]) -> dict[int, float]:
    return {int(threads): rate for threads, rate in report["memory_bytes_per_s"].items()}


def _rates(each: Mapping[str, Any]) -> dict[tuple[int, int], float]:
    """Return how fast the bytes of a step can be read, by length of context and number of threads."""
    return {
        (int(context), int(threads)): rate
        for context, rates in each["read_bytes_per_s"].items()
        for threads, rate in rates.items()
    }


def _reading(report: Mapping[str, Any]) -> str:
    lines = [
        _line("a step of", "context", "reads MB", "threads", "read over and over at GB/s"),
        _line("---", *["---:"] * 4),
    ]
    for each in report["contestants"]:
        sizes = {int(context): size for context, size in each["step_bytes"].items()}
        for (context, threads), rate in sorted(_rates(each).items()):
            lines.append(_line(each["weights"], context, f"{sizes[context] / _MB:.0f}", threads, f"{rate / _GB:.1f}"))
    return "\n".join(lines)


def _decoding(report: Mapping[str, Any]) -> str:
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
            cells = [f"{found[*key, *column]:.1f}{_share(each, context, column, found, report)}" for column in columns]
            lines.append(_line(f"{each['engine']} {each['weights']}", context, *cells))
    return "\n".join(lines)


def _share(
    each: Mapping[str, Any], context: int, column: tuple[int, int], found: Mapping[Any, float],
    report: Mapping[str, Any],
) -> str:  # fmt: skip
    """Return the shares of the rooflines where they are known: alone, of our engine."""
    threads, neighbours = column
    read = _rates(each).get((context, threads))
    if read is None or neighbours:
        return ""
    size = next(size for length, size in each["step_bytes"].items() if int(length) == context)
    rate = found[each["engine"], each["weights"], context, threads, neighbours] * size
    return f" ({rate / _memory(report)[threads]:.0%} of memory, {rate / read:.0%} of caches)"


def _alone(report: Mapping[str, Any]) -> str:
    threads = sorted(report["contestants"][0]["prefill_ms"])
    names = [f"1000 fresh tokens, {count} threads, ms" for count in threads]
    last = (
        "key to token, ms (steps)", "resident MiB (without weights, keys and values)",
        "with one prompt (without weights)", "peak while loading (without weights)", "peak MiB", "greedy tokens equal"
    )  # fmt: skip
    lines = [_line("", *names, *last), _line("---", *["---:"] * (len(names) + len(last)))]
    for each in report["contestants"]:
        key = "" if each["keystroke_ms"] is None else f"{each['keystroke_ms']:.1f} ({each['keystroke_steps']:.1f})"
        cells = [f"{each['prefill_ms'][count]:.0f}" for count in threads]
        beside = (each["weight_bytes"], each["kv_bytes"])
        memory = (
            _mib(each["resident_bytes"], *beside),
            _mib(each["one_prompt_bytes"], *beside[:1]),
            _mib(each["load_peak_bytes"], *beside[:1]),
            _mib(each["peak_bytes"]),
        )
        same = "" if each["same_tokens"] is None else each["same_tokens"]
        lines.append(_line(f"{each['engine']} {each['weights']}", *cells, key, *memory, same))
    return "\n".join(lines)


def _mib(size: int | None, *known: int | None) -> str:
    """Return a size in MiB, and in brackets without the parts that are known."""
    if size is None:
        return ""
    parts = [part for part in known if part is not None]
    return f"{size / _MB:.0f}" + (f" ({(size - sum(parts)) / _MB:.0f})" if parts else "")


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"
