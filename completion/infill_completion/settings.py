"""The one tree of settings: names, defaults, documentation and the check of what a user wrote.

The same keys serve ``~/.config/infill-ls/config.toml``, ``initializationOptions`` and ``workspace/configuration``.
The README table and the VS Code manifest are made from this file, so a key is documented where it is defined.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from infill_completion.folders import config_folder

T = TypeVar("T")


def _setting(
    default: Any,
    doc: str,
    *,
    choices: tuple[str, ...] = (),
    at_least: float | None = None,
    at_most: float | None = None,
    trusted: bool = False,
) -> Any:
    """Define one setting; ``trusted`` ones are never taken from files of a workspace."""
    metadata = {"doc": doc, "choices": choices, "at_least": at_least, "at_most": at_most, "trusted": trusted}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class EngineSettings:
    """Which engine answers and how it runs its model."""

    url: str | None = _setting(
        None,
        "HTTP(S) URL of a remote engine such as vLLM. Unset: the local engine, shared by all windows.",
        trusted=True,
    )
    api: str = _setting(
        "openai",
        "How to talk to `engine.url`: `openai` (`/v1/completions`), `llama.cpp` (`/infill`) or `ollama`.",
        choices=("openai", "llama.cpp", "ollama"),
        trusted=True,
    )
    api_key_env: str | None = _setting(
        None, "Name of the environment variable that holds the API key of `engine.url`.", trusted=True
    )
    model: str = _setting(
        "auto",
        "Hub id or path of a model. `auto` takes the best cached model that fits the GPU, else the embedded "
        "one. Nothing is downloaded unasked.",
        trusted=True,
    )
    quantization: str = _setting(
        "auto",
        "`nf4`, `int8` or `none`; `auto` is `nf4` on CUDA, `int8` on a CPU that is faster with it, else `none`.",
        choices=("auto", "nf4", "int8", "none"),
    )
    device: str = _setting("auto", "`auto`, `cuda`, `cuda:1`, `mps`, `xpu` or `cpu`; `auto` takes the best there is.")
    context_tokens: int = _setting(4096, "Prompt budget in tokens.", at_least=64, at_most=131_072)
    idle_unload_s: float = _setting(
        900.0, "Seconds without a request after which the weights leave memory.", at_least=1
    )
    idle_exit_s: float = _setting(1800.0, "Seconds without a request after which the engine ends.", at_least=1)


@dataclass(frozen=True)
class CompletionSettings:
    """How suggestions are made."""

    enabled: bool = _setting(True, "Off: no suggestion unless it is invoked by hand.")
    temperature: float = _setting(
        0.1, "Sampling temperature; 0 always takes the likeliest token.", at_least=0, at_most=2
    )
    top_p: float = _setting(
        0.9, "Tokens are drawn from the smallest set with this probability mass.", at_least=0, at_most=1
    )
    seed: int | None = _setting(None, "Fixes the random numbers of sampling.")
    max_tokens: int = _setting(128, "Most tokens of one suggestion.", at_least=1, at_most=4096)
    candidates: int = _setting(
        3, "Suggestions for an invoked request; an automatic one gets one.", at_least=1, at_most=10
    )
    deadline_ms: int = _setting(1000, "An answer is cut at the last good boundary after this time.", at_least=50)
    debounce_ms: int | None = _setting(
        None, "Wait after a keystroke before the model is asked. Unset: adapts to the typing rhythm.", at_least=0
    )
    multiline: str = _setting(
        "auto",
        "Whether a suggestion may span lines: `auto` (decided from the syntax), `never`, `always`.",
        choices=("auto", "never", "always"),
    )
    # 450 holes, the embedded model: a fifth of all suggestions is below it, and 0 to 2 % of the right ones.
    min_confidence: float = _setting(
        0.5, "Automatic suggestions below this mean token probability are not shown.", at_least=0, at_most=1
    )
    languages: dict[str, bool] = _setting({}, "Switches a language id on or off; `*` stands for all others.")

    def speaks(self, language_id: str) -> bool:
        """Tell whether suggestions are on for ``language_id``."""
        return self.languages.get(language_id, self.languages.get("*", True))


@dataclass(frozen=True)
class ContextSettings:
    """Which sources besides the document feed the prompt."""

    open_documents: bool = _setting(True, "Similar parts of other open documents.")
    imports: bool = _setting(True, "Definitions behind the file's imports.")
    recent_edits: bool = _setting(True, "Places edited or visited lately.")
    workspace: bool = _setting(True, "Similar parts of other files of the workspace.")
    share: float = _setting(0.25, "Most of the prompt budget that other files may take.", at_least=0, at_most=0.9)


@dataclass(frozen=True)
class PrivacySettings:
    """What never reaches a model."""

    ignore: tuple[str, ...] = _setting(
        (
            "**/.env",
            "**/.env.*",
            "**/*.pem",
            "**/*.key",
            "**/*.p12",
            "**/*.pfx",
            "**/*.kdbx",
            "**/id_rsa*",
            "**/id_ed25519*",
            "**/.netrc",
            "**/.pgpass",
            "**/.npmrc",
            "**/.pypirc",
            "**/secrets.*",
            "**/credentials*",
        ),
        "Globs (as in .gitignore) of files that never enter a prompt; `.gitignore` and `.infillignore` count too.",
    )
    mask_secrets: bool = _setting(True, "Keys, tokens and passwords in the text are masked before the model sees it.")


@dataclass(frozen=True)
class Settings:
    """All settings."""

    engine: EngineSettings = field(default_factory=EngineSettings)
    completion: CompletionSettings = field(default_factory=CompletionSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)


def config_path() -> Path:
    """Return where the user's settings file lives; ``INFILL_LS_CONFIG`` overrides the platform's place."""
    override = os.environ.get("INFILL_LS_CONFIG")
    return Path(override) if override else config_folder() / "config.toml"


def read_config(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the table of a settings file and what is wrong with it; a missing file is an empty table."""
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))  # some editors of Windows begin a file with a mark
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return {}, [f"{path} cannot be read ({error}); correct it or remove it."]
    inner = table.get("infill")
    return (inner if isinstance(inner, dict) else table), []


