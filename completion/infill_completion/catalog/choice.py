"""The choice of ``auto`` among the models on this machine: the best published quality that fits and keeps the deadline.

Everything here is arithmetic on figures that others gathered, so that it can be tested for every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infill_completion.catalog.known import MODELS, KnownModel, Support
from infill_completion.catalog.licences import licence
from infill_completion.catalog.quality import EQUAL_POINTS, quality
from infill_completion.catalog.speed import ModelSpeed

_CPU_SHARE = 0.6  # the rest of the free memory belongs to the user's other programs
_FAMILY = "codellama/"


@dataclass(frozen=True)
class Option:
    """A known model that could be loaded.

    Attributes:
        model: The model.
        needed_bytes: Memory for weights, keys and values and the workspace.
        speed: Its speed here.
        obstacle: Why it cannot be loaded at all, as the rest of a sentence; empty if it can.
        is_own: Whether the user made this checkpoint, and so wants it even without a published figure.
    """

    model: KnownModel
    needed_bytes: int = 0
    speed: ModelSpeed | None = None
    obstacle: str = ""
    is_own: bool = False


@dataclass(frozen=True)
class PassedOver:
    """A model that is here and was not taken; ``reason`` is the rest of a sentence that begins with its name."""

    model: str
    reason: str


@dataclass(frozen=True)
class AutoChoice:
    """The option that ``auto`` takes, None for the embedded model, and the others."""

    option: Option | None
    passed_over: tuple[PassedOver, ...] = ()


@dataclass(frozen=True)
class Room:
    """What a model has to keep to.

    Attributes:
        device: The device, as users see it.
        free_bytes: Memory that is free there; None if unknown.
        deadline_ms: Time for an answer.
    """

    device: str
    free_bytes: int | None
    deadline_ms: float

    @property
    def usable_bytes(self) -> int | None:
        """The memory that a model may take."""
        if self.free_bytes is None:
            return None
        return int(self.free_bytes * _CPU_SHARE) if self.device.startswith("cpu") else self.free_bytes

    def obstacle(self, option: Option) -> str:
        """Return why an option cannot be taken here, as the rest of a sentence; empty if it can."""
        if option.obstacle:
            return option.obstacle
        if quality(option.model.id) is None and not option.is_own:
            return "has no published figure for infilling a line; name it in engine.model to use it"
        usable = self.usable_bytes
        if usable is not None and option.needed_bytes > usable:
            return f"needs {_gib(option.needed_bytes)}, and {self.device} has {_gib(usable)} to spare"
        return "" if option.speed is None else option.speed.too_slow(self.deadline_ms)


def choose(options: Sequence[Option], room: Room) -> AutoChoice:
    """Return the best of the options that can be taken, and why each of the others was not.

    Among those whose figures are equal, see :data:`EQUAL_POINTS`, CodeLlama comes first, then the higher figure.
    """
    obstacles = {option.model.id: room.obstacle(option) for option in options}
    able = [option for option in options if not obstacles[option.model.id]]
    best = best_of(able)
    passed = []
    for option in options:
        if reason := obstacles[option.model.id]:
            passed.append(PassedOver(option.model.id, reason))
        elif best is not None and option is not best:
            passed.append(PassedOver(option.model.id, _worse(option.model, best.model)))
    return AutoChoice(best, tuple(passed))


def best_of(options: Sequence[Option]) -> Option | None:
    """Return the option with the best figure, CodeLlama first among equals; None without options."""
    if not options:
        return None
    highest = max(_percent(option.model) for option in options)
    equal = [option for option in options if _percent(option.model) >= highest - EQUAL_POINTS]
    return max(equal, key=lambda option: (option.model.id.startswith(_FAMILY), *_rank(option.model)))


def better_to_pull(options: Iterable[Option], room: Room, chosen: KnownModel | None) -> Option | None:
    """Return the best of the options that can be taken here and is better than the choice; None if none is.

    Among equals one whose licence needs no question comes first.
    """
    least = -1.0 if chosen is None else _percent(chosen) + EQUAL_POINTS
    able = [option for option in options if not room.obstacle(option) and _percent(option.model) > least]
    if not able:
        return None
    highest = max(_percent(option.model) for option in able)
    equal = [option for option in able if _percent(option.model) >= highest - EQUAL_POINTS]
    free = [option for option in equal if (found := licence(option.model.id)) is not None and not found.concern]
    return best_of(free or equal)


def next_smaller(name: str, here: Iterable[str]) -> KnownModel | None:
    """Return the best smaller model that infills: of those on this machine, else of all; None if there is none.

    Args:
        name: Id of the model that is too slow.
        here: Ids of the models on this machine.
    """
    known = {model.id: model for model in MODELS}
    current = known.get(name)
    if current is None or current.shape is None:
        return None
    size = current.shape.parameters * 0.7  # a little smaller is hardly faster
    smaller = [
        Option(model) for model in MODELS
        if model.support is Support.INFILLS and quality(model.id) is not None
        and model.shape is not None and model.shape.parameters <= size
    ]  # fmt: skip
    present = set(here)
    best = best_of([option for option in smaller if option.model.id in present]) or best_of(smaller)
    return None if best is None else best.model


def _percent(model: KnownModel) -> float:
    figure = quality(model.id)
    return 0.0 if figure is None else figure.percent


def _rank(model: KnownModel) -> tuple[float, int]:
    return _percent(model), 0 if model.shape is None else model.shape.parameters


def _worse(model: KnownModel, best: KnownModel) -> str:
    if quality(model.id) is None:
        return f"has no published figure, and {best.id} has one"
    if _percent(model) >= _percent(best) - EQUAL_POINTS:
        return f"is as good as {best.id} ({_percent(model):.1f} % and {_percent(best):.1f} % of single lines)"
    return f"is not as good as {best.id} ({_percent(model):.1f} % and {_percent(best):.1f} % of single lines)"


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
