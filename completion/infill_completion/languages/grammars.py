"""The tree-sitter grammars that we ship with."""

from __future__ import annotations

from dataclasses import replace

from infill_completion.languages.language import Grammar

_SLASHES = ((b"/*", b"*/"),)
_BACKTICKS = (*_SLASHES, (b"`", b"`"))

PYTHON = Grammar(
    "tree_sitter_python",
    bodies=frozenset({"block"}),
    lists=frozenset({"block", "argument_list", "parameters", "list", "tuple", "set", "dictionary"}),
    interpolations=frozenset({"interpolation"}),
    delimiters=((b'"""', b'"""'), (b"'''", b"'''")),
    modifiers="async",
    functions="def",
    types="class",
)
JAVASCRIPT = Grammar(
    "tree_sitter_javascript",
    bodies=frozenset({"statement_block"}),
    lists=frozenset(
        {
            "statement_block",
            "class_body",
            "switch_body",
            "object",
            "array",
            "arguments",
            "formal_parameters",
            "export_clause",
            "named_imports",
            "object_type",
            "interface_body",
            "enum_body",
        }
    ),
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
    lists=frozenset(
        {
            "block",
            "statement_list",
            "literal_value",
            "const_declaration",
            "var_spec_list",
            "import_spec_list",
            "field_declaration_list",
            "interface_type",
            "argument_list",
            "parameter_list",
        }
    ),
    delimiters=_BACKTICKS,
    functions="func",
)
RUST = Grammar(
    "tree_sitter_rust",
    bodies=frozenset({"block"}),
    lists=frozenset(
        {
            "block",
            "declaration_list",
            "field_declaration_list",
            "match_block",
            "enum_variant_list",
            "array_expression",
            "tuple_expression",
            "arguments",
            "parameters",
            "use_list",
            "token_tree",
        }
    ),
    delimiters=(*_SLASHES, (b'"', b'"')),
    modifiers=r"pub(?:\(\w+\))?|async",
    functions="fn",
    types="struct|enum|impl|trait",
)
JAVA = Grammar(
    "tree_sitter_java",
    bodies=frozenset({"block", "constructor_body"}),
    lists=frozenset(
        {
            "block",
            "constructor_body",
            "class_body",
            "interface_body",
            "enum_body",
            "enum_body_declarations",
            "annotation_type_body",
            "switch_block",
            "switch_block_statement_group",
            "array_initializer",
            "argument_list",
            "formal_parameters",
        }
    ),
    delimiters=(*_SLASHES, (b'"""', b'"""')),
    modifiers="public|private|protected|static|abstract|final",
    functions="void",
    types="class|interface|enum",
)
C = Grammar(
    "tree_sitter_c",
    bodies=frozenset({"compound_statement"}),
    lists=frozenset(
        {
            "compound_statement",
            "declaration_list",
            "field_declaration_list",
            "enumerator_list",
            "initializer_list",
            "argument_list",
            "parameter_list",
            "case_statement",
            "preproc_ifdef",
            "preproc_if",
            "preproc_else",
            "preproc_elif",
        }
    ),
    literals=frozenset({"preproc_arg"}),
    delimiters=_SLASHES,
    modifiers="static|inline",
    functions="void",
    types="struct|enum",
)
CPP = replace(C, package="tree_sitter_cpp", types="class|struct|enum")
