"""A text is searched for secrets line by line and in blocks; the result must be that of a search of the whole text."""

from __future__ import annotations

import dataclasses
import importlib
import random
import re
import string
import sys
from collections.abc import Callable
from typing import Any

import pytest

from infill_completion.privacy.masking import Masked, mask_secrets
from infill_completion.privacy.secrets import search
from infill_completion.privacy.secrets.notation import Notation, lowered
from tests.privacy import test_secrets_in_text as table

NOTATIONS = search._NOTATIONS
# The standard library's parser of patterns; only this test depends on it.
opcodes: Any = importlib.import_module("re._constants")
patterns: Any = importlib.import_module("re._parser")
CODE = (
    "def connect(host, key):\n    return open(host, key=key)\n\n",
    "if (a && b?.c != 1) { run(--i); } // token: see above\n",
    "# the password is not here\n",
    '<property name="password"\n   value="hunter2secret1"/>\n',
    "headers = {\n  'Authorization':\n    'Bearer abcdef0123456789abcdef'\n}\n",
    "password =\n\n\n  'hunter2!secret'\n",
    "machine example.com login\n me password\n s3cretpass\n",
    "curl\n-u me:hunter2!x https://example.com\n",
    "-----BEGIN RSA PRIVATE KEY-----\n\n" + "MIIEow0123456789ABCDEFGHabcdefgh/+aa\n" * 4,
    "<password>\n  hunter2secret1\n</password>\n",
    'pw =\n"hunter2!x"\n',
    '"psk":\n"hunter2!xy"\n',
    "pass =\n'correct h0rse battery'\n",
    'pass =\nR"(hunter2!x9)"\n',
    "'Authorization':\n  'Bearer q7Zk2vX9pLm4Rt8wYb3nUe5'\n",
    "- name: DB_PASSWORD\n  value: hunter2!x9\n",
    'variable "db_password" {\n  default = "hunter2!x9"\n}\n',
    "   \n",
    "\n\n\n",
)


def in_one_piece(text: str, start: int, end: int, monkeypatch: pytest.MonkeyPatch) -> Masked:
    """Return what a search of the whole text finds: one block, which is one line, where patterns begin anywhere."""
    with monkeypatch.context() as patch:
        patch.setattr(search, "_NOTATIONS", tuple(dataclasses.replace(each, begins=()) for each in NOTATIONS))
        patch.setattr(search, "_hinted", search._hinted_in_line)
        patch.setattr(search, "_in_block", search._in_line)
        patch.setattr(search, "_MIN_BLOCK", len(text))
        patch.setattr(search, "_MAX_BLOCK", len(text))
        return mask_secrets(text, start, end)


