"""The tree of all settings: names, defaults, documentation, and merging what a user wrote into it.

The same keys apply in ``~/.config/infill-ls/config.toml``, ``initializationOptions`` and ``workspace/configuration``.
A new setting is one line here or in ``engine_settings.py``: the settings tables of the documentation and the VS Code
manifest are generated from them (``make fmt``).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from infill_completion.engine_settings import EngineSettings
from infill_completion.folders import config_folder
from infill_completion.secret_files import SECRET_FILES
from infill_completion.settings_keys import globs_in, nested
from infill_completion.settings_schema import Setting, ValueType, definitions, section, setting, type_name

__all__ = [
    "CompletionSettings", "ContextSettings", "EngineSettings", "PrivacySettings", "Settings", "config_path",
    "documentation", "merge", "read_config",
]  # fmt: skip

T = TypeVar("T")


# Measured in docs/show-model.md: what each hides of all suggestions and of those that are right.
_LEAST_CONFIDENCE = {"low": 0.5, "medium": 0.5, "high": 0.3}
_WRONG_COST_CHARACTERS = {"low": 4.0, "medium": 2.0, "high": 0.0}
_LEAST_LIKELIHOOD = {"low": 0.3, "medium": 0.15, "high": 0.07}
_DEFAULT_LEAST = 0.5


@dataclass(frozen=True)
class CompletionSettings:
    """How suggestions are made."""

    enabled: bool = setting(True, "Suggest automatically. Off: only when invoked by hand.")
    temperature: float = setting(
        0.1, "Sampling temperature; 0 always picks the most likely token.", at_least=0, at_most=2
    )
    top_p: float = setting(
        0.9, "Tokens are sampled from the smallest set with this total probability.", at_least=0, at_most=1
    )
    # The servers of remote engines read it as an unsigned number of 32 bits.
    seed: int | None = setting(None, "Seed of the random numbers used for sampling.", at_least=0, at_most=2**32 - 1)
    max_tokens: int = setting(128, "Maximum number of tokens in one suggestion.", at_least=1, at_most=4096)
    candidates: int = setting(
        3, "Number of suggestions for an invoked request; an automatic request gets one.", at_least=1, at_most=10
    )
    deadline_ms: int = setting(
        1000,
        "Milliseconds after which an answer is cut at its last good boundary; an invoked one gets three times as long.",
        at_least=50,
        at_most=120_000,
    )
    debounce_ms: int | None = setting(
        None,
        "Milliseconds from a keystroke until the model is asked, the editor's own pause included. Unset: adapts to the "
        "typing rhythm and the model, down to none.",
        at_least=0,
        at_most=10_000,
    )
    ahead: str = setting(
        "auto",
        "Whether a local engine answers likely next keys before you press them: `auto` (while a core is free, not on "
        "battery), `always`, `never` (nor is what follows a suggestion computed before you accept it, or when "
        "you pause).",
        choices=("auto", "always", "never"),
    )
    multiline: str = setting(
        "auto",
        "Whether a suggestion may span lines: `auto` (decided from the syntax, and more while you pause), `never`, "
        "`always`.",
        choices=("auto", "never", "always"),
    )
    eagerness: str = setting(
        "auto",
        "How much is shown unasked: `low` (few suggestions, right more often), `medium` or `high` (many, also unsure "
        "ones). `auto`: as `medium`, of what reaches `completion.min_confidence`; if you lower that, more is shown.",
        choices=("auto", "low", "medium", "high"),
    )
    # 450 holes with the embedded model: a fifth of all suggestions is below this value, but only 0 to 2 % of
    # the correct ones.
    min_confidence: float = setting(
        0.5,
        "Automatic suggestions with a lower mean token probability are not shown, while `completion.eagerness` is "
        "`auto`.",
        at_least=0,
        at_most=1,
    )
    in_comments: bool = setting(
        True, "Suggest automatically in comments and docstrings. Off: only when invoked by hand."
    )
    in_strings: bool = setting(True, "Suggest automatically in strings. Off: only when invoked by hand.")
    languages: dict[str, bool] = setting({}, "Turns a language id on or off; `*` means all others.")

    @property
    def least_confidence(self) -> float:
        """The mean token probability that an automatic suggestion must reach."""
        return _LEAST_CONFIDENCE.get(self.eagerness, self.min_confidence)

    @property
    def wrong_cost_characters(self) -> float:
        """How many typed characters a wrong automatic suggestion is as bad as.

        Whoever lowers ``min_confidence`` wants to see more.
        """
        usual = _WRONG_COST_CHARACTERS["medium"] if self.min_confidence >= _DEFAULT_LEAST else 0.0
        return _WRONG_COST_CHARACTERS.get(self.eagerness, usual)

    @property
    def least_likelihood(self) -> float:
        """How likely all of an automatic suggestion must be right for it to grow by a line while the user pauses."""
        usual = "medium" if self.min_confidence >= _DEFAULT_LEAST else "high"
        return _LEAST_LIKELIHOOD[usual if self.eagerness == "auto" else self.eagerness]

    def is_language_enabled(self, language_id: str) -> bool:
        """Return whether suggestions are on for ``language_id``."""
        return self.languages.get(language_id, self.languages.get("*", True))


@dataclass(frozen=True)
class EditSettings:
    """How next edits are proposed."""

    enabled: bool = setting(
        True, "Propose the change that you have just made in other places where it is due, in editors that ask for it."
    )
    format: str = setting(
        "auto",
        "Format of the next-edit model that is asked where your change is due in no other place: `auto` knows Sweep's "
        "and Zed's by their names, and asks no other model; name it if yours has another name; `none` asks none.",
        choices=("auto", "sweep-2", "sweep", "zeta-2.1", "zeta-2", "none"),
    )
    deadline_ms: int = setting(
        5000, "Milliseconds after which a next-edit model is waited for no longer.", at_least=50, at_most=120_000
    )


@dataclass(frozen=True)
class ContextSettings:
    """The sources of the prompt besides the document itself."""

    open_documents: bool = setting(True, "Similar parts of other open documents.")
    imports: bool = setting(True, "Definitions of the names that the file imports.")
    recent_edits: bool = setting(True, "Places edited or visited recently.")
    workspace: bool = setting(
        True,
        "Similar parts of other files of the workspace. The local engine also counts what follows what in them.",
    )
    share: float = setting(0.25, "Largest share of the prompt budget for other files.", at_least=0, at_most=0.9)


@dataclass(frozen=True)
class PrivacySettings:
    """What is kept from the model."""

    ignore: tuple[str, ...] = setting(
        SECRET_FILES,
        "Globs (as in `.gitignore`) of files that never enter a prompt; `.gitignore` and `.infillignore` apply too.",
    )
    mask_secrets: bool = setting(True, "Keys, tokens and passwords in the text are masked before the model sees it.")
    statistics: bool = setting(
        True, "Counts on this machine what becomes of suggestions, for `infill-ls stats`: numbers, and never text, "
        "names or paths.",
        in_doubt=False,
    )  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """All settings."""

    engine: EngineSettings = section("Engine", EngineSettings)
    completion: CompletionSettings = section("Suggestions", CompletionSettings)
    edits: EditSettings = section("Next edits", EditSettings)
    context: ContextSettings = section("Context", ContextSettings)
    privacy: PrivacySettings = section("Privacy", PrivacySettings)


@cache
def documentation() -> tuple[Setting, ...]:
    """Return every setting with its documentation, in the order of the source."""
    return tuple(definitions(Settings))


# A key that is longer is a mistake of another kind; a message shows its beginning.
_MAX_SHOWN_CHARS = 80
_SECTIONS = frozenset(item.name for item in fields(Settings))


def config_path() -> Path:
    """Return the path of the user's settings file; ``INFILL_LS_CONFIG`` overrides the platform's default."""
    override = os.environ.get("INFILL_LS_CONFIG")
    return Path(override) if override else config_folder() / "config.toml"


def read_config(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the contents of a settings file and the problems with it; a missing file counts as empty."""
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))  # Windows editors may write a byte order mark
    except FileNotFoundError:
        return {}, []
    except RecursionError:
        return {}, [f"{path} is nested too deeply; correct it or remove it."]
    except (OSError, ValueError) as error:  # not UTF-8, not TOML, or a number with thousands of digits
        return {}, [f"{path} cannot be read ({error}); correct it or remove it."]
    inner = table.get("infill")
    return (inner if isinstance(inner, dict) else table), []


