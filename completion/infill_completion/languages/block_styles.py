"""Ready-made traits that several languages share; `registry` gives each language one of them."""

from __future__ import annotations

import re
from dataclasses import replace

from infill_completion.languages.traits import Blocks, Interpolation, LanguageTraits

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
_VIM_OPENER = re.compile(r"^\s*(function!?|if|for|while|try|else|elseif|augroup)\b.*$")
_END_CLOSER = re.compile(r"(end|until|fi|done|esac|endif|endfunction|endfor|endwhile|else|elsif|elif)\b|[)\]}]+")

# Code in strings.
_DOLLAR_BRACE = (("${", "}"),)
_IN_DOUBLE_QUOTES = Interpolation('"', _DOLLAR_BRACE)

# Blocks by indentation.
PYTHON = LanguageTraits(
    Blocks.INDENT,
    "#",
    re.compile(r":$|[({\[]$"),
    re.compile(r"[)\]}]+"),
    next_part=re.compile(r"(else|elif|except|finally)\b"),
    interpolation=Interpolation("\"'", (("{", "}"),), re.compile(r"(?<!\w)(?:[ft]r?|r[ft])$", re.IGNORECASE)),
)
MAKE = LanguageTraits(Blocks.INDENT, "#", re.compile(r"^[^\s:=#][^:=]*:(?!=)[^=]*$"), _NEVER)
YAML = LanguageTraits(Blocks.INDENT, "#", re.compile(r":$|: [|>][-+]?$|^\s*-$"), re.compile(r"[)\]}]+"))
HASKELL = LanguageTraits(
    Blocks.INDENT, "--", re.compile(r"=$|\b(where|do|of|let)$|->$|[({\[]$"), re.compile(r"[)\]}]+"), quotes='"'
)
OCAML = replace(HASKELL, line_comment="", block_comment=("(*", "*)"))

# Blocks in brackets.
C = LanguageTraits(Blocks.BRACES, "//", _BRACE_OPENER, _BRACKET_CLOSER, quotes='"`')
GO = replace(C, raw_quotes="`")
VERILOG = replace(C, quotes='"')  # a backtick begins the name of a macro
CSHARP = replace(C, interpolation=Interpolation('"', (("{", "}"),), re.compile(r"\$@?$|@\$$")))
KOTLIN = replace(C, interpolation=_IN_DOUBLE_QUOTES)
SCALA = replace(C, interpolation=Interpolation('"', _DOLLAR_BRACE, re.compile(r"\w$")))
SWIFT = replace(C, interpolation=Interpolation('"', (("\\(", ")"),)))
SCRIPT = LanguageTraits(
    Blocks.BRACES, "//", _BRACE_OPENER, _BRACKET_CLOSER, interpolation=Interpolation("`", _DOLLAR_BRACE)
)
DART = replace(SCRIPT, interpolation=Interpolation("\"'", _DOLLAR_BRACE))
GROOVY = replace(SCRIPT, interpolation=_IN_DOUBLE_QUOTES)
PHP = replace(SCRIPT, interpolation=Interpolation('"', (("{$", "}"), *_DOLLAR_BRACE)))
HASH_BRACES = LanguageTraits(Blocks.BRACES, "#", _BRACE_OPENER, _BRACKET_CLOSER)
TERRAFORM = replace(HASH_BRACES, interpolation=_IN_DOUBLE_QUOTES)
POWERSHELL = replace(HASH_BRACES, interpolation=Interpolation('"', (("$(", ")"),)))
CSS = LanguageTraits(Blocks.BRACES, "", _BRACE_OPENER, _BRACKET_CLOSER, block_comment=("/*", "*/"))
MARKUP = LanguageTraits(
    Blocks.BRACES,
    "",
    re.compile(r"<[A-Za-z][^<>/]*>$|[{(\[]$"),
    re.compile(r"</|[)\]}]+"),
    is_balanced=False,
    block_comment=("<!--", "-->"),
)
LISP = LanguageTraits(Blocks.BRACES, ";", re.compile(r"[({\[]$"), re.compile(r"[)\]}]+"))
PERCENT = LanguageTraits(
    Blocks.BRACES,
    "%",
    re.compile(r"\\begin\{[^{}]*\}(\[[^\[\]]*\])?$|[{(\[]$"),
    re.compile(r"\\end\b|[)\]}]+"),
    is_balanced=False,
)
# For a language that is not registered.
UNKNOWN = LanguageTraits(Blocks.BRACES, "#", re.compile(r"[{(\[:]$"), _BRACKET_CLOSER)

# Blocks closed by a keyword.
SQL = LanguageTraits(
    Blocks.END, "--", re.compile(r"\($|\b(BEGIN|THEN|ELSE|AS|begin|then|else|as)$"), re.compile(r"(?i:end\b)|\)+")
)
_HASH_BRACE = Interpolation('"`', (("#{", "}"),))
RUBY = LanguageTraits(Blocks.END, "#", _RUBY_OPENER, _END_CLOSER, interpolation=_HASH_BRACE)
LUA = LanguageTraits(Blocks.END, "--", _LUA_OPENER, _END_CLOSER)
JULIA = LanguageTraits(Blocks.END, "#", _JULIA_OPENER, _END_CLOSER, interpolation=Interpolation('"', (("$(", ")"),)))
SHELL = LanguageTraits(
    Blocks.END,
    "#",
    re.compile(r"[{(]$|\b(then|do|else)$|\bin$"),
    _END_CLOSER,
    is_balanced=False,
    interpolation=Interpolation('"', (("$(", ")"), *_DOLLAR_BRACE)),
)
ELIXIR = LanguageTraits(Blocks.END, "#", _END_OPENER, _END_CLOSER, interpolation=_HASH_BRACE)
VIM = LanguageTraits(Blocks.END, '"', _VIM_OPENER, _END_CLOSER)

# No blocks.
PROSE = LanguageTraits(Blocks.PROSE, "", _NEVER, _NEVER, is_balanced=False)
