"""What was learned in the repositories of a workspace, and which of it may be used now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from infill_server.lsp.import_turns import import_in_turn

if TYPE_CHECKING:
    from infill_completion.settings import Settings


@dataclass(frozen=True)
class LearnedAdapters:
    """The adapters of a workspace's repositories.

    Attributes:
        permitted: The files that may be used; the first is.
        in_doubt: The repositories in which a rule about private files has changed since.
    """

    permitted: tuple[str, ...]
    in_doubt: frozenset[Path]


def learned_adapters(settings: Settings, roots: Sequence[Path]) -> LearnedAdapters:
    """Return the adapters for the folders of a workspace, which can lie in several repositories; reads files."""
    for name in ("catalog.learned", "privacy.git.repository"):  # windows call this in a thread
        import_in_turn(f"infill_completion.{name}")
    from infill_completion.catalog.learned import adapter_path
    from infill_completion.catalog.learned_rules import rules_stand

    permitted, in_doubt = list[str](), set[Path]()
    for top in dict.fromkeys(map(top_of, roots)):
        file = adapter_path(top, settings.engine.model)
        if file is None:
            continue
        if rules_stand(file.parent, settings.privacy.ignore, [root for root in roots if _concerns(root, top)]):
            permitted.append(str(file))
        else:
            in_doubt.add(top)
    return LearnedAdapters(tuple(permitted), frozenset(in_doubt))


def with_learned(settings: Settings, roots: Sequence[Path]) -> Settings:
    """Return settings that name the adapter of the workspace's repository, if they ask for it and there is one.

    An adapter of a model that the settings do not name is left out: it would only give each repository an engine of its
    own.  So is one from before a change of the rules about private files, until a process has looked at it.
    """
    engine = settings.engine
    if not engine.learn or engine.adapter is not None or engine.url is not None:
        return settings
    found = learned_adapters(settings, roots).permitted
    return replace(settings, engine=replace(engine, adapter=found[0])) if found else settings


def top_of(folder: Path) -> Path:
    """Return the top of a folder's repository, or the folder."""
    from infill_completion.privacy.git.repository import repository_of

    return repository_of(folder / "file") or folder


def _concerns(root: Path, top: Path) -> bool:
    """Return whether files of a repository can lie below a folder of the workspace."""
    return root.is_relative_to(top) or top.is_relative_to(root)
