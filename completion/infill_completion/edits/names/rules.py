"""How languages bind names, in the terms of their tree-sitter grammars."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

from infill_completion.languages import grammars
from infill_completion.languages.registry import grammar_of


@dataclass(frozen=True)
class NameRules:
    """How a language binds names.

    Attributes:
        scopes: Nodes in which a name is known that is bound in them.
        functions: Those of them that are functions; a name that is hoisted belongs to one.
        types: Those that are types, whose members are known to methods by way of ``self``.
        bindings: Where names are bound: a node and the field that holds the name or a pattern with it; an empty field
            stands for any child.
        definitions: Nodes that bind their name outside of themselves.
        hoisted: Nodes that bind a name in the whole function.
        members: Nodes of what is reached by a dot, with the field of the receiver and that of the name.
        qualified: Nodes of what is reached by the path of a module, namespace or type, with the field of the name.
        labels: Nodes and fields with names that are no variables, such as those of keyword arguments.
        tags: Nodes of elements, whose lower-case names are no variables.
        apart: Nodes and fields with names of a kind of their own, such as methods, beside variables of the same name.
        imports: Nodes that bind what is defined elsewhere.
        patterns: Nodes between the field of a binding and its names.
        later: Nodes whose names are known only after them, not in what they are bound to.
        outside: Nodes and fields whose names are looked up outside of the scope around, such as defaults of parameters.
        may_rebind: Whether a binding hides an earlier one of the same scope.
        has_bare_members: Whether methods name members without ``self``.
        has_format_strings: Whether strings within macros name variables, as in ``"{a}"``.
        names: Nodes that are names.
    """

    scopes: frozenset[str]
    functions: frozenset[str]
    types: frozenset[str] = frozenset()
    bindings: frozenset[tuple[str, str]] = frozenset()
    definitions: frozenset[str] = frozenset()
    hoisted: frozenset[str] = frozenset()
    members: tuple[tuple[str, str, str], ...] = ()
    qualified: frozenset[tuple[str, str]] = frozenset()
    labels: frozenset[tuple[str, str]] = frozenset()
    tags: frozenset[str] = frozenset()
    apart: frozenset[tuple[str, str]] = frozenset()
    imports: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    outside: frozenset[tuple[str, str]] = frozenset()
    may_rebind: bool = False
    has_bare_members: bool = False
    has_format_strings: bool = False
    names: frozenset[str] = field(default=frozenset({"identifier", "type_identifier", "field_identifier"}))


_PYTHON = NameRules(
    scopes=frozenset(
        {
            "module", "function_definition", "lambda", "class_definition", "list_comprehension", "set_comprehension",
            "dictionary_comprehension", "generator_expression",
        }
    ),
    functions=frozenset({"function_definition", "lambda", "module", "class_definition"}),
    types=frozenset({"class_definition"}),
    bindings=frozenset(
        {
            ("parameters", ""), ("lambda_parameters", ""), ("default_parameter", "name"), ("typed_parameter", ""),
            ("typed_default_parameter", "name"), ("list_splat_pattern", ""), ("dictionary_splat_pattern", ""),
            ("assignment", "left"), ("for_statement", "left"), ("for_in_clause", "left"), ("as_pattern_target", ""),
            ("function_definition", "name"), ("class_definition", "name"), ("named_expression", "name"),
        }
    ),
    definitions=frozenset({"function_definition", "class_definition"}),
    hoisted=frozenset({"named_expression"}),
    members=(("attribute", "object", "attribute"),),
    labels=frozenset({("keyword_argument", "name")}),
    imports=frozenset({"import_statement", "import_from_statement", "future_import_statement"}),
    patterns=frozenset({"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "tuple"}),
    outside=frozenset(
        {
            ("default_parameter", "value"), ("typed_default_parameter", "value"), ("typed_default_parameter", "type"),
            ("typed_parameter", "type"), ("for_in_clause", "right"),
        }
    ),
)  # fmt: skip
_SCRIPT = NameRules(
    scopes=frozenset(
        {
            "program", "function_declaration", "function_expression", "arrow_function", "method_definition",
            "generator_function_declaration", "class_declaration", "class", "statement_block", "for_statement",
            "for_in_statement", "catch_clause", "abstract_class_declaration", "function_type", "constructor_type",
            "method_signature", "abstract_method_signature", "function_signature", "call_signature",
            "construct_signature",
        }
    ),
    functions=frozenset(
        {
            "program", "function_declaration", "function_expression", "arrow_function", "method_definition",
            "generator_function_declaration",
        }
    ),
    types=frozenset({"class_declaration", "class", "abstract_class_declaration"}),
    bindings=frozenset(
        {
            ("variable_declarator", "name"), ("formal_parameters", ""), ("required_parameter", "pattern"),
            ("optional_parameter", "pattern"), ("function_declaration", "name"), ("class_declaration", "name"),
            ("generator_function_declaration", "name"), ("catch_clause", "parameter"), ("for_in_statement", "left"),
            ("arrow_function", "parameter"), ("interface_declaration", "name"), ("type_alias_declaration", "name"),
            ("enum_declaration", "name"), ("abstract_class_declaration", "name"), ("function_signature", "name"),
        }
    ),
    definitions=frozenset(
        {
            "function_declaration", "class_declaration", "generator_function_declaration", "abstract_class_declaration",
            "function_signature",
        }
    ),
    hoisted=frozenset({"variable_declaration"}),
    members=(("member_expression", "object", "property"),),
    qualified=frozenset({("nested_type_identifier", "name")}),
    labels=frozenset({("pair", "key"), ("pair_pattern", "key"), ("jsx_attribute", ""), ("export_specifier", "alias")}),
    tags=frozenset({"jsx_opening_element", "jsx_closing_element", "jsx_self_closing_element"}),
    imports=frozenset({"import_statement"}),
    patterns=frozenset({"object_pattern", "array_pattern", "assignment_pattern", "rest_pattern", "pair_pattern",
                        "object_assignment_pattern"}),
    names=frozenset(
        {
            "identifier", "type_identifier", "property_identifier", "private_property_identifier",
            "shorthand_property_identifier", "shorthand_property_identifier_pattern",
        }
    ),
)  # fmt: skip
_GO = NameRules(
    scopes=frozenset(
        {
            "source_file", "function_declaration", "method_declaration", "func_literal", "block", "if_statement",
            "for_statement", "expression_switch_statement", "type_switch_statement", "communication_case",
            "expression_case", "type_case", "default_case",
        }
    ),
    functions=frozenset({"source_file", "function_declaration", "method_declaration", "func_literal"}),
    bindings=frozenset(
        {
            ("short_var_declaration", "left"), ("var_spec", "name"), ("const_spec", "name"),
            ("parameter_declaration", "name"), ("variadic_parameter_declaration", "name"),
            ("function_declaration", "name"), ("type_spec", "name"), ("range_clause", "left"),
            ("receive_statement", "left"),
        }
    ),
    definitions=frozenset({"function_declaration"}),
    members=(("selector_expression", "operand", "field"),),
    qualified=frozenset({("qualified_type", "name")}),
    labels=frozenset({("keyed_element", "key")}),
    imports=frozenset({"import_declaration"}),
    patterns=frozenset({"expression_list"}),
    later=frozenset({"short_var_declaration", "var_spec", "const_spec", "range_clause", "receive_statement"}),
)  # fmt: skip
_RUST = NameRules(
    scopes=frozenset(
        {
            "source_file", "function_item", "closure_expression", "block", "for_expression", "match_arm",
            "if_expression", "while_expression", "impl_item", "trait_item", "mod_item",
        }
    ),
    functions=frozenset({"source_file", "function_item", "closure_expression"}),
    types=frozenset({"impl_item", "trait_item"}),
    bindings=frozenset(
        {
            ("let_declaration", "pattern"), ("parameter", "pattern"), ("closure_parameters", ""),
            ("function_item", "name"), ("for_expression", "pattern"), ("match_pattern", ""),
            ("let_condition", "pattern"), ("struct_item", "name"), ("enum_item", "name"), ("const_item", "name"),
            ("static_item", "name"),
            ("trait_item", "name"), ("type_item", "name"),
        }
    ),
    definitions=frozenset({"function_item", "trait_item"}),
    members=(("field_expression", "value", "field"),),
    qualified=frozenset({("scoped_identifier", "name"), ("scoped_type_identifier", "name")}),
    labels=frozenset({("field_initializer", "field"), ("field_initializer", "name"), ("enum_variant", "name")}),
    imports=frozenset({"use_declaration"}),
    patterns=frozenset({"tuple_pattern", "mut_pattern", "ref_pattern", "reference_pattern", "slice_pattern",
                        "tuple_struct_pattern", "or_pattern", "captured_pattern"}),
    later=frozenset({"let_declaration", "let_condition"}),
    outside=frozenset({("for_expression", "value")}),
    may_rebind=True,
    has_format_strings=True,
    names=frozenset({"identifier", "type_identifier", "field_identifier", "shorthand_field_identifier"}),
)  # fmt: skip
_JAVA = NameRules(
    scopes=frozenset(
        {
            "program", "class_body", "interface_body", "enum_body", "method_declaration", "constructor_declaration",
            "lambda_expression", "block", "for_statement", "enhanced_for_statement", "catch_clause",
            "try_with_resources_statement", "record_declaration",
        }
    ),
    functions=frozenset({"program", "method_declaration", "constructor_declaration", "lambda_expression"}),
    types=frozenset({"class_body", "enum_body", "interface_body"}),
    bindings=frozenset(
        {
            ("variable_declarator", "name"), ("formal_parameter", "name"), ("method_declaration", "name"),
            ("class_declaration", "name"), ("interface_declaration", "name"), ("enum_declaration", "name"),
            ("enhanced_for_statement", "name"), ("catch_formal_parameter", "name"), ("resource", "name"),
            ("lambda_expression", "parameters"), ("inferred_parameters", ""), ("record_declaration", "name"),
        }
    ),
    definitions=frozenset({"method_declaration", "record_declaration"}),
    members=(("field_access", "object", "field"), ("method_invocation", "object", "name")),
    labels=frozenset({("element_value_pair", "key")}),
    apart=frozenset({("method_declaration", "name"), ("method_invocation", "name")}),
    imports=frozenset({"import_declaration"}),
    has_bare_members=True,
)  # fmt: skip
_C = NameRules(
    scopes=frozenset(
        {
            "translation_unit", "function_definition", "compound_statement", "for_statement", "lambda_expression",
            "field_declaration_list", "for_range_loop", "namespace_definition",
        }
    ),
    functions=frozenset({"translation_unit", "function_definition", "lambda_expression"}),
    types=frozenset({"field_declaration_list"}),
    bindings=frozenset(
        {
            ("init_declarator", "declarator"), ("declaration", "declarator"), ("parameter_declaration", "declarator"),
            ("optional_parameter_declaration", "declarator"), ("function_declarator", "declarator"),
            ("preproc_def", "name"), ("preproc_function_def", "name"), ("enumerator", "name"), ("for_range_loop",
            "declarator"), ("type_definition", "declarator"), ("struct_specifier", "name"), ("class_specifier", "name"),
            ("enum_specifier", "name"), ("union_specifier", "name"), ("field_declaration", "declarator"),
        }
    ),
    definitions=frozenset({"function_definition"}),
    members=(("field_expression", "argument", "field"),),
    qualified=frozenset({("qualified_identifier", "name")}),
    labels=frozenset({("field_designator", "")}),
    apart=frozenset({("struct_specifier", "name"), ("union_specifier", "name"), ("enum_specifier", "name")}),
    patterns=frozenset({"pointer_declarator", "array_declarator", "reference_declarator", "init_declarator",
                        "parenthesized_declarator", "structured_binding_declarator"}),
    outside=frozenset({("for_range_loop", "right")}),
)  # fmt: skip
_CPP = replace(
    _C, has_bare_members=True, apart=frozenset(), imports=frozenset({"using_declaration"}),
    names=_C.names | {"namespace_identifier"},
)  # fmt: skip
_BY_PACKAGE = {
    grammars.PYTHON: _PYTHON,
    grammars.JAVASCRIPT: _SCRIPT,
    grammars.TYPESCRIPT: _SCRIPT,
    grammars.TSX: _SCRIPT,
    grammars.GO: _GO,
    grammars.RUST: _RUST,
    grammars.JAVA: _JAVA,
    grammars.C: _C,
    grammars.CPP: _CPP,
}


@cache
def rules_of(language_id: str) -> NameRules | None:
    """Return the rules of a language; None if it has none."""
    grammar = grammar_of(language_id)
    return None if grammar is None else _BY_PACKAGE.get(grammar)
