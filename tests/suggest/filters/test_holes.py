import os

import pytest

from tests.suggest.filters.holes import LANGUAGES, errors_in, faults, holes, worse

# Cursors of each language; the tests run some of them, `INFILL_HOLES` says how many.
CURSORS = int(os.environ.get("INFILL_HOLES", "150"))
SEED = int(os.environ.get("INFILL_SEED", "0"))


@pytest.mark.parametrize("language_id", LANGUAGES)
def test_what_is_cut_from_a_file_comes_through_untouched(language_id: str) -> None:
    tried, found = faults(language_id, SEED, CURSORS)
    print(f"{language_id}: {tried} cursors, {len(found)} faults")
    shown = [(hole.path.name, hole.kind, hole.text, [step.name for step in result.steps]) for hole, result in found]
    assert not shown
    assert tried >= CURSORS // 2


@pytest.mark.parametrize("language_id", [language for language in LANGUAGES if errors_in("", language) is not None])
def test_what_a_model_makes_of_it_never_leaves_more_syntax_errors(language_id: str) -> None:
    tried, found = worse(language_id, SEED, CURSORS)
    print(f"{language_id}: {tried} mutations, {len(found)} left more syntax errors")
    assert not [(hole.path.name, hole.kind, name, text) for hole, name, text in found]
    assert tried >= CURSORS // 2


def test_holes_depend_on_the_seed_alone() -> None:
    first, again = holes("python", 3), holes("python", 3)
    assert [next(first) for _ in range(20)] == [next(again) for _ in range(20)]
