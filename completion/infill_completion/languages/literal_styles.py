"""How strings and comments of several lines are delimited in each language, as patterns.

A style's pattern also matches what may hide a delimiter: comments and strings that end on their line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# A string that does not end reaches to the end of its line: a second attempt at each quote would take quadratic time.
_STRING = r'"(?:[^"\\\n]|\\.)*+"?'
_SINGLE = r"'(?:[^'\\\n]|\\.)*+'?"
CHARACTER = r"'(?:\\[^\n]{1,9}?|[^\\'\n])'"
# A regular expression of JavaScript, which may contain quotes; after anything else a slash divides.
_REGEX = r"(?<=[(,=:\[!&|?{};])[ \t]*/(?![*/])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.){0,99}\]){1,200}/"
_SLASHES, _HASH, _DASHES = r"//[^\n]*", r"#[^\n]*", r"--[^\n]*"
# In shells a hash begins a comment only at the beginning of a word.
_SHELL_HASH = r"(?:^|(?<=[\s;]))#[^\n]*"


@dataclass(frozen=True)
class LongRule:
    """One kind of string or comment that may span lines.

    Attributes:
        opening: The pattern of the opening delimiter; it may have a group called ``tag``.
        closing: The closing delimiter, in which ``{}`` is the tag; the pattern of a line if ``is_line``.
        is_line: Whether the closing delimiter is a line of its own.
        has_escapes: Whether a backslash before the closing delimiter makes it text.
        is_template: Whether code may be interpolated as in JavaScript.
        name: The name of its group in a style's pattern.
    """

    opening: str
    closing: str
    is_line: bool = False
    has_escapes: bool = False
    is_template: bool = False
    name: str = ""

    def closing_of(self, match: re.Match[str]) -> str:
        """Return the delimiter that closes what ``match`` opens."""
        return self.closing.replace("{}", match.group(f"tag_{self.name}")) if "{}" in self.closing else self.closing


class LongStyle:
    """The rules of one or more languages.

    Attributes:
        pattern: Matches an opening delimiter, in a group with the rule's name, or what may hide one.
        rules: The rules by name.
    """

    def __init__(self, rules: tuple[LongRule, ...], *hiding: str) -> None:
        named = [
            LongRule(rule.opening, rule.closing, rule.is_line, rule.has_escapes, rule.is_template, f"rule{number}")
            for number, rule in enumerate(rules)
        ]
        openings = [f"(?P<{rule.name}>{rule.opening.replace('(?P<tag>', f'(?P<tag_{rule.name}>')})" for rule in named]
        self.rules = {rule.name: rule for rule in named}
        self.pattern = re.compile("|".join([*openings, *hiding]), re.MULTILINE)


_STARRED = LongRule(r"/\*", "*/")
_TRIPLE = LongRule('"""', '"""', has_escapes=True)
_TRIPLE_SINGLE = LongRule("'''", "'''", has_escapes=True)
_TEMPLATE = LongRule("`", "`", has_escapes=True, is_template=True)
_MARKUP_COMMENT = LongRule("<!--", "-->")
_HEREDOC = LongRule(r"(?<!<)<<(?!<)[-~]?[ \t]*\\?[\"']?(?P<tag>[A-Za-z_]\w*)[\"']?", r"^[ \t]*{}[ \t]*$", is_line=True)
_UPPER_HEREDOC = LongRule(r"<<[-~]?[\"'`]?(?P<tag>[A-Z_]\w*)[\"'`]?", r"^[ \t]*{}\b", is_line=True)

_PYTHON = LongStyle((_TRIPLE, _TRIPLE_SINGLE), _HASH, _STRING, _SINGLE)
_SCRIPT = LongStyle((_STARRED, _TEMPLATE), _SLASHES, _STRING, _SINGLE, _REGEX)
_GO = LongStyle((_STARRED, LongRule("`", "`")), _SLASHES, _STRING, CHARACTER)
_RUST = LongStyle(
    (_STARRED, LongRule(r'\bb?r(?P<tag>#*)"', '"{}'), LongRule('"', '"', has_escapes=True)), _SLASHES, CHARACTER
)
_C = LongStyle((_STARRED,), _SLASHES, _STRING, CHARACTER)
_CPP = LongStyle((_STARRED, LongRule(r'\bR"(?P<tag>\w*)\(', '){}"')), _SLASHES, _STRING, CHARACTER)
_JAVA = LongStyle((_STARRED, _TRIPLE), _SLASHES, _STRING, CHARACTER)
_DART = LongStyle((_STARRED, _TRIPLE, _TRIPLE_SINGLE), _SLASHES, _STRING, _SINGLE)
_CSHARP = LongStyle((_STARRED, LongRule('"""', '"""'), LongRule(r'\$?@\$?"', '"')), _SLASHES, _STRING, CHARACTER)
_PHP = LongStyle(
    (_STARRED, LongRule(r"<<<[ \t]*[\"']?(?P<tag>[A-Za-z_]\w*)[\"']?", r"^[ \t]*{}\b", is_line=True)),
    _SLASHES, _HASH, _STRING, _SINGLE,
)  # fmt: skip
_STYLESHEET = LongStyle((_STARRED,), _STRING, _SINGLE)
_SASS = LongStyle((_STARRED,), r"(?<!:)//[^\n]*", _STRING, _SINGLE)
_MARKUP = LongStyle((_MARKUP_COMMENT, LongRule(r"<!\[CDATA\[", "]]>")))
_LUA = LongStyle(
    (LongRule(r"--\[(?P<tag>=*)\[", "]{}]"), LongRule(r"\[(?P<tag>=*)\[", "]{}]")), _DASHES, _STRING, _SINGLE
)
_SQL = LongStyle((_STARRED, LongRule(r"\$(?P<tag>\w*)\$", "${}$")), _DASHES, r"'(?:[^'\n]|'')*'", _STRING)
_RUBY = LongStyle((_UPPER_HEREDOC, LongRule(r"^=begin\b", r"^=end\b", is_line=True)), _SHELL_HASH, _STRING, _SINGLE)
_PERL = LongStyle((_UPPER_HEREDOC, LongRule(r"^=[a-z]\w*", r"^=cut\b", is_line=True)), _SHELL_HASH, _STRING, _SINGLE)
_SHELL = LongStyle((_HEREDOC,), _SHELL_HASH, _STRING, r"'[^'\n]*'")
_POWERSHELL = LongStyle(
    (LongRule("<#", "#>"), LongRule('@"$', '^"@', is_line=True), LongRule("@'$", "^'@", is_line=True)),
    _HASH, _STRING, r"'[^'\n]*'",
)  # fmt: skip
_TERRAFORM = LongStyle((_HEREDOC, _STARRED), _HASH, _SLASHES, _STRING)
_ELIXIR = LongStyle((_TRIPLE, _TRIPLE_SINGLE), _HASH, _STRING, _SINGLE)
_JULIA = LongStyle((LongRule("#=", "=#"), _TRIPLE), _HASH, _STRING, CHARACTER)
_HASKELL = LongStyle((LongRule(r"\{-", "-}"),), _DASHES, _STRING, CHARACTER)
_ML = LongStyle((LongRule(r"\(\*(?!\))", "*)"), _TRIPLE), _SLASHES, _STRING, CHARACTER)
_LISP = LongStyle((LongRule(r"#\|", "|#"),), r";[^\n]*", _STRING)
_COFFEE = LongStyle((LongRule("###", "###"), _TRIPLE, _TRIPLE_SINGLE), _HASH, _STRING, _SINGLE)
_TOML = LongStyle((_TRIPLE, LongRule("'''", "'''")), _HASH, _STRING, r"'[^'\n]*'")
_NIX = LongStyle((_STARRED, LongRule("''", "''")), _HASH, _STRING)
_MARKDOWN = LongStyle(
    (LongRule(r"^[ \t]*(?P<tag>`{3,}|~{3,})[^\n`]*$", r"^[ \t]*{}[`~]*[ \t]*$", is_line=True), _MARKUP_COMMENT)
)

# Not in `registry`: its rows group languages by their blocks, these by their delimiters.
_LANGUAGES = (
    (_PYTHON, "python cython starlark gdscript nim"),
    (_SCRIPT, "javascript javascriptreact typescript typescriptreact"),
    (_GO, "go"),
    (_RUST, "rust"),
    (_C, "c objective-c objective-cpp zig solidity proto proto3 glsl hlsl wgsl verilog systemverilog json jsonc json5"),
    (_CPP, "cpp cuda-cpp"),
    (_JAVA, "java kotlin scala swift groovy"),
    (_DART, "dart"),
    (_CSHARP, "csharp"),
    (_PHP, "php"),
    (_STYLESHEET, "css"),
    (_SASS, "scss less"),
    (_MARKUP, "html xml vue svelte handlebars astro"),
    (_LUA, "lua luau"),
    (_SQL, "sql"),
    (_RUBY, "ruby crystal"),
    (_PERL, "perl"),
    (_SHELL, "shellscript bash sh zsh dockerfile"),
    (_POWERSHELL, "powershell"),
    (_TERRAFORM, "terraform hcl"),
    (_ELIXIR, "elixir"),
    (_JULIA, "julia"),
    (_HASKELL, "haskell elm purescript"),
    (_ML, "ocaml fsharp"),
    (_LISP, "lisp scheme racket commonlisp"),
    (_COFFEE, "coffeescript"),
    (_TOML, "toml"),
    (_NIX, "nix"),
    (_MARKDOWN, "markdown"),
)
STYLES = {language_id: style for style, ids in _LANGUAGES for language_id in ids.split()}
