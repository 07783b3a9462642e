"""Words that mean something in the languages themselves, so they name nothing of the user's."""

from __future__ import annotations

DEFINES = frozenset({"def", "function", "func", "fn", "class", "fun", "struct", "interface", "enum", "trait", "impl"})
# Words that stand for a value; an operator next to one is specific enough to be searched.
CONSTANTS = frozenset({"None", "null", "nil", "undefined", "NULL", "nullptr", "True", "False", "true", "false", "NaN"})
# What may precede a call; any other name there is the type of a definition in C or Java.
_BEFORE_CALLS = (
    "return await yield throw raise assert else do in not and or is if elif while del case typeof void when "
    "go defer lambda new co_await co_return co_yield unless until then where"
)
BEFORE_CALLS = frozenset(_BEFORE_CALLS.split())
_OTHERS = (
    "for from import as with try except finally catch switch break continue pass let var const mut pub use mod "
    "self this super static public private protected final abstract async extends implements package global "
    "nonlocal delete default export instanceof int long short char float double bool boolean unsigned signed "
    "sizeof typedef union include define ifdef ifndef endif loop unsafe dyn ref chan fallthrough goto extern "
    "inline template typename namespace using virtual override operator byte never unknown usize isize u8 u16 u32 "
    "u64 i8 i16 i32 i64 f32 f64 uint rune readonly cls"
)
KEYWORDS = DEFINES | CONSTANTS | BEFORE_CALLS | frozenset(_OTHERS.split())
SELVES = frozenset({"self", "this", "cls"})
# Operators that say the same next to a constant.
SAME_TESTS = frozenset(
    {("==", "is"), ("!=", "is not"), ("==", "==="), ("!=", "!=="), ("is", "=="), ("===", "=="), ("!==", "!=")}
)