@pytest.mark.parametrize("size", [1, 5, 40, 300])
def test_a_search_by_lines_finds_what_a_search_of_the_whole_finds(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(size)
    pieces = [*CODE, *(prefix + rest for prefix, rest in table.ISSUED.items())]
    found = 0
    for _ in range(60):
        drawn = [draw.choice(pieces) + draw.choice(["\n", "\n\n", " ", "", '"', "="]) for _ in range(size)]
        text = "".join(drawn)
        if draw.random() < 0.3:
            cut = draw.randrange(len(text) + 1)
            text = text[:cut] + draw.choice(string.printable) + text[cut:]
        start = draw.randrange(len(text) + 1) if draw.random() < 0.5 else 0
        end = draw.randrange(start, len(text) + 1)
        masked = mask_secrets(text, start, end)
        assert masked == in_one_piece(text, start, end, monkeypatch)
        found += len(masked.kinds)
    assert found > size


@pytest.mark.parametrize("seed", range(8))
def test_a_key_searches_the_lines_that_it_changes(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each of many edits the result is that of a search of the whole text, and few lines were searched for it."""
    draw = random.Random(seed)
    pieces = [*CODE, *(prefix + rest for prefix, rest in table.ISSUED.items())]
    text = "x = [\n" + "".join(draw.choice(pieces) + "\n" for _ in range(120))
    mask_secrets(text)
    searched: list[int] = []
    for _ in range(60):
        at, size = draw.randrange(len(text) + 1), draw.choice([0, 0, 0, 1, 5])
        text = text[:at] + draw.choice(["a", "=", '"', "\n", " ", "key", "9", ""]) + text[at + size :]
        before = search._in_line.cache_info().misses, search._hinted_in_line.cache_info().misses
        masked = mask_secrets(text)
        after = search._in_line.cache_info().misses, search._hinted_in_line.cache_info().misses
        searched.append(max(after[0] - before[0], after[1] - before[1]))
        assert masked == in_one_piece(text, 0, len(text), monkeypatch)
    # A new hint asks for one more notation in all lines; everything else concerns the lines around the edit.
    assert sorted(searched)[len(searched) // 2] <= 3


def crosses_lines(parsed: Any) -> bool:
    """Return whether what a parsed pattern consumes may contain a line end."""
    return any(_crosses(operation, argument) for operation, argument in parsed)


def _crosses(operation: Any, argument: Any) -> bool:
    if operation in {opcodes.ASSERT, opcodes.ASSERT_NOT}:
        return _crosses_around(list(argument[1]), is_before=argument[0] < 0)
    if operation in {opcodes.AT, opcodes.GROUPREF}:
        return False
    if operation in _INNER:
        return any(crosses_lines(inner) for inner in _INNER[operation](argument) if inner)
    assert operation in {opcodes.LITERAL, opcodes.NOT_LITERAL, opcodes.IN, opcodes.ANY}, operation
    return _matches_line_end(operation, argument)


_INNER: dict[Any, Callable[[Any], Any]] = {
    opcodes.MAX_REPEAT: lambda argument: argument[2:],
    opcodes.MIN_REPEAT: lambda argument: argument[2:],
    opcodes.BRANCH: lambda argument: argument[1],
    opcodes.SUBPATTERN: lambda argument: argument[3:],
    opcodes.GROUPREF_EXISTS: lambda argument: argument[1:],
}


def _crosses_around(items: list[Any], *, is_before: bool) -> bool:
    """Return whether a lookaround reaches beyond the line end itself, which a block holds on both sides."""
    if len(items) == 1 and items[0][0] is opcodes.BRANCH:
        return any(_crosses_around(list(branch), is_before=is_before) for branch in items[0][1][1])
    return crosses_lines(items[1:] if is_before else items[:-1])


def _matches_line_end(operation: Any, argument: Any) -> bool:
    newline = ord("\n")
    if operation is opcodes.IN:
        is_negated = argument[0][0] is opcodes.NEGATE
        return is_negated != any(_is_in(kind, value) for kind, value in argument[is_negated:])
    return (operation is opcodes.LITERAL) == (argument == newline) and operation is not opcodes.ANY


def _is_in(kind: Any, value: Any) -> bool:
    newline = ord("\n")
    if kind is opcodes.LITERAL:
        return bool(value == newline)
    if kind is opcodes.RANGE:
        return bool(value[0] <= newline <= value[1])
    categories = {opcodes.CATEGORY_SPACE, opcodes.CATEGORY_NOT_WORD, opcodes.CATEGORY_NOT_DIGIT}
    return kind is opcodes.CATEGORY and value in categories


@pytest.mark.parametrize("notation", NOTATIONS, ids=lambda notation: f"{notation.kind} {notation.hints[0]}")
def test_a_notation_that_may_reach_beyond_its_line_says_so(notation: Notation) -> None:
    parsed = patterns.parse(notation.pattern.pattern, notation.pattern.flags)
    assert crosses_lines(parsed) == notation.spans_lines


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"a\sb", True),
        (r"a[^b]", True),
        (r"(?:a|\W)", True),
        (r"a(?=\s)", False),
        (r"a(?=\sb)", True),
        (r"\w+", False),
        (r"a(?=b[\s]|\sb)", True),
    ],
)
def test_the_check_of_patterns_works(pattern: str, expected: bool) -> None:
    assert crosses_lines(patterns.parse(pattern, re.compile(pattern).flags)) is expected


@pytest.mark.parametrize("notation", [each for each in NOTATIONS if each.begins], ids=lambda each: each.begins[0])
def test_a_search_from_words_finds_what_a_search_from_each_character_finds(notation: Notation) -> None:
    draw = random.Random(7)
    odd = str.maketrans({"i": "ı", "s": "ſ", "k": "\u212a"})  # patterns that ignore the case take them for these
    words = [form for word in notation.begins for form in (word, word.upper(), word.translate(odd))]
    pieces = [*CODE, *words, "İ", "=", ":", " ", "'", "\n", "x9!"]
    texts = ["".join(draw.choices(pieces, k=60)) for _ in range(200)]
    plain = dataclasses.replace(notation, begins=())
    expected = [list(plain.spans(text)) for text in texts]
    assert any(expected)
    assert [list(notation.spans(text)) for text in texts] == expected


def test_each_character_that_patterns_take_for_a_letter_is_lowered_to_it() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    low = lowered(every)
    assert len(low) == len(every)
    for letter in string.ascii_lowercase:
        alike = [match.start() for match in re.finditer(f"(?i){letter}", every)]
        assert {low[at] for at in alike} == {letter}


@pytest.mark.parametrize("name", ["paſſ", "paſs", "pſk", "pſ\u212a", "pass"])
def test_a_secret_is_masked_whatever_its_name_is_written_with(name: str) -> None:
    secret = "q7Zk2vX9pLm4Rt8wYb3nUe5"
    text = f'{name} = "{secret}!"\n'
    assert secret not in mask_secrets(text, 0, len(text)).text
