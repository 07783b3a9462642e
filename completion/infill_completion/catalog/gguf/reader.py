"""Reads the header of a GGUF file: its metadata, and where its tensors are.

The file may come from anywhere.  Every count, length and offset is checked against the size of the file before anything
is allocated for it, and the header has limits of its own; so a damaged file costs no more memory than a whole one.

Source: ``docs/gguf.md`` in the repository of ggml.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from infill_completion.catalog.gguf.storage import TENSOR_TYPES, TensorType

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
# The headers of real models have 30 to 80 keys, up to 1,000 tensors, and up to 15 MB, most of it vocabulary, which
# is up to 1.3 million items of lists.  As Python's objects, items take up to 16 times their bytes in the file.
_MAX_HEADER_BYTES = 64 << 20
_MAX_KEYS = _MAX_TENSORS = 1 << 16
_MAX_KEY_BYTES = 1 << 16
_MAX_ITEMS = 1 << 21
_MAX_DIMENSIONS = 4
_MAX_ALIGNMENT = 1 << 20
_DEFAULT_ALIGNMENT = 32
_STRING, _ARRAY = 8, 9
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

Scalar = int | float | bool | str
Value = Scalar | tuple[Scalar, ...]


class GgufError(Exception):
    """A GGUF file cannot be used; the message is one sentence with the next step."""


class _DamageError(Exception):
    """What is wrong with a header, without the name of the file."""


class _UnknownTypeError(Exception):
    """A tensor is stored in a way that is not in the table; the message is its code."""


@dataclass(frozen=True)
class TensorEntry:
    """A tensor in a file.

    Attributes:
        type: How its values are stored.
        shape: Its dimensions, the slowest first as in torch, for a matrix (rows, columns).
        start: Where its bytes begin in the file.
    """

    type: TensorType
    shape: tuple[int, ...]
    start: int

    @property
    def values(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes in the file."""
        return self.values // self.type.block_values * self.type.block_bytes


@dataclass(frozen=True)
class GgufFile:
    """The header of a file: its metadata, and its tensors by name."""

    path: Path
    metadata: Mapping[str, Value]
    tensors: Mapping[str, TensorEntry]


def is_gguf(path: Path) -> bool:
    """Return whether ``path`` is a file that begins as a GGUF file does."""
    try:
        if not path.is_file():  # a pipe would wait for somebody to write
            return False
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def read(path: Path) -> GgufFile:
    """Read the header of a file.

    Raises:
        GgufError: The file cannot be read, is damaged or incomplete, or is of a version that is not supported.
    """
    try:
        with path.open("rb") as stream:
            return _Header(stream, os.fstat(stream.fileno()).st_size).file(path)
    except _DamageError as error:
        raise GgufError(f"{printable(path.name)} is damaged or incomplete ({error}); fetch the file again.") from error
    except _UnknownTypeError as error:
        raise GgufError(
            f"{printable(path.name)} holds weights in a form that is not known here (type {error}); choose a file in "
            "another quantization, such as Q4_K_M or Q8_0."
        ) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise GgufError(f"{printable(path.name)} cannot be read ({reason}); check engine.model.") from error


