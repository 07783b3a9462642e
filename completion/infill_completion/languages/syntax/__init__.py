"""What a parser knows about the text around the cursor; every answer may be "unknown", and indentation decides then."""

from infill_completion.languages.syntax.errors import breaks, harm
from infill_completion.languages.syntax.marks import Mark, brackets_of, marks
from infill_completion.languages.syntax.place import is_in_text, untouched_body

__all__ = ["Mark", "brackets_of", "breaks", "harm", "is_in_text", "marks", "untouched_body"]
