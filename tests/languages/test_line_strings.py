"""Where strings of a line end, also those with code in them."""

from __future__ import annotations

import pytest

from infill_completion.languages.brackets import open_brackets, unended_quotes
from infill_completion.languages.line_strings import LineStrings
from infill_completion.languages.registry import traits_of


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("typescript", 'f(`a[b="${c}"]`);'),
        ("typescript", 'x = `${a["b"]}/${c.map((d) => `${d}`)}`;'),
        ("typescript", "x = `${a ? 'b' : `}`}`;"),
        ("python", "f'{x[\"a\"]} {{b}} {c:>{d}}'"),
        ("python", "f'{x['a']}'"),
        ("python", "'{' \"}\" rf'{a}' b'{'"),
        ("ruby", 'puts "a #{b["c"]}"'),
        ("kotlin", 'a = "${b["c"]}" + "$d"'),
        ("csharp", 'a = $"{b["c"]}" + "{"'),
        ("swift", 'a = "\\(b["c"]) \\" d"'),
        ("dart", "a = 'b ${c['d']}'"),
        ("php", '$a = "b {$c["d"]}";'),
        ("terraform", 'a = "${f(b, "c")}"'),
        ("shellscript", 'a="$(b "$c")"'),
        ("rust", 'let a: &\'a str = "{";'),
        ("go", 'a := `${` + "${"'),
    ],
)
def test_every_string_ends(language: str, line: str) -> None:
    assert unended_quotes(line, traits_of(language)) == ""


@pytest.mark.parametrize(
    ("language", "line", "quotes"),
    [
        ("typescript", 'f(`a[b="${"${c}"]`);', "`"),
        ("typescript", 'x = `${a[""b"]}`;', "`"),
        ("typescript", "x = `${a", "`"),
        ("python", 'f"{a[\'b]}"', '"'),
        ("python", "f'{a", "'"),
        ("ruby", 'puts "a #{b["c"}"', '"'),
        ("kotlin", 'a = "${b["c]}"', '"'),
        ("swift", 'a = "\\(b["c") d"', '"'),
    ],
)
def test_a_string_does_not_end_if_its_code_does_not(language: str, line: str, quotes: str) -> None:
    assert unended_quotes(line, traits_of(language)).startswith(quotes)


@pytest.mark.parametrize("piece", ["`${", "`${'", '`${"}`', "`${(", "`${]`"])
def test_a_line_full_of_code_that_does_not_end_is_read_to_its_end(piece: str) -> None:
    line = piece * 5000
    strings, index = LineStrings(line, traits_of("typescript")), 0
    while index < len(line):
        end, _ = strings.end(index) if line[index] in "`'\"" else (index + 1, True)
        assert end > index
        index = end
    assert index == len(line)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("go", "a := `(\n{`\nf(", ("(",)),
        ("verilog", "`timescale 1ns\nfoo(\n  a, b[`W-1:0], \n", ("(",)),
        ("c", "/* `ftime' */\nf(\n  g, /* `a */ h[2], \n", ("(",)),
        ("rust", "/// `Vec\nf(\n  /// `b`\n  [1], \n", ("(",)),
    ],
)
def test_only_some_languages_have_raw_strings_between_backticks(
    language: str, text: str, expected: tuple[str, ...]
) -> None:
    assert open_brackets(text, traits_of(language)) == expected
