"""What the rules need to know about a language: how its blocks open and close, and how it writes comments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Blocks(Enum):
    """How a language marks its blocks."""

    INDENT = "indent"
    BRACES = "braces"
    END = "end"
    PROSE = "prose"


@dataclass(frozen=True, eq=False)
class LanguageTraits:
    """The traits of a language.

    Attributes:
        blocks: How blocks are marked.
        line_comment: What begins a comment to the end of the line; empty where there is none.
        opener: Matches the end of a line (without trailing blanks and comment) behind which a block begins.
        closer: Matches a line, without its indentation, that closes a block.
        quotes: What begins a string of any length; where ``'`` is missing it begins one character at most.
        next_part: Matches a line, without its indentation, that continues a construct with another block.
        is_balanced: Whether every closing bracket outside of strings and comments has an opening one.
    """

    blocks: Blocks
    line_comment: str
    opener: re.Pattern[str]
    closer: re.Pattern[str]
    quotes: str = "\"'`"
    is_balanced: bool = True
    next_part: re.Pattern[str] = re.compile(r"(?!)")


_NEVER = re.compile(r"(?!)")
_BRACE_OPENER = re.compile(r"[{(\[]$|=>$")
_BRACKET_CLOSER = re.compile(r"[)\]}]+[;,]?(\s*(else\b.*|catch\b.*|finally\b.*|while\b.*))?$|[)\]}]+")
_END_OPENER = re.compile(r"[{(\[]$|\b(do|then|else|begin|repeat|ensure|rescue)$|\bdo\s*\|[^|]*\|$|^\s*else$")
_RUBY_OPENER = re.compile(
    _END_OPENER.pattern + r"|^\s*(def|class|module|if|unless|while|until|case|for|begin|elsif|when)\b(?!.*\bend$).*$"
)
_LUA_OPENER = re.compile(_END_OPENER.pattern + r"|\bfunction\b[^()]*\([^()]*\)$")
_JULIA_OPENER = re.compile(
    _END_OPENER.pattern
    + r"|^\s*((mutable\s+)?struct|function|macro|module|if|elseif|for|while|let|try|catch|quote)\b(?!.*\bend$).*$"
)
_END_CLOSER = re.compile(r"(end|until|fi|done|esac|endif|endfunction|endfor|endwhile|else|elsif|elif)\b|[)\]}]+")

_PYTHON = LanguageTraits(
    Blocks.INDENT,
    "#",
    re.compile(r":$|[({\[]$"),
    re.compile(r"[)\]}]+"),
    next_part=re.compile(r"(else|elif|except|finally)\b"),
)
_MAKE = LanguageTraits(Blocks.INDENT, "#", re.compile(r"^[^\s:=#][^:=]*:(?!=)[^=]*$"), _NEVER)
_YAML = LanguageTraits(Blocks.INDENT, "#", re.compile(r":$|: [|>][-+]?$|^\s*-$"), re.compile(r"[)\]}]+"))
_HASKELL = LanguageTraits(
    Blocks.INDENT, "--", re.compile(r"=$|\b(where|do|of|let)$|->$|[({\[]$"), re.compile(r"[)\]}]+"), quotes='"'
)
_C = LanguageTraits(Blocks.BRACES, "//", _BRACE_OPENER, _BRACKET_CLOSER, quotes='"`')
_SCRIPT = LanguageTraits(Blocks.BRACES, "//", _BRACE_OPENER, _BRACKET_CLOSER)
_HASH_BRACES = LanguageTraits(Blocks.BRACES, "#", _BRACE_OPENER, _BRACKET_CLOSER)
_CSS = LanguageTraits(Blocks.BRACES, "", _BRACE_OPENER, _BRACKET_CLOSER)
_SQL = LanguageTraits(
    Blocks.END, "--", re.compile(r"\($|\b(BEGIN|THEN|ELSE|AS|begin|then|else|as)$"), re.compile(r"(?i:end\b)|\)+")
)
_RUBY = LanguageTraits(Blocks.END, "#", _RUBY_OPENER, _END_CLOSER)
_LUA = LanguageTraits(Blocks.END, "--", _LUA_OPENER, _END_CLOSER)
_JULIA = LanguageTraits(Blocks.END, "#", _JULIA_OPENER, _END_CLOSER)
_SHELL = LanguageTraits(Blocks.END, "#", re.compile(r"[{(]$|\b(then|do|else)$|\bin$"), _END_CLOSER, is_balanced=False)
_ELIXIR = LanguageTraits(Blocks.END, "#", _END_OPENER, _END_CLOSER)
_VIM = LanguageTraits(
    Blocks.END, '"', re.compile(r"^\s*(function!?|if|for|while|try|else|elseif|augroup)\b.*$"), _END_CLOSER
)
_MARKUP = LanguageTraits(
    Blocks.BRACES, "", re.compile(r"<[A-Za-z][^<>/]*>$|[{(\[]$"), re.compile(r"</|[)\]}]+"), is_balanced=False
)
_LISP = LanguageTraits(Blocks.BRACES, ";", re.compile(r"[({\[]$"), re.compile(r"[)\]}]+"))
_PROSE = LanguageTraits(Blocks.PROSE, "", _NEVER, _NEVER, is_balanced=False)
_PERCENT = LanguageTraits(
    Blocks.BRACES,
    "%",
    re.compile(r"\\begin\{[^{}]*\}(\[[^\[\]]*\])?$|[{(\[]$"),
    re.compile(r"\\end\b|[)\]}]+"),
    is_balanced=False,
)
_OTHER = LanguageTraits(Blocks.BRACES, "#", re.compile(r"[{(\[:]$"), _BRACKET_CLOSER)

_TRAITS: dict[str, LanguageTraits] = {
    **dict.fromkeys(("python", "starlark", "gdscript", "nim", "cython", "coffeescript", "sass"), _PYTHON),
    **dict.fromkeys(("yaml", "dockercompose", "github-actions-workflow", "ansible"), _YAML),
    **dict.fromkeys(("haskell", "elm", "purescript", "fsharp", "ocaml"), _HASKELL),
    **dict.fromkeys(
        ("javascript", "javascriptreact", "typescript", "typescriptreact", "dart", "groovy", "php", "json", "jsonc",
         "json5", "less", "scss"),
        _SCRIPT,
    ),
    **dict.fromkeys(
        ("c", "cpp", "cuda-cpp", "objective-c", "objective-cpp", "java", "go", "rust", "csharp", "kotlin", "scala",
         "swift", "zig", "proto", "proto3", "solidity", "glsl", "hlsl", "wgsl", "d", "v", "verilog",
         "systemverilog"),
        _C,
    ),
    **dict.fromkeys(("css",), _CSS),
    **dict.fromkeys(("perl", "r", "powershell", "terraform", "hcl", "nix", "toml", "ini", "properties", "tcl", "awk",
                     "dockerfile", "cmake", "graphql"), _HASH_BRACES),
    "makefile": _MAKE,
    "sql": _SQL,
    "ruby": _RUBY,
    "crystal": _RUBY,
    "lua": _LUA,
    "luau": _LUA,
    "julia": _JULIA,
    **dict.fromkeys(("shellscript", "bash", "sh", "zsh", "fish"), _SHELL),
    "elixir": _ELIXIR,
    "vim": _VIM,
    **dict.fromkeys(("html", "xml", "vue", "svelte", "handlebars", "astro"), _MARKUP),
    **dict.fromkeys(("clojure", "lisp", "scheme", "racket", "commonlisp", "fennel"), _LISP),
    **dict.fromkeys(("latex", "tex", "erlang", "matlab", "prolog"), _PERCENT),
    **dict.fromkeys(("markdown", "plaintext", "restructuredtext", "asciidoc", "git-commit", "text"), _PROSE),
}  # fmt: skip


def traits_of(language_id: str) -> LanguageTraits:
    """Return the traits of a language; an unknown one is taken for a language with brackets."""
    return _TRAITS.get(language_id, _OTHER)


def opens_block(line: str, traits: LanguageTraits) -> bool:
    """Tell whether a block begins behind ``line``."""
    code = line.rstrip()
    if traits.line_comment and f" {traits.line_comment}" in code:
        code = code[: code.rindex(f" {traits.line_comment}")].rstrip()
    return bool(code) and traits.opener.search(code) is not None
