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


def test_another_process_has_the_same_settings_and_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / SETTINGS_FILE).write_text(
        'mqtt_url = "mqtt://me:open sesame@127.0.0.1:1883"\n'
        'oidc_client_secret = "s3cret"\nport = 8123\n'
    )
    here = load_settings(dir=tmp_path.resolve(), workers=1)
    for name, value in here.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / SETTINGS_FILE).unlink()
    there = load_settings()
    assert there == here
    assert there.mqtt_url is not None
    assert there.mqtt_url.get_secret_value() == "mqtt://me:open sesame@127.0.0.1:1883"
    assert str(there.oidc_client_secret) == "*" * 10
