"""A node's settings file: what is wrong with it is named."""

from pathlib import Path

import pytest

from quanyu.kernel import SETTINGS_FILE, Invalid, load_settings


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text('port = 1\nport = "2"\n')
    with pytest.raises(Invalid) as wrong:
        load_settings(dir=tmp_path)
    assert wrong.value.field == SETTINGS_FILE
    assert "line 2" in str(wrong.value)
