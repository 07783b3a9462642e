"""Commit messages, rebase plans and patches: text about other files, which often repeats what was removed from them."""

from __future__ import annotations

from pathlib import PurePosixPath

_LANGUAGES = frozenset(
    (
        "git-commit",
        "gitcommit",
        "git-rebase",
        "gitrebase",
        "git_commit",
        "git_rebase",
        "diff",
        "patch",
        "fugitive",
        "scminput",
    )
)
_NAMES = frozenset(
    ("COMMIT_EDITMSG", "MERGE_MSG", "SQUASH_MSG", "TAG_EDITMSG", "NOTES_EDITMSG", "EDIT_DESCRIPTION", "git-rebase-todo")
)
_ENDINGS = (".diff", ".patch", ".rej")


def is_draft(uri: str, language_id: str) -> bool:
    """Return whether a document describes a change, so that its text is useless as context for other documents."""
    name = PurePosixPath(uri.partition("?")[0].partition("#")[0]).name
    return language_id in _LANGUAGES or name in _NAMES or name.lower().endswith(_ENDINGS)
