"""Places in syntax trees where a name can only be a use: types of nodes, each with the fields of the name.

An empty field stands for any child.
"""

from __future__ import annotations

from collections.abc import Mapping

_ANY = ("",)


def _table(anywhere: str, **fields: str) -> dict[str, tuple[str, ...]]:
    return {**dict.fromkeys(anywhere.split(), _ANY), **{kind: tuple(names.split()) for kind, names in fields.items()}}


_PYTHON = _table(
    "argument_list binary_operator boolean_operator comparison_operator not_operator unary_operator return_statement "
    "list tuple set expression_list subscript decorator raise_statement parenthesized_expression interpolation "
    "await yield conditional_expression assert_statement type union_type binary_type slice list_splat dictionary_splat "
    "if_clause expression_statement generic_type",
    call="function arguments", attribute="object", assignment="right type", augmented_assignment="right",
    keyword_argument="value", pair="key value", default_parameter="value", typed_default_parameter="value type",
    lambda_="body", list_comprehension="body", set_comprehension="body", generator_expression="body",
    dictionary_comprehension="body", for_statement="right", for_in_clause="right", if_statement="condition",
    elif_clause="condition", while_statement="condition", named_expression="value", with_item="value",
    except_clause="value",
)  # fmt: skip
_PYTHON["lambda"] = _PYTHON.pop("lambda_")
_SCRIPT = _table(
    "subscript_expression arguments binary_expression unary_expression return_statement jsx_expression type_annotation "
    "generic_type type_arguments extends_clause class_heritage implements_clause extends_type_clause spread_element "
    "array template_substitution ternary_expression await_expression yield_expression parenthesized_expression "
    "as_expression satisfies_expression non_null_expression union_type intersection_type array_type throw_statement "
    "type_query expression_statement lookup_type readonly_type tuple_type constraint default_type optional_type "
    "rest_type conditional_type parenthesized_type sequence_expression decorator index_type_query object "
    "template_literal_type template_type",
    call_expression="function", new_expression="constructor", member_expression="object", variable_declarator="value",
    assignment_expression="right", augmented_assignment_expression="right", jsx_self_closing_element="name",
    jsx_opening_element="name", jsx_closing_element="name", pair="value", arrow_function="body return_type",
    nested_type_identifier="module", nested_identifier="object", assignment_pattern="right",
    required_parameter="value", optional_parameter="value", public_field_definition="value", field_definition="value",
    for_in_statement="right", type_alias_declaration="value", function_type="return_type", switch_case="value",
    type_predicate="type", export_statement="value",
)  # fmt: skip
_JAVA = _table(
    "generic_type type_arguments type_list superclass array_type class_literal catch_type type_bound wildcard throws "
    "extends_interfaces super_interfaces annotated_type scoped_type_identifier method_reference "
    "spread_parameter",
    local_variable_declaration="type", field_declaration="type", formal_parameter="type", method_declaration="type",
    object_creation_expression="type", cast_expression="type", array_creation_expression="type",
    instanceof_expression="right", resource="type", enhanced_for_statement="type", constant_declaration="type",
    marker_annotation="name", annotation="name", method_invocation="object name", field_access="object",
)  # fmt: skip
_GO = _table("", selector_expression="operand", qualified_type="package")
_RUST = _table(
    "reference_type type_arguments arguments trait_bounds tuple_type array_expression binary_expression "
    "unary_expression reference_expression return_expression parenthesized_expression tuple_expression "
    "bracketed_type pointer_type try_expression await_expression",
    scoped_identifier="path", scoped_type_identifier="path", generic_type="type", parameter="type",
    function_item="return_type", function_signature_item="return_type", field_declaration="type",
    let_declaration="type value", struct_expression="name", call_expression="function", macro_invocation="macro",
    impl_item="trait type",
    type_cast_expression="type", dynamic_type="trait", abstract_type="trait", array_type="element",
    generic_function="function", field_expression="value", const_item="type value", static_item="type value",
    type_item="type", type_binding="type", assignment_expression="right", field_initializer="value",
    tuple_struct_pattern="type", struct_pattern="type", closure_expression="return_type body",
    function_type="return_type",
    ordered_field_declaration_list="type", generic_type_with_turbofish="type",
)  # fmt: skip
PLACES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "python": _PYTHON,
    "script": _SCRIPT,
    "java": _JAVA,
    "go": _GO,
    "rust": _RUST,
}
