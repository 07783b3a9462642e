"""Names that the user has brought in and that nothing binds yet: more is about to be written."""

from __future__ import annotations

from collections.abc import Sequence

from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.history import Hunk
from infill_completion.edits.imports.fresh_names import fresh_names
from infill_completion.edits.names.builtin_names import is_known
from infill_completion.edits.names.occurrences import occurrence_at
from infill_completion.edits.names.rules import rules_of
from infill_completion.edits.tokens import DOTS

# A file of these sees names of its package without importing them.
_BOUND_ELSEWHERE = frozenset({"java", "go"})


def unbound_names(hunks: Sequence[Hunk], document: EditedDocument) -> set[str]:
    """Return the names of variables, functions and types that changes brought in and that are bound nowhere.

    Args:
        hunks: The changes.
        document: The document as it is now.
    """
    language_id, text = document.request.language_id, document.request.text
    rules, tree = rules_of(language_id), document.tree
    if rules is None or tree is None or language_id in _BOUND_ELSEWHERE:
        return set()
    fresh = fresh_names([hunk.before for hunk in hunks], [hunk.after for hunk in hunks], language_id)
    names = {name for name in fresh if not is_known(language_id, name, text)}
    bound, used, before = set[str](), set[str](), ""
    for token in document.tokens:
        is_member, before = before in DOTS, token.text
        if is_member or token.text in bound or token.text not in names:
            continue
        one = occurrence_at(tree, text, (token.start, token.end), rules)
        if one is not None and (one.is_binding or one.is_imported):
            bound.add(token.text)
        elif one is not None and not one.receiver and not one.is_label:
            used.add(token.text)
    return used - bound