def merge(base: Settings, written: object, *, origin: str, trusted: bool = True) -> tuple[Settings, list[str]]:
    """Return ``base`` with the values that a user wrote.

    Args:
        base: The settings so far.
        written: A nested mapping (``{"engine": {"model": …}}``) or a flat one (``{"engine.model": …}``).
        origin: The name of its source, for messages.
        trusted: False for workspace-level files, which must not choose models or URLs.

    Returns:
        The settings, and one sentence for each key that keeps its former value.
    """
    if written is None:
        return base, []
    if not isinstance(written, Mapping):
        return base, [f"{origin}: settings must be a table, not {type_name(written)}."]
    problems: list[str] = []
    changes: dict[str, Any] = {}
    for name, table in nested(written, _SECTIONS).items():
        if name not in _SECTIONS:
            problems.append(_unknown(origin, name))
        elif isinstance(table, Mapping):
            changes[name] = _merged(getattr(base, name), table, name, origin, trusted, problems)
        elif name == "privacy" and table is not None and (globs := globs_in(table)):
            changes[name] = replace(base.privacy, ignore=(*base.privacy.ignore, *globs))
            problems.append(f"{origin}: `infill.{name}` must be a table; its globs count besides those before.")
        elif table is not None:
            problems.append(f"{origin}: `infill.{name}` must be a table, not {type_name(table)}.")
    return replace(base, **changes), problems


