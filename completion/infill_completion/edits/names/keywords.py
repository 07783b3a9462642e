"""The words that name nothing of the user's in each language; what is one in another language may be a name."""

from __future__ import annotations

import keyword

from infill_completion.edits.names.word_lists import by_grammar
from infill_completion.edits.words import KEYWORDS
from infill_completion.languages.registry import grammar_of

_SCRIPT = (
    "function class interface enum await return yield throw do in if else while case typeof void new delete for import "
    "as try finally catch switch break continue let var const super this static public private protected abstract "
    "async extends implements package default export instanceof boolean never unknown readonly namespace override "
    "undefined null true false NaN"
)
_GO = (
    "func struct interface return if else switch case for import break continue const var package default go defer "
    "chan fallthrough goto int bool byte rune uint new nil true false"
)
_RUST = (
    "fn struct enum trait impl await return yield do in if else while for as try break continue let const mut pub use "
    "mod self super static abstract final virtual override unsafe dyn ref extern loop async bool char usize isize u8 "
    "u16 u32 u64 i8 i16 i32 i64 f32 f64 typeof where true false None"
)
_JAVA = (
    "class interface enum return throw assert do if else while case void new for import try finally catch switch break "
    "continue const super this static public private protected final abstract extends implements package default "
    "instanceof int long short char float double boolean byte goto var yield true false null"
)
_C = (
    "struct enum return do if else while case void for switch break continue const static default int long short char "
    "float double bool unsigned signed sizeof typedef union goto extern inline include define ifdef ifndef endif true "
    "false NULL"
)
_CPP = (
    "class throw and or not try catch new delete this public private protected final override using namespace template "
    "typename virtual operator export nullptr co_await co_return co_yield"
)
_BY_GRAMMAR = by_grammar(
    {*keyword.kwlist, "self", "cls", "int", "float", "bool"},
    script=_SCRIPT, go=_GO, rust=_RUST, java=_JAVA, c=_C, cpp=f"{_C} {_CPP}",
)  # fmt: skip


def keywords_of(language_id: str) -> frozenset[str]:
    """Return the words of a language itself; those of all languages if nothing is known of it."""
    grammar = grammar_of(language_id)
    return KEYWORDS if grammar is None else _BY_GRAMMAR.get(grammar, KEYWORDS)
