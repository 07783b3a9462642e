"""Settings come in layers, and each problem is reported once."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_completion.settings import Settings
from infill_server.configuration import Configuration


def test_later_layers_win_in_any_order_of_arrival(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[infill.completion]\nmax_tokens = 1\ntop_p = 0.1\nseed = 1\n")
    configuration = Configuration()
    configuration.live({"completion": {"seed": 3}})
    configuration.initialize({"completion.top_p": 0.2, "completion.seed": 2})
    assert configuration.read_file(path) == []
    completion = configuration.settings.completion
    assert (completion.max_tokens, completion.top_p, completion.seed) == (1, 0.2, 3)


@pytest.mark.parametrize("written", [None, {}, {"infill": None}, {"infill": {}}, {"completion": {"seed": None}}])
def test_unset_settings_change_nothing(written: object) -> None:
    configuration = Configuration()
    assert configuration.live(written) == []
    assert configuration.settings == Settings()


def test_a_replaced_layer_is_discarded() -> None:
    configuration = Configuration()
    configuration.live({"infill": {"completion": {"max_tokens": 5}}})
    configuration.live({"infill": {"completion": {"candidates": 2}}})
    assert configuration.settings.completion.max_tokens == Settings().completion.max_tokens
    assert configuration.settings.completion.candidates == 2


def test_a_problem_is_reported_once() -> None:
    configuration = Configuration()
    [problem] = configuration.live({"completion": {"max_token": 5}})
    assert "infill.completion.max_token" in problem
    assert configuration.live({"completion": {"max_token": 5}}) == []
    assert configuration.initialize({"engine": {"context_tokens": 1024}}) == []


def test_a_mistake_that_an_editor_sends_in_two_ways_is_reported_once() -> None:
    configuration = Configuration()
    assert len(configuration.initialize({"engine": {"model": 5}})) == 1
    assert configuration.live({"infill": {"engine": {"model": 5}}}) == []


def test_options_that_are_not_a_table_are_named() -> None:
    assert "initializationOptions" in Configuration().initialize([1])[0]


def test_options_meant_for_another_server_are_accepted() -> None:
    assert Configuration().initialize({"editorInfo": {"name": "vim"}, "editorPluginInfo": {"name": "x"}}) == []


def test_the_session_switch_wins_until_the_editor_changes_the_setting() -> None:
    configuration = Configuration()
    configuration.live({"completion": {"enabled": True}})
    configuration.switch(enabled=False)
    configuration.live({"completion": {"enabled": True, "seed": 4}})
    assert not configuration.settings.completion.enabled
    configuration.live({"completion.enabled": False})
    configuration.live({"completion.enabled": True})
    assert configuration.settings.completion.enabled


def test_settings_pushed_for_other_servers_change_nothing() -> None:
    configuration = Configuration()
    configuration.pushed({"infill": {"completion": {"seed": 4}}, "gopls": {}})
    assert configuration.pushed({"pylsp": {"plugins": {}}, "gopls": {}}) == []
    assert configuration.settings.completion.seed == 4
    configuration.pushed({"completion.seed": 5})
    assert configuration.settings.completion.seed == 5


DOTTED = [
    {"infill.completion.enabled": False},
    {"infill.completion": {"enabled": False}},
    {"infill": {"completion.enabled": False}},
    {"infill": {"completion": {"enabled": False}}},
    {"completion.enabled": False},
    {"completion": {"enabled": False}},
    {"infill": {}, "infill.completion.enabled": False},
    {"infill": {"completion": {"seed": 1}}, "infill.completion": {"enabled": False}},
    {"infill.completion.enabled": False, "python.analysis.enabled": True, "editor": {"tabSize": 2}},
]


@pytest.mark.parametrize("written", DOTTED)
@pytest.mark.parametrize("way", ["initialize", "live", "pushed"])
def test_dotted_keys_are_settings_however_they_arrive(written: object, way: str) -> None:
    configuration = Configuration()
    assert getattr(configuration, way)(written) == []
    assert configuration.settings.completion.enabled is False


@pytest.mark.parametrize(
    "written",
    [
        {"infill.completion.languages.python": False},
        {"completion.languages.python": False},
        {"infill": {"completion": {"languages.python": False, "languages": {"go": True}}}},
    ],
)
def test_a_dotted_key_of_a_language_turns_it_off(written: object) -> None:
    configuration = Configuration()
    assert configuration.pushed(written) == []
    assert not configuration.settings.completion.is_language_enabled("python")


def test_a_dotted_key_that_is_unknown_is_named() -> None:
    [problem] = Configuration().pushed({"infill.completion.enable": False})
    assert "`infill.completion.enable`" in problem


def test_a_dotted_key_undoes_the_session_switch() -> None:
    configuration = Configuration()
    configuration.switch(enabled=True)
    configuration.pushed({"infill.completion.enabled": False})
    assert configuration.settings.completion.enabled is False


def test_the_settings_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    configuration = Configuration()
    assert not configuration.file_has_changed(path)
    configuration.read_file(path)
    assert not configuration.file_has_changed(path)
    path.write_text("[completion]\nmax_tokens = 7\n")
    assert configuration.file_has_changed(path)
    assert configuration.read_file(path) == []
    assert configuration.settings.completion.max_tokens == 7
    assert not configuration.file_has_changed(path)
    path.unlink()
    assert configuration.file_has_changed(path)
    configuration.read_file(path)
    assert configuration.settings == Settings()


def test_a_settings_file_that_is_being_written_leaves_the_former_settings(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[privacy]\nignore = ["secret/**"]\n')
    configuration = Configuration()
    configuration.read_file(path)
    path.write_text("[privacy]\nignore = [")
    [problem] = configuration.read_file(path)
    assert "config.toml" in problem
    assert configuration.settings.privacy.ignore == ("secret/**",)
