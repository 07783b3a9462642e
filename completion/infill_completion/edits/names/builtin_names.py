"""Names that languages define themselves."""

from __future__ import annotations

import builtins

from infill_completion.edits.names.word_lists import by_grammar
from infill_completion.languages import grammars
from infill_completion.languages.registry import grammar_of

_SCRIPT = (
    "Array BigInt Boolean Date Error Function Infinity Intl JSON Map Math Number Object Promise Proxy Reflect RegExp "
    "Set String Symbol TypeError WeakMap WeakSet clearInterval clearTimeout console document exports fetch global "
    "globalThis isNaN localStorage location module navigator parseFloat parseInt process queueMicrotask require "
    "setInterval setTimeout structuredClone window Buffer URL any boolean number object string symbol arguments "
    "Partial Record Readonly Pick Omit"
)
_GO = (
    "any append bool byte cap clear close comparable complex complex128 complex64 copy delete error float32 float64 "
    "imag int int16 int32 int64 int8 iota len make max min new panic print println real recover rune string uint "
    "uint16 uint32 uint64 uint8 uintptr"
)
_RUST = "Box Clone Copy Default Err Fn Iterator None Ok Option Result Some String Vec bool char drop str"
_JAVA = (
    "Boolean Byte Character Class Double Exception Float Integer Iterable Long Math Object Runnable Short String "
    "StringBuilder System Thread Void"
)
_C = (
    "abort assert calloc errno exit fprintf free malloc memcpy memset printf realloc size_t snprintf stderr stdin "
    "stdout strcmp strlen std"
)
_BY_GRAMMAR = by_grammar(dir(builtins), script=_SCRIPT, go=_GO, rust=_RUST, java=_JAVA, c=_C, cpp=_C)


def is_known(language_id: str, name: str, text: str) -> bool:
    """Return whether a name means something without a definition in the file.

    The language defines it, or what nearly every program uses does, or a Go file imports a package of this name.
    """
    grammar = grammar_of(language_id)
    if grammar == grammars.GO and (f'/{name}"' in text or f'"{name}"' in text):
        return True
    return grammar is not None and name in _BY_GRAMMAR.get(grammar, frozenset())
