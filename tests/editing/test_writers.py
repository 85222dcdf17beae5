"""Two who edit at once: no change is lost, and a crash leaves one state or the other."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from small_city import Town
from sqlalchemy import func, select

from quanyu.kernel import Conflict, Owed, PreconditionFailed
from quanyu.spacetime import (
    OPEN,
    Action,
    Again,
    Do,
    Edited,
    Editor,
    EditRequest,
    Keyed,
    Store,
    change_sets,
    edit,
    history,
    last_touched,
)
from quanyu.spacetime.tables import EditRow, VersionRow

ME = Editor("member_tests")


def floors(store: Store, fid: str) -> int:
    version = store.newest("posts")
    return int(store.rows_of(version, [fid])[fid]["floors"] or 0)


def put(store: Store, fid: str, value: int, seen: frozenset[int] | None = None) -> Edited:
    action = Action(Do.UPDATE, fid, {"properties": {"floors": value}}, seen=seen)
    return edit(store, [EditRequest("posts", (action,), OPEN)], ME)[0]


def together(work: list[Any]) -> None:
    failed: list[BaseException] = []

    def run(one: Any) -> None:
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed


def test_no_update_is_lost(any_town: Town) -> None:
    """Four writers count one feature up, each by what it read; all counts arrive."""
    put(any_town.store, "f5", 0)

    def writer() -> None:
        store = Store(any_town.control, str(any_town.folder / "tables"), any_town.folder / "cache")
        done = 0
        while done < 3:
            version = store.newest("posts")
            value = store.rows_of(version, ["f5"])["f5"]["floors"]
            with store.control.read() as session:
                seen = last_touched(session, version, ["f5"])["f5"]
            try:
                put(store, "f5", value + 1, frozenset({seen}))
            except PreconditionFailed:
                continue
            done += 1
        store.close()

    together([writer] * 4)
    assert floors(any_town.store, "f5") == 12
    with any_town.control.read() as session:
        touched = history(session, "posts", "f5")
        numbers = [found.number for found, _ in touched]
    assert numbers == list(range(14, 1, -1))


def test_edits_of_other_features_do_not_wait_for_each_other(any_town: Town) -> None:
    def writer(fid: str) -> None:
        for value in range(4):
            put(any_town.store, fid, value)

    together([lambda fid=fid: writer(fid) for fid in ("f10", "f11", "f12")])
    assert [floors(any_town.store, fid) for fid in ("f10", "f11", "f12")] == [3, 3, 3]
    with any_town.control.read() as session:
        found = change_sets(session, "posts")
        owed = session.scalar(select(func.count()).where(Owed.kind == "version.edited"))
    # A first value may have been there already; every version has its evidence.
    assert owed == len(found) == any_town.store.newest("posts").number - 1


def test_a_key_is_answered_once(any_town: Town) -> None:
    """The same request under one key, sent four times at once, makes one feature."""
    store = any_town.store
    feature = {"type": "Feature", "geometry": None, "properties": {"name": "once"}}
    request = EditRequest("posts", (Action(Do.INSERT, None, feature),), OPEN)

    def remembered(found: Any) -> dict[str, Any]:
        return {"id": found[0].done[0].fid}

    answers: list[str] = []

    def send() -> None:
        try:
            made = edit(store, [request], ME, keyed=Keyed("k1", "digest", remembered))
            answers.append(made[0].done[0].fid)
        except Again as before:
            answers.append(before.answer["id"])

    together([send] * 4)
    assert len(answers) == 4
    assert len(set(answers)) == 1
    assert store.newest("posts").rows == 61
    with pytest.raises(Conflict, match="another request"):
        edit(store, [request], ME, keyed=Keyed("k1", "other", remembered))


def test_evidence_names_nobody(any_town: Town) -> None:
    put(any_town.store, "f7", 99)
    with any_town.control.read() as session:
        body = json.loads(
            session.scalars(select(Owed.body).where(Owed.kind == "version.edited")).one()
        )
        row = session.get_one(EditRow, ("posts", 2))
    assert body["subject"] == "posts"
    assert (body["number"], body["parent"], body["updated"]) == (2, 1, 1)
    assert body["rows_sha256"] == row.digest
    assert "member_tests" not in json.dumps(body)
    assert row.editor == "member_tests"


def test_a_crash_leaves_one_state_or_the_other(edited_town: Town) -> None:
    program = Path(__file__).with_name("editing_process.py")
    last = 1000
    for wait in (1, 3, 6):
        process = subprocess.Popen(
            [sys.executable, program, edited_town.control.url, edited_town.folder, str(last + 1)],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        for _ in range(wait):
            last = int(process.stdout.readline())
        process.kill()
        rest = process.stdout.read().split()
        process.stdout.close()
        process.wait()
        last = int(rest[-1]) if rest else last
        one, two = (floors(edited_town.store, fid) for fid in ("f1", "f2"))
        assert one == two
        assert one in {last, last + 1}
        with edited_town.control.read() as session:
            versions = session.scalar(
                select(func.count()).where(VersionRow.dataset == "posts", VersionRow.number > 1)
            )
            known = session.scalar(select(func.count()).select_from(EditRow))
            owed = session.scalar(select(func.count()).where(Owed.kind == "version.edited"))
        assert versions == known == owed
        feature = json.loads(edited_town.store.view("posts").feature("f1") or b"{}")
        assert feature["properties"]["floors"] == one
        last = one
