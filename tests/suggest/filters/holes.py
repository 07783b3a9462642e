"""Suggestions that are cut from real files, and what models do to them.

A hole is cut into a file, and the filters get exactly the text that stood there: they must return it. A mutation of it
must not leave the file with more syntax errors than it had.

Run it with more cursors: ``python -m tests.suggest.filters.holes --count 10000 --seed 1``.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import islice
from pathlib import Path

from tree_sitter import Language, Parser

from infill_completion.api import FinishReason
from infill_completion.document.lines import indent_width, to_lf
from infill_completion.document.snapshot import Snapshot
from infill_completion.document.view import View
from infill_completion.languages.registry import grammar_of, language_id_of
from infill_completion.suggest.choice import Choice
from infill_completion.suggest.ending import finished
from infill_completion.suggest.extent import extent_at
from infill_completion.suggest.filters import FilterContext, Filtered, apply
from infill_completion.suggest.filters.markers import cut_at_marker
from infill_completion.suggest.ranking import rank
from infill_completion.suggest.reuse.memory import Offer

REPOSITORY = Path(__file__).parents[3]
# Where files of these languages are on every machine that runs the tests; some of them on some.
ROOTS = (REPOSITORY, Path(sysconfig.get_paths()["stdlib"]), Path(sysconfig.get_paths()["include"]))
LANGUAGES = (
    "python",
    "typescript",
    "javascript",
    "lua",
    "c",
    "go",
    "rust",
    "markdown",
    "json",
    "yaml",
    "shellscript",
    "css",
)
_SKIPPED = {"node_modules", "site-packages", "dist", "test", "lib2to3"}
_MAX_FILES, _SMALLEST, _LARGEST = 60, 400, 60_000
_MAX_BLOCK_LINES = 20
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_CLOSERS = frozenset(")]}\"'`;,:")
_OPERATORS = {"=>", "->", "::", "==", "!=", "<=", ">=", "&&", "||", ":=", "+=", "-=", "<<", ">>"}
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True)
class Hole:
    """A part of a file that is to be suggested.

    Attributes:
        path: The file.
        language_id: LSP's language id.
        kind: How the part was chosen.
        document: The file's text, with LF line ends.
        start: Where the part begins.
        end: Where it ends.
    """

    path: Path
    language_id: str
    kind: str
    document: str
    start: int
    end: int

    @property
    def text(self) -> str:
        """The part of the file."""
        return self.document[self.start : self.end]

    def without(self) -> str:
        """Return the file with the hole."""
        return self.document[: self.start] + self.document[self.end :]

    def begun(self) -> set[str]:
        """Return the file with the first line of the part, which is all that is shown unasked in most places."""
        lines = self.text.split("\n")
        first = next(number for number, line in enumerate(lines) if line.strip())
        written = {"\n".join(lines[: first + 1]), lines[first]}  # Blank lines before it may be dropped.
        return {self.document[: self.start] + text + self.document[self.end :] for text in written}

    def spells_token(self) -> bool:
        """Return whether the part contains what spells a control token of a model."""
        view = View.of(Snapshot("file:///a", 1, self.language_id, "", 0), 1, 1)
        return cut_at_marker(self.text, FilterContext(view.window, self.language_id)) != self.text

    def filtered(self, text: str) -> Filtered:
        """Return what the filters leave of ``text`` if the model writes it into the hole."""
        return apply(text, FilterContext(self._view().window, self.language_id, FinishReason.STOP))

    def accepted(self, text: str) -> str:
        """Return the file after what the filters left of ``text`` was accepted."""
        result = self.filtered(text)
        return self.document[: self.start] + result.text + self.document[self.end + result.replaced :]

    def shown(self, raw: str) -> str:
        """Return the file after what is shown unasked was accepted, if the model writes ``raw``."""
        view = self._view()
        extent = extent_at(view.window, self.language_id, multiline="auto", is_invoked=False)
        choice = Choice(raw, finished(extent, raw, is_whole=True), FinishReason.STOP, None)
        offers = rank(view, (choice,), 0.0).offers
        offer = offers[0] if offers else Offer("")
        return self.document[: self.start] + offer.text + self.document[self.end + offer.replaced :]

    def _view(self) -> View:
        return View.of(Snapshot("file:///a", 1, self.language_id, self.without(), self.start), 6000, 2000)


def _is_skipped(path: Path) -> bool:
    return any(part in _SKIPPED or (part.startswith(".") and part != ".github") for part in path.parts)


@cache
def files(language_id: str, roots: tuple[Path, ...] = ROOTS) -> tuple[tuple[Path, str], ...]:
    """Return files of a language from all over ``roots``, with their texts.

    Which of many are chosen depends on their names alone, so that one more file does not replace all others.
    """
    found = [
        path
        for root in roots
        for path in sorted(root.rglob("*.*"))
        if not _is_skipped(path.relative_to(root)) and language_id_of(path.name) == language_id
        if path.is_file() and _SMALLEST <= path.stat().st_size <= _LARGEST
    ]
    chosen = sorted(found, key=lambda path: hashlib.sha256(_name(path).encode()).digest())[:_MAX_FILES]
    return tuple((path, to_lf(path.read_text("utf-8", "replace"))) for path in chosen)


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def holes(language_id: str, seed: int, roots: tuple[Path, ...] = ROOTS) -> Iterator[Hole]:
    """Yield holes of all kinds, in one file of a language after the other, without end; none if there are no files."""
    found = [_holes_in(path, text, language_id, seed) for path, text in files(language_id, roots)]
    while found:
        for each in found:
            yield next(each)


def _holes_in(path: Path, text: str, language_id: str, seed: int) -> Iterator[Hole]:
    """Yield holes of a file, which do not depend on other files."""
    chosen = random.Random(f"{language_id} {seed} {_name(path)}")
    kinds = (_line_end, _part_of_line, _in_brackets, _whole_line, _block)
    while True:
        kind = chosen.choice(kinds)
        part = kind(text, chosen)
        if part is not None and text[part[0] : part[1]].strip():
            yield Hole(path, language_id, kind.__name__.strip("_"), text, *part)


def is_ambiguous(hole: Hole) -> bool:
    """Return whether a reader could not tell that the text belongs there either."""
    before, after = hole.document[: hole.start], hole.document[hole.end :]
    line, rest = before.rpartition("\n")[2], after.partition("\n")[0]
    reasons = (
        # Between two blanks, or inside an indentation.
        before[-1:] in {" ", "\t"} and hole.text[0] in " \t",
        hole.text[-1:] in " \t" and after[:1] in {" ", "\t"},
        # Inside an operator.
        hole.text[-1:] + after[:1] in _OPERATORS or before[-1:] + hole.text[:1] in _OPERATORS,
        # Inside the delimiter of a comment.
        "*/" in {(line + hole.text)[len(line) - 1 : len(line) + 1] if line else "", hole.text[-1:] + after[:1]},
        # What the line has already.
        bool(rest.strip()) and hole.text.rstrip().endswith(rest.strip()),
        any(hole.text.endswith(rest[:size]) for size in range(8, len(rest) + 1)),
    )
    return any(reasons) or _repeats_lines(hole) or hole.spells_token()


def _repeats_lines(hole: Hole) -> bool:
    """Return whether a line of the hole stands also near it."""
    start = hole.document.rfind("\n", 0, hole.start) + 1
    end = hole.document.find("\n", hole.end)
    own = [line.strip() for line in hole.document[start : end if end >= 0 else None].split("\n") if line.strip()]
    above = [line.strip() for line in hole.document[:start].split("\n")[-40:] if line.strip()]
    below = [line.strip() for line in hole.document[end:].split("\n")[:40] if line.strip()] if end >= 0 else []
    words = [line for line in own if re.search(r"[^\W\d_]", line)]
    return any(line in above or line in below for line in words) or len(set(words)) < len(words)


def _line(text: str, chosen: random.Random) -> tuple[int, int]:
    at = chosen.randrange(len(text))
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return start, start + len(text[start:end].rstrip())


def _line_end(text: str, chosen: random.Random) -> tuple[int, int] | None:
    start, end = _line(text, chosen)
    return (chosen.randrange(start, end), end) if end > start else None


def _whole_line(text: str, chosen: random.Random) -> tuple[int, int] | None:
    start, end = _line(text, chosen)
    return start + len(text[start:end]) - len(text[start:end].lstrip()), end


def _part_of_line(text: str, chosen: random.Random) -> tuple[int, int] | None:
    start, end = _line(text, chosen)
    cuts = [start + match.start() for match in _TOKEN.finditer(text[start:end])]
    return None if len(cuts) < 3 else (*sorted(chosen.sample(cuts, 2)),)  # type: ignore[return-value]


def _in_brackets(text: str, chosen: random.Random) -> tuple[int, int] | None:
    start, end = _line(text, chosen)
    openers = [at for at in range(start, end) if text[at] in _PAIRS]
    if not openers:
        return None
    first = chosen.choice(openers)
    depth = 0
    for at in range(first, end):
        depth += (text[at] == text[first]) - (text[at] == _PAIRS[text[first]])
        if depth == 0:
            return first + 1, at
    return None


def _block(text: str, chosen: random.Random) -> tuple[int, int] | None:
    """Return the lines below a line that are deeper than it, after its end or after their indentation."""
    start, end = _line(text, chosen)
    width, lines, at = indent_width(text[start:end]), 0, text.find("\n", end)
    first = last = at
    while 0 <= at < len(text) - 1 and lines < _MAX_BLOCK_LINES:
        following = text.find("\n", at + 1)
        line = text[at + 1 : following if following >= 0 else None]
        if line.strip() and indent_width(line) <= width:
            break
        lines += 1
        at = following
        last = at if line.strip() else last
    if last <= first or lines >= _MAX_BLOCK_LINES:
        return None
    if chosen.random() < 0.5:
        return first, last
    return first + len(text[first:last]) - len(text[first:last].lstrip()), last


def faults(
    language_id: str, seed: int, count: int, roots: tuple[Path, ...] = ROOTS
) -> tuple[int, list[tuple[Hole, Filtered]]]:
    """Return how many unambiguous holes of ``count`` were tried, and those that the filters did not return."""
    tried, found = 0, []
    for hole in islice(holes(language_id, seed, roots), count):
        if is_ambiguous(hole):
            continue
        tried += 1
        result = hole.filtered(hole.text)
        if hole.accepted(hole.text) != hole.document:
            found.append((hole, result))
    return tried, found


def mutations(hole: Hole) -> Iterator[tuple[str, str]]:
    """Yield what models make of the text of a hole, with the name of the mistake."""
    before, after = hole.document[: hole.start], hole.document[hole.end :]
    rest, _, below = after.partition("\n")
    following = below.lstrip("\n").partition("\n")[0]
    if rest.strip():
        yield "the rest again", hole.text + rest.rstrip()
        if rest.strip()[0] in _CLOSERS:
            yield "the rest without its blank", hole.text + rest.strip()
            yield "the rest up to its first word", hole.text + re.split(r"\w", rest.rstrip(), maxsplit=1)[0]
        yield "past the rest", f"{hole.text}{rest}\n{following}"
    elif following.strip():
        yield "the line below again", f"{hole.text}\n{following}"
    if not rest.strip() and re.fullmatch(r"\s*[)\]}]+[;,)]*", following):
        yield "the closer below, begun", f"{hole.text}\n{following.rstrip(';,)') or following}"
        yield "the closer below, and more", f"{hole.text}\n{following};"
    if before[-1:] == " " and before[-2:-1].strip():
        yield "a blank twice", f" {hole.text}"


def worse(
    language_id: str, seed: int, count: int, roots: tuple[Path, ...] = ROOTS
) -> tuple[int, list[tuple[Hole, str, str]]]:
    """Return how many mutations of ``count`` holes were tried, and those that left more syntax errors than there were.

    Each comes with the name of the mistake and the mutated text.
    """
    tried, found = 0, []
    for hole in islice(holes(language_id, seed, roots), count):
        errors = errors_in(hole.document, language_id)
        if is_ambiguous(hole) or errors is None:
            continue
        most = max(errors, errors_in(hole.without(), language_id) or 0)
        for name, text in mutations(hole):
            tried += 1
            document = hole.shown(text)
            if document not in hole.begun() and (errors_in(document, language_id) or 0) > most:
                found.append((hole, name, text))
    return tried, found


def errors_in(document: str, language_id: str) -> int | None:
    """Return the number of syntax errors that a parser finds; None without one."""
    grammar = grammar_of(language_id)
    if grammar is None:
        return None
    tree = Parser(Language(getattr(import_module(grammar.package), grammar.function)())).parse(document.encode())
    waiting, found = [tree.root_node], 0
    while waiting:
        node = waiting.pop()
        if node.has_error:
            found += node.is_error or node.is_missing
            waiting += node.children
    return found


def main() -> int:
    """Try holes in all languages and print what was tried and every fault; returns 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="holes of each language")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--language", help=f"one language instead of {', '.join(LANGUAGES)}")
    parser.add_argument(
        "--root", type=Path, action="append", help="a folder with files, instead of those of this machine"
    )
    options = parser.parse_args()
    roots = tuple(options.root) if options.root else ROOTS
    total, mutated, bad, causes = 0, 0, 0, Counter[str]()
    for language_id in (options.language,) if options.language else LANGUAGES:
        tried, found = faults(language_id, options.seed, options.count, roots)
        total += tried
        print(f"{language_id}: {len(files(language_id, roots))} files, {tried} cursors, {len(found)} faults")
        for hole, result in found:
            causes.update(step.name for step in result.steps[:1])
            print(f"  {hole.kind} at {hole.path.name}:{hole.document.count(chr(10), 0, hole.start) + 1}", end=" ")
            print(f"{hole.document[max(hole.start - 40, 0) : hole.start]!r} + {hole.text!r} + ", end="")
            print(f"{hole.document[hole.end : hole.end + 20]!r}")
            print(f"    {[(step.name, step.after) for step in result.steps]} replacing {result.replaced}")
        tried, changed = worse(language_id, options.seed, options.count, roots)
        mutated += tried
        bad += len(found) + len(changed)
        print(f"{language_id}: {tried} mutations, {len(changed)} left more syntax errors")
        for hole, name, text in changed:
            print(f"  {name} at {hole.path.name}:{hole.document.count(chr(10), 0, hole.start) + 1}", end=" ")
            print(f"{hole.document[max(hole.start - 40, 0) : hole.start]!r} + {text!r} + ", end="")
            print(f"{hole.document[hole.end : hole.end + 20]!r}")
            result = hole.filtered(text)
            print(f"    {[(step.name, step.after) for step in result.steps]} replacing {result.replaced}")
    print(f"{total} cursors, {mutated} mutations, {bad} faults, their causes: {dict(causes)}")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
