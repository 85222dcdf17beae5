"""Tables of the command line: nothing of them is cut off."""

import pytest

from quanyu.cli.output import give_table

NAME = "opr_01M8E2TA0P4H3EBFPZMCY662B1"
REASON = "示例授权书 · contract of the example authorisation, renewed in the third year of its term"


def test_a_piped_row_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    give_table(("id", "basis", "holder"), [(NAME, REASON, NAME)])
    _, row = capsys.readouterr().out.splitlines()
    assert row.split("  ")[0] == NAME
    assert REASON in row


def test_on_a_narrow_terminal_the_name_stays_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FORCE_COLOR", "1")
    give_table(("id", "basis", "holder"), [(NAME, REASON, NAME)])
    said = capsys.readouterr().out
    assert NAME in said
    assert "…" not in said
