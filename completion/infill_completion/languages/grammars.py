"""The tree-sitter grammars that we ship with."""

from __future__ import annotations

from dataclasses import replace

from infill_completion.languages.language import Grammar

_SLASHES = ((b"/*", b"*/"),)
_BACKTICKS = (*_SLASHES, (b"`", b"`"))

PYTHON = Grammar(
    "tree_sitter_python",
    bodies=frozenset({"block"}),
    interpolations=frozenset({"interpolation"}),
    delimiters=((b'"""', b'"""'), (b"'''", b"'''")),
    modifiers="async",
    functions="def",
    types="class",
)
JAVASCRIPT = Grammar(
    "tree_sitter_javascript",
    bodies=frozenset({"statement_block"}),
    interpolations=frozenset({"template_substitution"}),
    delimiters=_BACKTICKS,
    modifiers="export|default|async|static",
    functions="function",
    types="class",
)
TYPESCRIPT = replace(
    JAVASCRIPT,
    package="tree_sitter_typescript",
    function="language_typescript",
    modifiers="export|default|async|public|private|protected|static|abstract",
    types="class|interface|enum",
)
TSX = replace(TYPESCRIPT, function="language_tsx")
GO = Grammar(
    "tree_sitter_go",
    bodies=frozenset({"block"}),
    statement_lists=frozenset({"statement_list"}),
    delimiters=_BACKTICKS,
    functions="func",
)
RUST = Grammar(
    "tree_sitter_rust",
    bodies=frozenset({"block"}),
    delimiters=(*_SLASHES, (b'"', b'"')),
    modifiers=r"pub(?:\(\w+\))?|async",
    functions="fn",
    types="struct|enum|impl|trait",
)
JAVA = Grammar(
    "tree_sitter_java",
    bodies=frozenset({"block", "constructor_body"}),
    delimiters=(*_SLASHES, (b'"""', b'"""')),
    modifiers="public|private|protected|static|abstract|final",
    functions="void",
    types="class|interface|enum",
)
C = Grammar(
    "tree_sitter_c",
    bodies=frozenset({"compound_statement"}),
    literals=frozenset({"preproc_arg"}),
    delimiters=_SLASHES,
    modifiers="static|inline",
    functions="void",
    types="struct|enum",
)
CPP = replace(C, package="tree_sitter_cpp", types="class|struct|enum")
