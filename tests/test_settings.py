"""Settings that users write, and the messages about wrong ones."""

from pathlib import Path

import pytest

from infill_completion.settings import Settings, documentation, merge, read_config
from infill_completion.settings_schema import ValueType


def test_later_sources_win_and_keep_all_other_values():
    settings, problems = merge(Settings(), {"completion": {"temperature": 0.4, "max_tokens": 64}}, origin="file")
    settings, more = merge(settings, {"completion.temperature": 0}, origin="editor")
    assert not problems + more
    assert (settings.completion.temperature, settings.completion.max_tokens) == (0.0, 64)
    assert settings.engine == Settings().engine


def test_nested_and_flat_keys_of_one_section_are_merged():
    written = {"engine.context_tokens": 512, "engine": {"device": "cpu"}, "engine.quantization": "none"}
    settings, problems = merge(Settings(), written, origin="editor")
    assert not problems
    assert (settings.engine.context_tokens, settings.engine.device, settings.engine.quantization) == (
        512,
        "cpu",
        "none",
    )


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"completion": {"temperatur": 1}}, "unknown setting `infill.completion.temperatur`"),
        ({"completion": {"temperature": "hot"}}, "must be a number, not a string"),
        ({"completion": {"temperature": 3}}, "must be at most 2"),
        ({"completion": {"temperature": float("nan")}}, "must be at least 0"),
        ({"completion": {"temperature": 10**400}}, "must be at most 2"),
        ({"completion": {"temperature": -(10**400)}}, "must be at least 0"),
        ({"completion": {"temperature": float("1e999")}}, "must be at most 2"),
        ({"engine": {"idle_unload_s": 10**400}}, "must be at most 31536000"),
        ({"engine": {"idle_unload_s": float("inf")}}, "must be at most 31536000"),
        ({"engine": {"idle_exit_s": 1e12}}, "must be at most 31536000"),
        ({"engine": {"idle_unload_s": float("nan")}}, "must be at least 1"),
        ({"completion": {"max_tokens": 10**400}}, "must be at most 4096"),
        ({"completion": {"deadline_ms": 10**400}}, "must be at most 120000"),
        ({"completion": {"deadline_ms": 120_001}}, "must be at most 120000"),
        ({"completion": {"debounce_ms": 10_001}}, "must be at most 10000"),
        ({"completion": {"seed": -1}}, "must be at least 0"),
        ({"completion": {"seed": 2**32}}, "must be at most 4294967295"),
        ({"completion": {"max_tokens": 12.5}}, "must be a whole number, not a number"),
        ({"completion": {"max_tokens": True}}, "must be a whole number, not true or false"),
        ({"completion": {"max_tokens": None}}, "must not be null"),
        ({"completion": {"multiline": "sometimes"}}, "must be one of auto, never, always"),
        ({"completion": {"languages": {"python": "on"}}}, "must be a table of true and false"),
        ({"completion": 7}, "must be a table, not a whole number"),
        ({"privacy": {"ignore": 5}}, "must be a list of strings; it stays as it was"),
        ([1, 2], "settings must be a table, not a list"),
    ],
)
def test_a_wrong_value_is_named_and_the_former_value_stays(written, sentence):
    settings, problems = merge(Settings(), written, origin="editor")
    assert settings == Settings()
    assert len(problems) == 1
    assert sentence in problems[0]
    assert problems[0].startswith("editor: ")


@pytest.mark.parametrize(
    ("written", "globs"),
    [
        ("*.sql", ("*.sql",)),
        (["*.sql", 5, ["x"], "b/"], ("*.sql", "b/")),
        ({"**/*.sql": True, "*.py": False, "c": {"when": "x"}}, ("**/*.sql", "c")),
    ],
)
@pytest.mark.parametrize("key", [lambda value: {"privacy": {"ignore": value}}, lambda value: {"privacy.ignore": value}])
def test_globs_of_private_files_count_even_if_they_are_no_list(written, globs, key):
    settings, [problem] = merge(Settings(), key(written), origin="editor")
    assert settings.privacy.ignore == (*Settings().privacy.ignore, *globs)
    assert "must be a list of strings; its globs count besides those before" in problem
    assert len(problem) < 200


