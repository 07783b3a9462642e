"""An import statement and the names that it binds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infill_completion.document.lines import line_end

# What of a module a name stands for, if it is no member.
WHOLE = ""
NAMESPACE = "*"
DEFAULT = "default"
_REST = re.compile(r"[ \t]*;?[ \t]*(?:(?:#|//)[^\n\r]*|/\*(?:(?!\*/)[^\n\r])*\*/)?[ \t]*")


@dataclass(frozen=True)
class ImportedName:
    """A name that an import binds.

    Attributes:
        name: The name in the file.
        module: The module, as it is written.
        member: The member of the module; `WHOLE`, `NAMESPACE` or `DEFAULT` if it is none.
        is_type: Whether only a type is imported.
        is_static: Java: whether a member of a class is imported.
        is_renamed: Whether the statement says the name apart from the member or module.
    """

    name: str
    module: str
    member: str
    is_type: bool = False
    is_static: bool = False
    is_renamed: bool = False


@dataclass(frozen=True)
class ImportStatement:
    """An import statement; in a Go block, one line of it.

    Attributes:
        start: Where it begins.
        end: Where it ends, without the line end.
        names: The names that it binds.
        base: The module that its list is of; empty if it has none.
        members: The range of a list of names, without its brackets; None if it has none.
        is_top: Whether it is at the beginning of a line, and in no block but Go's.
        is_type: Whether it imports only types.
        is_public: Whether other modules get the names from here.
        is_wild: Whether it binds names that it does not say.
    """

    start: int
    end: int
    names: tuple[ImportedName, ...] = ()
    base: str = ""
    members: tuple[int, int] | None = None
    is_top: bool = True
    is_type: bool = False
    is_public: bool = False
    is_wild: bool = False


def ends_its_line(text: str, end: int) -> bool:
    """Return whether nothing but a comment follows on the line where a statement ends."""
    return _REST.fullmatch(text, end, line_end(text, end)) is not None
