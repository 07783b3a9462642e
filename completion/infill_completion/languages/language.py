"""The record that registers a language."""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.languages.traits import LanguageTraits


@dataclass(frozen=True)
class Grammar:
    """A tree-sitter grammar, with the names that its nodes have.

    Strings and comments need no names here: every grammar calls them something with ``string`` or ``comment`` in it.

    Attributes:
        package: The Python package of the grammar; it is imported when the language is first parsed.
        function: The function of the package that returns the language.
        bodies: Nodes that are the body of a function, a loop or a condition.
        statement_lists: Nodes between a body and its statements.
        lists: Nodes with any number of children of equal rank, which are left out where only the structure counts.
        interpolations: Nodes for code inside a string.
        literals: Nodes whose content is not code, besides strings and comments.
        delimiters: Opening and closing delimiters of the strings and comments that may span lines.
        modifiers: Words, as a regular expression, that may precede the keyword of a definition.
        functions: Keywords that begin the definition of a function, likewise.
        types: Keywords that begin the definition of a type, likewise.
    """

    package: str
    function: str = "language"
    bodies: frozenset[str] = frozenset()
    statement_lists: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    interpolations: frozenset[str] = frozenset()
    literals: frozenset[str] = frozenset()
    delimiters: tuple[tuple[bytes, bytes], ...] = ()
    modifiers: str = ""
    functions: str = ""
    types: str = ""


@dataclass(frozen=True)
class Language:
    """A language, or several that differ in nothing but their ids.

    Attributes:
        ids: LSP's language ids; files get the first.
        traits: How the language marks blocks, comments and strings.
        endings: The endings of its files' names, in lower case.
        names: Whole names of its files.
        grammar: Its grammar; without one indentation and brackets alone decide where a suggestion ends.
        context_module: The modules in `context.signatures` and `context.imports` that read it; empty without.
    """

    ids: tuple[str, ...]
    traits: LanguageTraits
    endings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    grammar: Grammar | None = None
    context_module: str = ""
