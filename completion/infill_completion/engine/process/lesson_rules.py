"""The rules about private files by which a repository is learned, and which files they were read from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from infill_completion.catalog.learned_rules import hashes_of, note_rules, noted_roots, rules_stand
from infill_completion.privacy.rules import Privacy

IsPrivate = Callable[[Path], bool]


class LessonRules:
    """A file is private by the rules of any of the roots.

    A window takes the first root that holds a file; what is learned is used in all windows on the repository.

    Args:
        ignore: The setting `privacy.ignore`.
        roots: The folders from which the rules count.
    """

    def __init__(self, ignore: Sequence[str], roots: Iterable[Path]) -> None:
        self._ignore, self._roots = ignore, tuple(dict.fromkeys(roots))
        self._files: set[Path] = set()

    def with_noted(self, folder: Path) -> LessonRules:
        """Return the rules that also count from the roots that are noted beside an adapter."""
        return LessonRules(self._ignore, [*self._roots, *noted_roots(folder)])

    def read(self) -> IsPrivate:
        """Return a function that says whether a file is private by the rules of now."""
        rules = [(Privacy(self._ignore, self._files), (root,)) for root in self._roots]
        return lambda path: any(privacy.rule_for(path.as_uri(), alone) is not None for privacy, alone in rules)

    def hashes(self) -> dict[str, str]:
        """Return a hash of each file that the verdicts so far depend on."""
        return hashes_of(self._files)

    def note(self, folder: Path, hashes: dict[str, str]) -> None:
        """Note beside an adapter by which rules it was learned.

        Raises:
            OSError: It cannot be written.
        """
        note_rules(folder, self._ignore, self._roots, hashes)

    def stand(self, folder: Path) -> bool:
        """Return whether an adapter was learned by the rules of now."""
        return rules_stand(folder, self._ignore, self._roots)