@pytest.mark.parametrize(("written", "globs"), [(["*.sql", 5], ("*.sql",)), ("*.sql", ("*.sql",))])
def test_globs_of_private_files_count_even_if_they_stand_alone(written, globs):
    settings, [problem] = merge(Settings(), {"privacy": written}, origin="editor")
    assert settings.privacy.ignore == (*Settings().privacy.ignore, *globs)
    assert "`infill.privacy` must be a table; its globs count besides those before" in problem


def test_every_number_has_two_bounds():
    numbers = [item for item in documentation() if item.type in {ValueType.INTEGER, ValueType.NUMBER}]
    assert len(numbers) >= 10
    assert all(item.at_least is not None and item.at_most is not None for item in numbers)


def test_one_wrong_key_does_not_affect_the_others():
    settings, problems = merge(Settings(), {"completion": {"top_p": 0.5, "top_k": 3}}, origin="editor")
    assert settings.completion.top_p == 0.5
    assert len(problems) == 1


def test_auto_and_null_unset_optional_settings():
    base, _ = merge(Settings(), {"completion": {"debounce_ms": 100, "seed": 7}}, origin="file")
    settings, problems = merge(base, {"completion": {"debounce_ms": "auto", "seed": None}}, origin="editor")
    assert not problems
    assert settings.completion.debounce_ms is None
    assert settings.completion.seed is None


def test_a_workspace_cannot_choose_the_engine():
    written = {"engine": {"url": "http://elsewhere", "model": "their/model", "context_tokens": 512}}
    settings, problems = merge(Settings(), written, origin="workspace", trusted=False)
    assert settings.engine.url is None
    assert settings.engine.model == "auto"
    assert settings.engine.context_tokens == 512
    assert len(problems) == 2


def test_a_settings_file_may_omit_the_infill_section(tmp_path: Path):
    for text in ("[infill.completion]\ntop_p = 0.5\n", "[completion]\ntop_p = 0.5\n"):
        path = tmp_path / "config.toml"
        path.write_text(text)
        table, problems = read_config(path)
        assert not problems
        assert merge(Settings(), table, origin="file")[0].completion.top_p == 0.5


def test_a_missing_file_is_ignored_and_a_broken_one_is_named(tmp_path: Path):
    assert read_config(tmp_path / "none.toml") == ({}, [])
    broken = tmp_path / "config.toml"
    for text in ("[completion\n", f"[completion]\nseed = {5000 * '9'}\n"):
        broken.write_text(text)
        table, problems = read_config(broken)
        assert table == {}
        assert str(broken) in problems[0]


def test_languages_are_on_unless_switched_off():
    settings, _ = merge(Settings(), {"completion": {"languages": {"markdown": False}}}, origin="file")
    assert not settings.completion.is_language_enabled("markdown")
    assert settings.completion.is_language_enabled("python")
    only, _ = merge(Settings(), {"completion": {"languages": {"*": False, "python": True}}}, origin="file")
    assert only.completion.is_language_enabled("python")
    assert not only.completion.is_language_enabled("markdown")


def test_every_setting_is_documented_in_a_sentence():
    rows = documentation()
    assert len({row.key for row in rows}) == len(rows) > 20
    for row in rows:
        assert row.doc.endswith("."), row.key


def test_an_empty_string_unsets_an_optional_setting() -> None:
    base, _ = merge(Settings(), {"engine.url": "http://h:1", "engine.api_key_env": "KEY"}, origin="file")
    settings, problems = merge(base, {"engine": {"url": "", "api_key_env": ""}}, origin="editor")
    assert (settings.engine.url, settings.engine.api_key_env, problems) == (None, None, [])


def test_a_settings_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbf[completion]\r\nseed = 4\r\n")
    assert read_config(tmp_path / "config.toml") == ({"completion": {"seed": 4}}, [])


@pytest.mark.parametrize(("given", "expected"), [(8, 8), (16, 16), (12, 16), (4, 16), ("some", 16), (None, 16)])
def test_bits_of_keys_and_values_are_one_of_two_numbers(given, expected):
    settings, problems = merge(Settings(), {"engine": {"kv_bits": given}}, origin="editor")
    assert settings.engine.kv_bits == expected
    assert bool(problems) == (given not in {8, 16})
