"""Counting in C: the masses and drafts that Python finds."""

from __future__ import annotations

import ctypes
import random

import pytest
from hypothesis import HealthCheck, given, settings

from infill_completion.engine.ngram.compiled import MAX_ORDER, CompiledCounts
from infill_completion.engine.ngram.index import NgramIndex
from infill_completion.engine.ngram.mixture import MixtureParameters, blend, blended
from tests.engine.model.native.int8_models import needs_compiler
from tests.engine.ngram.plain_index import PlainIndex, indexes

pytestmark = needs_compiler
PARAMETERS = MixtureParameters(bias=-1.0)


def check(compiled: NgramIndex, plain: NgramIndex) -> None:
    left, masses = blended(compiled, PARAMETERS)
    expected_left, expected = blend(plain.levels(), PARAMETERS)
    assert compiled.blend(PARAMETERS.gains) is not None
    assert left == pytest.approx(expected_left)
    assert masses == pytest.approx(expected)
    for least in (1, 2):
        assert compiled.draft(4, least) == plain.draft(4, least)


def both(index: NgramIndex, library: ctypes.CDLL) -> tuple[NgramIndex, NgramIndex]:
    compiled = index.fork()
    compiled.compiled = CompiledCounts(library)
    return compiled, index.fork()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the library is that of the session
@given(given_=indexes())
def test_what_is_compiled_agrees_with_python(
    library: ctypes.CDLL, given_: tuple[PlainIndex, NgramIndex, list[int]]
) -> None:
    compiled, plain = both(given_[1], library)
    check(compiled, plain)
    for id_ in given_[2]:
        compiled.append(id_)
        plain.append(id_)
        check(compiled, plain)


def test_long_texts_with_many_tokens_agree_too(library: ctypes.CDLL) -> None:
    chance = random.Random(0)
    text = [min(int(chance.paretovariate(0.4)), 60_000) for _ in range(6000)]
    compiled, plain = both(NgramIndex([text[:900], text[1000:]], text[900:1000], end_token=7, end_tokens=1), library)
    for id_ in text[300:340]:
        check(compiled, plain)
        compiled.append(id_)
        plain.append(id_)


def test_a_growing_index_finds_its_tokens_again(library: ctypes.CDLL) -> None:
    compiled, plain = both(NgramIndex([[1]]), library)
    for id_ in [1, 2, 3, 1, 2, 4] * 300:
        compiled.append(id_)
        plain.append(id_)
    check(compiled, plain)


def test_longer_matches_than_the_compiled_code_knows_are_left_to_python(library: ctypes.CDLL) -> None:
    text = [*range(2 * MAX_ORDER), *range(2 * MAX_ORDER - 1)]
    compiled, plain = both(NgramIndex([text], max_order=MAX_ORDER + 1), library)
    assert compiled.blend(PARAMETERS.gains) is None
    assert blended(compiled, PARAMETERS) == blend(plain.levels(), PARAMETERS)
    assert compiled.draft(1) == [2 * MAX_ORDER - 1]
