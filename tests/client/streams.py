"""Bytes that arrive in pieces, as hypothesis chooses them."""

from __future__ import annotations

from hypothesis import strategies as st


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Return ``data`` cut at these places, which count modulo its length; some pieces may be empty."""
    places = sorted(cut % (len(data) + 1) for cut in cuts)
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


CUTS = st.lists(st.integers(0, 1 << 16), max_size=12)
