"""Who is called when, looked at and changed from the command line by those who may."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from quanyu.cli.acting import acting, writing_as
from quanyu.kernel import load_settings, now, open_control
from quanyu.operations import put_calendar
from quanyu.parties import Role, add_member

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def duty(node: Path) -> Path:
    """The node with a calendar in which on.call takes every turn; on.looker only looks."""
    with writing_as(node, None) as (session, admin):
        assert admin.party is not None
        added = [
            add_member(session, admin.party, login=login, name=login, password="a b c d e", roles=r)
            for login, r in (("on.call", [Role.SUPPLIER]), ("on.looker", [Role.CONSUMER]))
        ]
        turns = {"members": [added[0].id], "first": "2026-01-01", "at": "00:00"}
        put_calendar(session, admin, "duty", {"rotations": [turns]})
    return node


def test_calendars_are_shown_and_changed_by_who_may(run: Run, duty: Path) -> None:
    def quanyu(*words: object, expect: int = 0) -> Any:
        return run("on-call", *words, "--dir", duty, expect=expect)

    listed = quanyu("list").stdout.splitlines()
    assert listed[1].split()[:2] == ["duty", "on.call"]
    day = now() + timedelta(days=2)
    first, last = day.date(), (day + timedelta(days=2)).date()
    span = (f"{first}T00:00", f"{last}T00:00")
    refused = quanyu("hand-over", "duty", "on.looker", *span, "--as", "on.looker", expect=2).stderr
    assert refused.startswith("quanyu: ")
    assert "[on-call.hand-over]" in refused
    assert "on.call is called now" in quanyu("hand-over", "duty", "admin", *span).stdout
    quanyu("off", "duty", "on.call", last, last, "--substitute", "admin", "--as", "on.call")
    shown = json.loads(quanyu("show", "duty", "--json", "--as", "on.looker").stdout)
    (over,), (off,) = shown["overrides"], shown["daysOff"]
    admin = acting(open_control(load_settings(dir=duty)), None).member
    assert over["member"] == off["substitute"] == admin
    assert admin in {one["member"] for one in shown["shifts"]}
    table = quanyu("show", "duty").stdout
    assert re.search(rf"{off['id']}: on.call off {last} to {last}, admin stands in", table)
    for change in (over["id"], off["id"]):
        assert "[on-call." in quanyu("end", change, "--as", "on.looker", expect=2).stderr
        quanyu("end", change)
        quanyu("end", change, expect=2)
    left = json.loads(quanyu("show", "duty", "--json").stdout)
    assert left["overrides"] == left["daysOff"] == []
    assert {one["member"] for one in left["shifts"]} != {admin}


def test_what_is_wrong_is_named(run: Run, duty: Path) -> None:
    for words, field in (
        (["off", "duty", "on.call", "soon", "2026-12-01"], "first"),
        (["hand-over", "duty", "on.call", "soon", "2026-12-01"], "since"),
        (["off", "duty", "nobody", "2026-12-01", "2026-12-01"], "login"),
    ):
        assert run("on-call", *words, "--dir", duty, expect=2).stderr.startswith(
            f"quanyu: {field}: "
        )
    assert "no calendar" in run("on-call", "show", "night", "--dir", duty, expect=2).stderr
