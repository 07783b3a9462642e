"""The languages: one row each. A language with a row here gets suggestions of several lines.

To add a language, add a row to `LANGUAGES`:

1. Choose its traits from `block_styles`, or add a style there, also if it puts code into strings in another way.
2. For what a parser knows better (strings, comments, empty bodies, syntax errors), describe its tree-sitter grammar in
   `grammars`, give it to the row, and add its package to the dependencies in `pyproject.toml`.
3. For the signatures of imported definitions in the prompt, write a module of the same name in `context.signatures` and
   in `context.imports`, add a line to the table of each package, and name the module in the row.
4. For strings and comments that may span lines, add its ids to a row of `literal_styles`.

A language without a row works, too: it is taken for one with brackets and ``#`` comments.
"""

from __future__ import annotations

from pathlib import PurePath

from infill_completion.languages import block_styles as styles
from infill_completion.languages import grammars
from infill_completion.languages.language import Grammar, Language
from infill_completion.languages.traits import LanguageTraits

# The ids are those of the LSP specification's table of text documents.
LANGUAGES = (
    # Languages with a grammar.
    Language(("python",), styles.PYTHON, (".py", ".pyi"), grammar=grammars.PYTHON, context_module="python"),
    Language(("javascript",), styles.SCRIPT, (".js", ".mjs"), grammar=grammars.JAVASCRIPT, context_module="script"),
    Language(("javascriptreact",), styles.SCRIPT, (".jsx",), grammar=grammars.JAVASCRIPT, context_module="script"),
    Language(("typescript",), styles.SCRIPT, (".ts",), grammar=grammars.TYPESCRIPT, context_module="script"),
    Language(("typescriptreact",), styles.SCRIPT, (".tsx",), grammar=grammars.TSX, context_module="script"),
    Language(("go",), styles.GO, (".go",), grammar=grammars.GO, context_module="go"),
    Language(("rust",), styles.C, (".rs",), grammar=grammars.RUST, context_module="rust"),
    Language(("java",), styles.C, (".java",), grammar=grammars.JAVA, context_module="java"),
    Language(("c",), styles.C, (".c", ".h"), grammar=grammars.C, context_module="c"),
    Language(("cpp", "cuda-cpp"), styles.C, (".cc", ".cpp", ".cxx", ".hpp"), grammar=grammars.CPP, context_module="c"),
    # Blocks by indentation.
    Language(("starlark", "gdscript", "nim", "cython", "coffeescript", "sass"), styles.PYTHON),
    Language(("yaml", "dockercompose", "github-actions-workflow", "ansible"), styles.YAML, (".yaml", ".yml")),
    Language(("haskell",), styles.HASKELL, (".hs",)),
    Language(("ocaml",), styles.OCAML, (".ml", ".mli")),
    Language(("elm",), styles.HASKELL, (".elm",)),
    Language(("purescript", "fsharp"), styles.HASKELL),
    Language(("makefile",), styles.MAKE, names=("Makefile",)),
    # Blocks in braces, comments with two slashes.
    Language(("csharp",), styles.CSHARP, (".cs",)),
    Language(("kotlin",), styles.KOTLIN, (".kt",)),
    Language(("scala",), styles.SCALA, (".scala",)),
    Language(("swift",), styles.SWIFT, (".swift",)),
    Language(("zig",), styles.C, (".zig",)),
    Language(("proto", "proto3"), styles.C, (".proto",)),
    Language(("objective-c", "objective-cpp", "v", "solidity", "glsl", "hlsl", "wgsl"), styles.C),
    Language(("d",), styles.GO),
    Language(("verilog", "systemverilog"), styles.VERILOG),
    Language(("dart",), styles.DART, (".dart",)),
    Language(("php",), styles.PHP, (".php",)),
    Language(("groovy",), styles.GROOVY),
    Language(("json", "jsonc", "json5"), styles.SCRIPT, (".json", ".ipynb")),
    Language(("less",), styles.SCRIPT, (".less",)),
    Language(("scss",), styles.SCRIPT, (".scss",)),
    Language(("css",), styles.CSS, (".css",)),
    # Blocks in braces, other comments.
    Language(("perl",), styles.HASH_BRACES, (".pl",)),
    Language(("r",), styles.HASH_BRACES, (".r",)),
    Language(("powershell",), styles.POWERSHELL, (".ps1",)),
    Language(("toml",), styles.HASH_BRACES, (".toml",)),
    Language(("dockerfile",), styles.HASH_BRACES, names=("Dockerfile",)),
    Language(("cmake",), styles.HASH_BRACES, names=("CMakeLists.txt",)),
    Language(("terraform", "hcl", "nix"), styles.TERRAFORM),
    Language(("ini", "properties", "tcl", "awk", "graphql"), styles.HASH_BRACES),
    Language(("clojure", "lisp", "scheme", "racket", "commonlisp", "fennel"), styles.LISP, (".clj",)),
    Language(("latex", "tex", "erlang", "matlab", "prolog"), styles.PERCENT, (".tex",)),
    Language(("html",), styles.MARKUP, (".html",)),
    Language(("xml",), styles.MARKUP, (".xml",)),
    Language(("vue", "svelte", "handlebars", "astro"), styles.MARKUP),
    # Blocks closed by a keyword.
    Language(("sql",), styles.SQL, (".sql",)),
    Language(("ada",), styles.SQL, (".ada", ".adb", ".ads")),
    Language(("vhdl",), styles.SQL, (".vhd", ".vhdl")),
    Language(("ruby", "crystal"), styles.RUBY, (".rb",)),
    Language(("lua", "luau"), styles.LUA, (".lua",)),
    Language(("julia",), styles.JULIA, (".jl",)),
    Language(("shellscript", "bash", "sh", "zsh", "fish"), styles.SHELL, (".sh", ".bash")),
    Language(("elixir",), styles.ELIXIR, (".ex", ".exs")),
    Language(("vim",), styles.VIM, (".vim",)),
    # Text.
    Language(("markdown",), styles.PROSE, (".md",)),
    Language(("plaintext", "restructuredtext", "asciidoc", "git-commit", "text"), styles.PROSE),
)

BY_ID = {language_id: language for language in LANGUAGES for language_id in language.ids}
_ID_BY_ENDING = {ending: language.ids[0] for language in LANGUAGES for ending in language.endings}
_ID_BY_NAME = {name: language.ids[0] for language in LANGUAGES for name in language.names}


def language_id_of(path: str) -> str:
    """Return the language id of a file by its name; ``plaintext`` if the name does not tell."""
    pure = PurePath(path)
    return _ID_BY_NAME.get(pure.name) or _ID_BY_ENDING.get(pure.suffix.lower(), "plaintext")


def traits_of(language_id: str) -> LanguageTraits:
    """Return the traits of a language; an unknown one is taken for a language with brackets."""
    language = BY_ID.get(language_id)
    return styles.UNKNOWN if language is None else language.traits


def grammar_of(language_id: str) -> Grammar | None:
    """Return the grammar of a language, without loading it; None for a language that cannot be parsed."""
    language = BY_ID.get(language_id)
    return None if language is None else language.grammar


def context_module_of(language_id: str) -> str:
    """Return the name of the modules that read a language's signatures and imports; empty if there are none."""
    language = BY_ID.get(language_id)
    return "" if language is None else language.context_module
