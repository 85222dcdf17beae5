"""Errors in two languages, ids, settings and their documentation, log lines without secrets."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from quanyu.kernel import (
    Invalid,
    LocalText,
    Settings,
    configure_logs,
    explain,
    load_settings,
    new_id,
)
from quanyu.kernel.settings_table import settings_markdown

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_an_error_names_field_and_mend() -> None:
    error = Invalid("{n} numbers given", field="bbox", mend="give 4", n=3)
    assert str(error) == "bbox: 3 numbers given (give 4)"
    assert explain(error, "en") == ("Invalid request", "3 numbers given", "give 4")


def test_braces_in_a_text_without_parameters_stay() -> None:
    assert str(Invalid("expected {")) == "expected {"


def test_ids_say_their_kind_and_sort_by_time() -> None:
    first, second = new_id("agreement"), new_id("agreement")
    assert first.startswith("agr_")
    assert len(first) == 30
    assert first[:14] <= second[:14]


def test_a_text_falls_back_to_its_other_language() -> None:
    assert LocalText(zh="建筑").to("en") == "建筑"
    assert LocalText(zh="建筑", en="Buildings").to("en") == "Buildings"
    with pytest.raises(ValueError, match="needs"):
        LocalText()


def test_settings_come_from_one_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANYU_PORT", "9000")
    settings = Settings()
    assert settings.port == 9000
    assert settings.base_url == "http://127.0.0.1:9000"
    assert settings.control_url.startswith("sqlite:///")


def test_the_folder_s_file_stands_behind_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quanyu.toml").write_text('title_zh = "甲"\nport = 7000\nworkers = 3\n')
    monkeypatch.setenv("QUANYU_PORT", "9000")
    settings = load_settings(dir=tmp_path, workers=1, host=None)
    assert (settings.title_zh, settings.port, settings.workers) == ("甲", 9000, 1)


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(Invalid, match=r"port: .*settings\.md"):
        load_settings(port=70000)


def test_every_setting_is_documented() -> None:
    assert (REFERENCE / "settings.md").read_text() == settings_markdown()


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """What a test configures of the logs writes to that test's own stream: take it back."""
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("logs_as_before")
def test_no_secret_reaches_a_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "info")
    structlog.get_logger().info("signed in", password="hunter2", api_token="qy_1", token_id="tok_1")
    line = capsys.readouterr().err
    assert "hunter2" not in line
    assert "qy_1" not in line
    assert "tok_1" in line
