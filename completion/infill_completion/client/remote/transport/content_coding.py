"""Decoding of compressed answers, which some gateways send unasked.

Source of the format: RFC 9110, section 8.4.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_MAX_PART_BYTES = 1 << 20


class ContentDecoder:
    """Decodes a body part by part, so that an event can be read as soon as it has arrived.

    Args:
        coding: The value of ``Content-Encoding``.

    Raises:
        ValueError: The coding is unknown.
    """

    def __init__(self, coding: str) -> None:
        names = [name.strip().lower() for name in coding.split(",")]
        self._stages = [_Inflater(name) for name in reversed(names) if name not in {"", "identity"}]

    def decode(self, part: bytes) -> Iterator[bytes]:
        """Yield what ``part`` adds to the body, at most 1 MiB at a time.

        Raises:
            ValueError: The body is not in this coding.
        """
        yield from _through(self._stages, part)

    @property
    def is_complete(self) -> bool:
        """Whether the body has ended where its coding says so."""
        return all(stage.is_complete for stage in self._stages)


def _through(stages: list[_Inflater], part: bytes) -> Iterator[bytes]:
    if not stages:
        yield part
        return
    for inflated in stages[0].decode(part):
        yield from _through(stages[1:], inflated)


class _Inflater:
    """Decodes gzip, with several members, or deflate, with or without the header of zlib."""

    def __init__(self, name: str) -> None:
        if name not in {"gzip", "x-gzip", "deflate"}:
            raise ValueError(f"unknown content coding {name!r}")
        self._is_gzip = name != "deflate"
        self._start = b""  # the first two bytes say what follows
        self._inflate: zlib._Decompress | None = None

    @property
    def is_complete(self) -> bool:
        return self._inflate.eof if self._inflate is not None else not self._start

    def decode(self, part: bytes) -> Iterator[bytes]:
        while part:
            if self._inflate is None or self._inflate.eof:
                self._start += part
                if len(self._start) < 2:
                    return
                part, self._start = self._start, b""
                if self._inflate is not None and not (self._is_gzip and part.startswith(b"\x1f\x8b")):
                    return  # padding after the end
                self._inflate = zlib.decompressobj(self._window_bits(part))
            yield from self._inflated(self._inflate, part)
            part = self._inflate.unused_data

    def _window_bits(self, start: bytes) -> int:
        if self._is_gzip:
            return zlib.MAX_WBITS | 16
        # RFC 1950, section 2.2.  Some servers send deflate without this header.
        has_header = start[0] & 15 == 8 and int.from_bytes(start[:2], "big") % 31 == 0
        return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS

    @staticmethod
    def _inflated(inflate: zlib._Decompress, part: bytes) -> Iterator[bytes]:
        inflated = None
        try:
            while inflated is None or part or len(inflated) == _MAX_PART_BYTES:
                inflated = inflate.decompress(part, _MAX_PART_BYTES)
                if inflated:
                    yield inflated
                part = inflate.unconsumed_tail
        except zlib.error as error:
            raise ValueError("broken compression") from error
