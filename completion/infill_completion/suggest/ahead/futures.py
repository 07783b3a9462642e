"""What the user may do next at a cursor, and how likely each of these is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infill_completion.document.lines import indent_of
from infill_completion.document.view import View
from infill_completion.languages.registry import traits_of
from infill_completion.languages.traits import opens_block
from infill_completion.suggest.reuse.memory import Offer, Recalled, Reuse

# A key must be so likely, from 0 to 1, for its answer to be worth computing: less likely ones cost more processor time
# than they save the user in waiting. So many keys are tried at most.
LEAST_SHARE = 0.05
MOST_KEYS = 4
# The end of the model's answer, in the engine's report of what it may write next.
_END = ""
# A suggestion that is shown unasked is accepted about as often.
_ACCEPTED_SHARE = 0.4
# To read so many characters more takes about as long as to write an answer.
_CHARACTERS_PER_ANSWER = 100


@dataclass(frozen=True)
class Future:
    """A cursor that the user may reach with the next key.

    Attributes:
        view: The cursor.
        share: How likely the user gets there, from 0 to 1.
        cost: What its answer costs, in answers after a single character.
        is_key: Whether a single key leads there, not the acceptance of a suggestion.
    """

    view: View
    share: float
    cost: float = 1.0
    is_key: bool = True


def after_accepting(view: View, offer: Offer) -> Future:
    """Return where the user is after accepting ``offer``, shown at ``view``."""
    cost = 1.0 + len(offer.text) / _CHARACTERS_PER_ANSWER
    return Future(view.after(offer.text, offer.replaced), _ACCEPTED_SHARE, cost, is_key=False)


def likely_futures(view: View, recalled: Recalled) -> list[Future]:
    """Return where the user may be after the next key, what is most worth computing first.

    Args:
        view: The cursor.
        recalled: The answer there.
    """
    futures = [after_accepting(view, recalled.offers[0])] if recalled.offers else []
    if recalled.how in {Reuse.SAME, Reuse.TYPED}:
        futures += _after_keys(view, recalled.entry.foresight.after(recalled.typed))
    return sorted(futures, key=lambda future: future.share / future.cost, reverse=True)


def _after_keys(view: View, shares: Mapping[str, float]) -> list[Future]:
    """Return the cursors after the likeliest keys; the model knows the letters, and where the line ends."""
    keys: dict[str, float] = {}
    for character, share in shares.items():
        if (text := _typed(view, character)) is not None:
            keys[text] = keys.get(text, 0.0) + share
    likeliest = sorted(keys, key=keys.__getitem__, reverse=True)[:MOST_KEYS]
    return [Future(view.after(text, 0), keys[text]) for text in likeliest if keys[text] >= LEAST_SHARE]


def _typed(view: View, character: str) -> str | None:
    """Return the text that a key adds to the document; None where that is not known.

    Editors indent the line after Enter as the one before; deeper where that opens a block, by an unknown width.
    """
    if character not in {_END, "\n"}:
        return character
    before = view.window.before
    if view.window.rest.strip() or not before.strip() or opens_block(before, traits_of(view.language_id)):
        return None
    return "\n" + indent_of(before)
