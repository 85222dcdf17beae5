"""The control store: transactions, events after commit, time, the outbox, on both databases."""

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select

from quanyu.kernel import ControlStore, Events, Owed, Table, Unavailable, announce, migrate, owe


def test_what_is_owed_commits_with_its_transaction(any_store: ControlStore) -> None:
    with any_store.begin() as session:
        kept = owe(session, "party.registered", "pty_1", {"count": 3})
    with pytest.raises(RuntimeError, match="broken"), any_store.begin() as session:
        owe(session, "party.registered", "pty_2", {})
        session.flush()
        raise RuntimeError("broken")
    with any_store.read() as session:
        rows = session.scalars(select(Owed)).all()
    assert [row.leaf for row in rows] == [kept]
    body = orjson.loads(rows[0].body)
    assert body["subject"] == "pty_1"
    assert body["count"] == 3
    assert body["at"].endswith("Z")


def test_reading_leaves_nothing_behind(any_store: ControlStore) -> None:
    with any_store.read() as session:
        owe(session, "x", "y", {})
        session.flush()
    with any_store.read() as session:
        assert session.scalars(select(Owed)).all() == []


def test_a_trial_leaves_nothing_behind_and_tells_nobody(any_store: ControlStore) -> None:
    heard: list[str] = []
    any_store.events.subscribe(str, heard.append)
    with any_store.trial() as session:
        owe(session, "x", "y", {})
        announce(session, "told")
        session.flush()
        assert len(session.scalars(select(Owed)).all()) == 1
    with any_store.read() as session:
        assert session.scalars(select(Owed)).all() == []
    assert heard == []


def test_a_trial_waits_for_other_writers(store: ControlStore) -> None:
    """A snapshot that writes would fail as soon as somebody else had written."""
    others = ControlStore(store.url)
    wrote = threading.Event()

    def write() -> None:
        with others.begin() as session:
            owe(session, "x", "other", {})
        wrote.set()

    with store.trial() as session:
        assert session.scalars(select(Owed)).all() == []
        thread = threading.Thread(target=write)
        thread.start()
        assert not wrote.wait(0.2)
        owe(session, "x", "mine", {})
        session.flush()
    thread.join()
    with store.read() as session:
        assert [row.subject for row in session.scalars(select(Owed))] == ["other"]


def test_moments_come_back_in_utc(any_store: ControlStore) -> None:
    beijing = datetime(2026, 3, 1, 16, 30, tzinfo=timezone(timedelta(hours=8)))
    with any_store.begin() as session:
        session.add(Owed(leaf="l", at=beijing, kind="k", subject="s", body=b""))
    with any_store.read() as session:
        assert session.scalar(select(Owed.at)) == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def test_a_naive_time_is_refused(store: ControlStore) -> None:
    naive = datetime(2026, 3, 1)  # noqa: DTZ001
    with pytest.raises(sa.exc.StatementError, match="names no instant"), store.begin() as session:
        session.add(Owed(leaf="l", at=naive, kind="k", subject="s", body=b""))


def test_events_are_heard_after_commit_only(store: ControlStore) -> None:
    heard: list[str] = []
    events = Events()
    events.subscribe(str, heard.append)
    listening = ControlStore(store.url, events)
    with listening.begin() as session:
        announce(session, "one")
        assert heard == []
    with pytest.raises(RuntimeError), listening.begin() as session:
        announce(session, "never")
        raise RuntimeError
    assert heard == ["one"]
    listening.close()


def test_migrations_make_just_the_tables_that_the_rooms_declare(any_store: ControlStore) -> None:
    import quanyu.agreements
    import quanyu.catalogue
    import quanyu.evidence
    import quanyu.operations
    import quanyu.parties
    import quanyu.spacetime
    import quanyu.streams  # noqa: F401

    def ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
        # Full-text tables belong to the database's own search and are made in migrations alone.
        return kind != "table" or name in Table.metadata.tables

    with any_store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, Table.metadata) == []


def test_a_store_that_does_not_answer_says_so() -> None:
    gone = ControlStore("postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=1")
    with pytest.raises(Unavailable, match="does not answer"):
        gone.check()
    gone.close()


def test_who_brings_the_store_up_to_date_writes_from_the_beginning(tmp_path: Path) -> None:
    """SQLite refuses at once whoever reads first and then writes after another has written."""
    store = ControlStore(f"sqlite:///{tmp_path / 'control.sqlite'}")
    said: list[str] = []

    @sa.event.listens_for(store.engine, "before_cursor_execute")
    def _hear(_c: object, _u: object, statement: str, *_rest: object) -> None:
        said.append(statement.strip())

    migrate(store)
    first = next(place for place, one in enumerate(said) if one.startswith("CREATE"))
    begins = [one for one in said[:first] if one.startswith("BEGIN")]
    assert begins[-1] == "BEGIN IMMEDIATE"
    assert sa.inspect(store.engine).has_table("operations_day_off")
    store.close()
