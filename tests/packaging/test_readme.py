"""What the README promises is what the code has."""

from scripts.settings_table import README, current


def test_the_settings_table_is_made_from_the_settings():
    text = README.read_text(encoding="utf-8")
    assert current(text) == text, "run `make fmt`"