def printable(text: str, most: int = 80) -> str:
    """Return ``text`` for use in a message: one line, and not too long."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


class _Header:
    """Reads a header from the beginning of a file of ``size`` bytes."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size, self._at = stream, size, 0
        self._items_left = _MAX_ITEMS

    def file(self, path: Path) -> GgufFile:
        """Return the whole header."""
        if self._take(len(MAGIC)) != MAGIC:
            raise GgufError(f"{printable(path.name)} is not a GGUF file; check engine.model.")
        version = self._number(4)
        if version not in _VERSIONS:
            raise GgufError(
                f"{printable(path.name)} has version {version} of the GGUF format, and only 2 and 3 in little-endian "
                "byte order are supported; fetch a newer file of the model."
            )
        tensors, keys = self._number(10), self._number(10)
        self._check_count("tensors", tensors, _MAX_TENSORS, 24)
        self._check_count("keys", keys, _MAX_KEYS, 13)
        metadata = self._metadata(keys)
        return GgufFile(path, metadata, self._tensors(tensors, _alignment(metadata)))

    def _take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        if count > self._size - self._at:
            raise _DamageError("it ends too early")
        if count > _MAX_HEADER_BYTES - self._at:
            raise _DamageError("its header is too long")
        data = self._stream.read(count)
        if len(data) != count:
            raise _DamageError("it ends too early")
        self._at += count
        return data

    def _check_count(self, what: str, count: int, most: int, least_bytes: int) -> None:
        """Raise if ``count`` things of ``least_bytes`` or more each cannot follow."""
        if count > most or count * least_bytes > self._size - self._at:
            raise _DamageError(f"it claims {count} {what}")

    def _number(self, kind: int) -> int:
        (value,) = struct.unpack("<" + _NUMBERS[kind], self._take(struct.calcsize(_NUMBERS[kind])))
        return int(value)

    def _string(self, most: int = _MAX_HEADER_BYTES) -> str:
        length = self._number(10)
        if length > most:
            raise _DamageError("a text is too long")
        return self._take(length).decode("utf-8", "replace")

    def _metadata(self, count: int) -> dict[str, Value]:
        metadata: dict[str, Value] = {}
        for _ in range(count):
            key = self._string(_MAX_KEY_BYTES)
            if key in metadata:
                raise _DamageError("a key occurs twice")
            metadata[key] = self._value(self._number(4))
        return metadata

    def _value(self, kind: int) -> Value:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array()
        return self._numbers(kind, 1)[0]

    def _array(self) -> tuple[Scalar, ...]:
        kind, count = self._number(4), self._number(10)
        width = 8 if kind == _STRING else struct.calcsize(_NUMBERS.get(kind, "B"))
        self._check_count("items in lists", count, self._items_left, width)
        self._items_left -= count
        if kind == _STRING:
            return tuple(self._string() for _ in range(count))
        return self._numbers(kind, count)

    def _numbers(self, kind: int, count: int) -> tuple[Scalar, ...]:
        if kind not in _NUMBERS:
            raise _DamageError(f"a value has the unknown type {kind}")
        code = f"<{count}{_NUMBERS[kind]}"
        return struct.unpack(code, self._take(struct.calcsize(code)))

    def _tensors(self, count: int, alignment: int) -> dict[str, TensorEntry]:
        """Return the tensors, whose offsets count from the end of the header."""
        entries = [self._tensor(alignment) for _ in range(count)]
        start = -(-self._at // alignment) * alignment
        tensors = {name: TensorEntry(kind, shape, start + offset) for name, kind, shape, offset in entries}
        if len(tensors) != len(entries):
            raise _DamageError("a tensor occurs twice")
        end = 0
        for entry in sorted(tensors.values(), key=lambda entry: entry.start):
            if entry.start < end:
                raise _DamageError("two tensors overlap")
            end = entry.start + entry.bytes
        if end > self._size:
            raise _DamageError(f"it has {self._size} bytes and its tensors need {end}")
        return tensors

    def _tensor(self, alignment: int) -> tuple[str, TensorType, tuple[int, ...], int]:
        name, dimensions = self._string(_MAX_KEY_BYTES), self._number(4)
        if dimensions > _MAX_DIMENSIONS:
            raise _DamageError(f"a tensor has {dimensions} dimensions")
        shape = tuple(self._number(10) for _ in range(dimensions))[::-1]
        code, offset = self._number(4), self._number(10)
        kind = TENSOR_TYPES.get(code)
        if kind is None:
            raise _UnknownTypeError(code)
        if 0 in shape or (shape[-1] if shape else 1) % kind.block_values:
            raise _DamageError(f"a tensor's rows do not consist of whole blocks of {kind.name}")
        if offset % alignment:
            raise _DamageError("a tensor is not aligned")
        return name, kind, shape, offset


def _alignment(metadata: Mapping[str, Value]) -> int:
    """Return what the offsets of all tensors are multiples of."""
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    if type(alignment) is not int or not 0 < alignment <= _MAX_ALIGNMENT or alignment & (alignment - 1):
        raise _DamageError("the alignment is not a power of two")
    return alignment
