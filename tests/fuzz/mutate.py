"""Mutations of bytes and of JSON."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

NUMBERS = (
    0,
    1,
    -1,
    2,
    16,
    255,
    256,
    65_535,
    65_536,
    2**31 - 1,
    2**31,
    -(2**31),
    2**53,
    2**63,
    2**64,
    10**40,
    0.5,
    1e308,
)
TEXTS = (
    "", " ", "\n", "\r\n", "\r", "\t", "\0", "\ufeff", "\u2028", "\U0001f600", "e\u0301", "\ud800", "\udc00", "\u200d",
    "\\", '"', "'", '"""', "{", "}", "(", ")", "[", "]", "/*", "*/", "<", ">", "#", "//", "../", "%2e%2e%2f", "file:///",
    "file:///a%20b.py", "untitled:x", "a" * 300, "(" * 300, "\n" * 300, "é" * 100, "x = 1\n" * 50,
)  # fmt: skip
BYTES = (
    *(text.encode("utf-8", "surrogatepass") for text in TEXTS),
    b"\xff", b"\xc3", b"\xe2\x80", b"\xed\xa0\x80", b"\x80" * 9, b"\r\n\r\n", b"0\r\n\r\n", b"null", b"true", b"-1",
    b"NaN", b"Infinity", b"1e999", b"\\ud800", b"\\u0000", b"[" * 99, b'{"a":' * 99,
)  # fmt: skip


def mutated(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """Return ``data`` after a few random changes; JSON mostly stays JSON."""
    if chance.random() < 0.7:
        try:
            tree = json.loads(data)
        except (ValueError, RecursionError):
            pass
        else:
            for _ in range(_count(chance)):
                tree = _changed_tree(tree, others, chance)
            return json.dumps(tree).encode()
    for _ in range(_count(chance)):
        data = chance.choice(_CHANGES)(data, others, chance)
    return data


def _count(chance: random.Random) -> int:
    return 1 if chance.random() < 0.5 else chance.randrange(2, 8)


def _spot(data: bytes, chance: random.Random) -> tuple[int, int]:
    """Return a random range, mostly a short one."""
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + int(chance.expovariate(0.1)))


def _flip(data: bytes, _others: Sequence[bytes], chance: random.Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _cut(data: bytes, _others: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _spot(data, chance)
    return data[:start] + data[end:]


def _insert(data: bytes, _others: Sequence[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(BYTES) + data[at:]


def _repeat(data: bytes, _others: Sequence[bytes], chance: random.Random) -> bytes:
    start, end = _spot(data, chance)
    return data[:start] + data[start:end] * chance.choice((2, 3, 50)) + data[end:]


def _splice(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    start, end = _spot(other, chance)
    at = chance.randrange(len(data) + 1)
    return data[:at] + other[start:end] + data[at:]


def _cross(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


_Change = Callable[[bytes, Sequence[bytes], random.Random], bytes]
_CHANGES: tuple[_Change, ...] = (_flip, _cut, _insert, _repeat, _splice, _cross)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every container of a JSON tree with each of its keys or indices."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        found += [(node, key) for key in keys]
        waiting += [node[key] for key in keys]
    return found


def _changed_tree(tree: Any, others: Sequence[bytes], chance: random.Random) -> Any:
    places = _places(tree)
    if not places:
        return _value(chance)
    node, key = chance.choice(places)
    kind = chance.randrange(6)
    if kind == 0:
        node[key] = _value(chance)
    elif kind == 1:
        del node[key]
    elif kind == 2:
        node[key] = copy.deepcopy(_other_value(places, others, chance))
    elif kind == 3 and isinstance(node, list):
        node.insert(chance.randrange(len(node) + 1), copy.deepcopy(node[key]))
    elif kind == 4 and isinstance(node, list):
        node.append(node.pop(key))
    elif isinstance(node[key], str):
        node[key] = _changed_text(node[key], chance)
    elif isinstance(node[key], int):
        node[key] += chance.choice((-1, 1, 7, -100))
    else:
        node[key] = _value(chance)
    return tree


def _other_value(places: list[tuple[Any, Any]], others: Sequence[bytes], chance: random.Random) -> Any:
    """Return a value from elsewhere in the tree or from another input."""
    if chance.random() < 0.3:
        with contextlib.suppress(ValueError, RecursionError):
            places = _places(json.loads(chance.choice(others))) or places
    node, key = chance.choice(places)
    return node[key]


def _changed_text(text: str, chance: random.Random) -> str:
    start = chance.randrange(len(text) + 1)
    return text[:start] + chance.choice((*TEXTS, "")) + text[chance.randrange(start, len(text) + 1) :]


def _value(chance: random.Random) -> Any:
    return chance.choice([None, True, False, [], {}, [[]], {"": ""}, chance.choice(NUMBERS), chance.choice(TEXTS)])