def _merged(base: T, table: Mapping[str, Any], name: str, origin: str, trusted: bool, problems: list[str]) -> T:
    """Return the section ``base`` with the values of ``table``, and add their problems to ``problems``."""
    known = {item.key: item for item in documentation()}
    changes: dict[str, Any] = {}
    for key, value in nested(table, _switches(name)).items():
        path = f"{name}.{key}"
        if path not in known:
            problems.append(_unknown(origin, path))
        elif known[path].trusted and not trusted:
            problems.append(f"{origin}: `infill.{path}` is only taken from user settings, never from a workspace.")
        else:
            try:
                changes[key] = known[path].checked(value)
            except ValueError as error:
                former, outcome = getattr(base, key), f"it stays {_as_before(getattr(base, key))}"
                if known[path].in_doubt is not None:
                    changes[key], outcome = known[path].in_doubt, f"it counts as {known[path].in_doubt}"
                if path == "privacy.ignore" and (globs := globs_in(value)):
                    changes[key], outcome = (*former, *globs), "its globs count besides those before"
                problems.append(f"{origin}: `infill.{path}` {error}; {outcome}.")
    return replace(base, **changes)  # type: ignore[type-var]


def _as_before(value: object) -> str:
    """Return words for a value that does not change; an address may hold a password."""
    is_address = isinstance(value, str) and "@" in value
    return "as it was" if is_address or len(repr(value)) > _MAX_SHOWN_CHARS else f"at {value!r}"


def _switches(name: str) -> set[str]:
    """Return the keys of a section that hold tables."""
    keys = (item.key for item in documentation() if item.type is ValueType.SWITCHES)
    return {key.removeprefix(f"{name}.") for key in keys if key.startswith(f"{name}.")}


def _unknown(origin: str, name: str) -> str:
    shown = " ".join(name.split())
    if len(shown) > _MAX_SHOWN_CHARS:
        shown = f"{shown[:_MAX_SHOWN_CHARS]}…"
    return f"{origin}: unknown setting `infill.{shown}`; see the settings table in the README."