def merge(base: Settings, written: object, *, origin: str, trusted: bool = True) -> tuple[Settings, list[str]]:
    """Lay what a user wrote over ``base``.

    Args:
        base: The settings so far.
        written: A nested mapping (``{"engine": {"model": …}}``) or a flat one (``{"engine.model": …}``).
        origin: Where it was written, for messages.
        trusted: False for workspace-level files, which may not name commands, models or URLs.

    Returns:
        The settings, and one sentence for each key that was left at its former value.
    """
    if written is None:
        return base, []
    if not isinstance(written, Mapping):
        return base, [f"{origin}: settings must be a table, not {_kind(written)}."]
    problems: list[str] = []
    return _merged(base, _nested(written), "", origin, trusted, problems), problems


def _nested(written: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in written.items():
        section, dot, rest = str(key).partition(".")
        if dot and section in {"engine", "completion", "context", "privacy"}:
            inner = nested.setdefault(section, {})
            if isinstance(inner, dict):
                inner[rest] = value
        elif isinstance(value, Mapping) and isinstance(nested.get(section), dict):
            nested[section].update(value)
        else:
            nested[str(key)] = dict(value) if isinstance(value, Mapping) else value
    return nested


def _merged(base: T, written: Mapping[str, Any], path: str, origin: str, trusted: bool, problems: list[str]) -> T:
    known = {item.name: item for item in fields(base)}  # type: ignore[arg-type]
    hints = get_type_hints(type(base))
    changes: dict[str, Any] = {}
    for key, value in written.items():
        name = f"{path}{key}"
        if key not in known:
            problems.append(f"{origin}: there is no setting `infill.{name}`; see the settings table in the README.")
        elif is_dataclass(current := getattr(base, key)):
            if isinstance(value, Mapping):
                changes[key] = _merged(current, value, f"{name}.", origin, trusted, problems)
            elif value is not None:
                problems.append(f"{origin}: `infill.{name}` must be a table, not {_kind(value)}.")
        elif known[key].metadata["trusted"] and not trusted:
            problems.append(f"{origin}: `infill.{name}` is only taken from user settings, never from a workspace.")
        else:
            try:
                changes[key] = _checked(value, hints[key], known[key].metadata)
            except ValueError as error:
                problems.append(f"{origin}: `infill.{name}` {error}; it stays at {getattr(base, key)!r}.")
    return replace(base, **changes)  # type: ignore[type-var]


def _checked(value: Any, hint: Any, limits: Mapping[str, Any]) -> Any:
    """Return ``value`` as the type ``hint``, or raise ValueError with the end of a sentence."""
    options = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    # An editor's page of settings leaves an empty text where the user took the value away.
    if value is None or value == "auto" or value == "":  # noqa: PLR1714  # a list has no hash
        if NoneType in options:
            return None
        if value is None:
            raise ValueError("must not be null")
    kind = next(option for option in options if option is not NoneType)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise ValueError("must be a list of strings")
        return tuple(value)
    if get_origin(kind) is dict:
        if not isinstance(value, Mapping) or not all(isinstance(item, bool) for item in value.values()):
            raise ValueError("must be a table of true and false")
        return dict(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise ValueError(f"must be {_NAMES[kind]}, not {_kind(value)}")
    if limits["choices"] and value not in limits["choices"]:
        raise ValueError(f"must be one of {', '.join(limits['choices'])}")
    if limits["at_least"] is not None and not value >= limits["at_least"]:
        raise ValueError(f"must be at least {limits['at_least']}")
    if limits["at_most"] is not None and not value <= limits["at_most"]:
        raise ValueError(f"must be at most {limits['at_most']}")
    return value


_NAMES = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


def _kind(value: object) -> str:
    return {dict: "a table", list: "a list", NoneType: "null"}.get(type(value)) or _NAMES.get(type(value), "that")


@dataclass(frozen=True)
class Documented:
    """One row of the settings table."""

    key: str
    type: Any
    default: Any
    doc: str
    choices: tuple[str, ...]
    at_least: float | None
    at_most: float | None
    trusted: bool


def documentation() -> list[Documented]:
    """Return every setting with its documentation, in the order of the source."""
    rows = []
    for section in fields(Settings):
        kind = get_type_hints(Settings)[section.name]
        hints, default = get_type_hints(kind), kind()
        for item in fields(kind):
            key, value = f"{section.name}.{item.name}", getattr(default, item.name)
            rows.append(Documented(key, hints[item.name], value, **item.metadata))
    return rows
