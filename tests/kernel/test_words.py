"""Errors in two languages, ids, settings and their documentation, log lines without secrets."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import structlog

from quanyu.kernel import (
    Invalid,
    LocalText,
    Settings,
    configure_logs,
    day_in_zone,
    explain,
    in_zone,
    load_settings,
    new_id,
    span_text,
    translate_count,
)
from quanyu.kernel.settings_table import settings_markdown

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_an_error_names_field_and_mend() -> None:
    error = Invalid("{n} numbers given", field="bbox", mend="give 4", n=3)
    assert str(error) == "bbox: 3 numbers given (give 4)"
    assert explain(error, "en") == ("Invalid request", "3 numbers given", "give 4")


def test_braces_in_a_text_without_parameters_stay() -> None:
    assert str(Invalid("expected {")) == "expected {"


def test_english_counts_one_as_one_and_chinese_does_not() -> None:
    one, many = "{count} row", "{count} rows"
    assert translate_count("en", one, many, 1) == "1 row"
    assert translate_count("en", one, many, 0) == "0 rows"
    assert translate_count("en", one, many, 1200, count="1,200") == "1,200 rows"
    assert translate_count("zh", one, many, 1) == "1 行"


def test_an_instant_is_told_in_the_time_zone_and_says_so() -> None:
    instant = datetime(2026, 2, 28, 16, 30, tzinfo=UTC)
    assert in_zone(instant, "Asia/Shanghai") == "2026-03-01 00:30 UTC+8"
    assert in_zone(instant, "Asia/Kolkata") == "2026-02-28 22:00 UTC+5:30"
    assert in_zone(instant, "America/St_Johns") == "2026-02-28 13:00 UTC-3:30"
    assert in_zone(instant, "UTC") == "2026-02-28 16:30 UTC"
    assert day_in_zone(instant, "Asia/Shanghai") == date(2026, 3, 1)
    with pytest.raises(ValueError, match="no instant"):
        in_zone(datetime(2026, 2, 28), "UTC")  # noqa: DTZ001 - that is what is refused


@pytest.mark.parametrize("zone", ["Asia/Shang", "", "../etc/passwd"])
def test_a_time_zone_that_is_none_is_named(zone: str) -> None:
    with pytest.raises(Invalid) as refused:
        load_settings(time_zone=zone)
    assert refused.value.field == "time_zone"


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


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0, "0 s", "0 秒"),
        (42.4, "42 s", "42 秒"),
        (7_500, "2 h 5 min", "2 小时 5 分"),
        (7_200, "2 h", "2 小时"),
        (7_205, "2 h", "2 小时"),
        (90_061, "1 d 1 h", "1 天 1 小时"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(
    seconds: float, english: str, chinese: str
) -> None:
    assert span_text("en", seconds) == english
    assert span_text("zh", seconds) == chinese
