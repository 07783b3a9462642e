"""What a parser knows about the text around the cursor.

Every answer may be "unknown"; then indentation and brackets decide.
"""

from infill_completion.languages.syntax.cursor import is_in_string_or_comment, untouched_body
from infill_completion.languages.syntax.document_trees import DocumentTrees
from infill_completion.languages.syntax.errors import added_errors, breaks_syntax, is_unfinished
from infill_completion.languages.syntax.line_starts import LineStart, brackets_of, line_starts
from infill_completion.languages.syntax.literal_kind import LiteralKind, literal_kind
from infill_completion.languages.syntax.near import code_before, parsed_before

__all__ = [
    "DocumentTrees",
    "LineStart",
    "LiteralKind",
    "added_errors",
    "brackets_of",
    "breaks_syntax",
    "code_before",
    "is_in_string_or_comment",
    "is_unfinished",
    "line_starts",
    "literal_kind",
    "parsed_before",
    "untouched_body",
]
