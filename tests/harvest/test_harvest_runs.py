"""Runs: what comes, what changes, what goes; on each database."""

import os
import socket
import threading
from dataclasses import replace

import pytest
from harvesting_node import Harvesting
from remote import Ckan, Remote, package, turtle
from sqlalchemy import select

from quanyu.catalogue import (
    Access,
    OnMissing,
    RecordOutcome,
    RunState,
    SourceKind,
    State,
    Trust,
    amend,
    begin_run,
    confirm_missing,
    harvest_conflicts,
    harvest_origin,
    resolve_conflict,
    resource,
)
from quanyu.catalogue.harvest.tables import RunRow
from quanyu.kernel import Conflict, Invalid, LocalText, NotFound, Refused, now


def test_ckan_comes_changes_and_goes(any_harvesting: Harvesting, remote: Remote) -> None:
    h = any_harvesting
    ckan = Ckan(remote, [package(n) for n in range(7)])
    source = h.add(SourceKind.CKAN, remote.url, page_size=3, on_missing=OnMissing.WITHDRAW,
                   missing_runs=2)  # fmt: skip
    run = h.run(source)
    assert run.state is RunState.DONE, run.problem
    assert (run.pages, run.seen, run.total) == (3, 7, 7)
    assert run.counts == {RecordOutcome.ADDED: 7}
    entry = h.entries()[0]
    assert entry.state is State.PUBLISHED
    assert entry.title.en == "Dataset 0"
    assert entry.licence == "CC-BY-4.0"
    assert entry.access is Access.OPEN
    assert [one.url for one in entry.distributions] == ["https://data.example.org/0.csv"]
    with h.control.read() as session:
        origin = harvest_origin(session, entry.id)
    assert origin is not None
    assert origin.remote_id == package(0)["id"]

    again = h.run(source)
    assert again.counts == {RecordOutcome.UNCHANGED: 7}
    assert h.items(again) == []

    ckan.packages[2]["title"] = "Dataset two"
    gone = ckan.packages.pop(6)
    third = h.run(source)
    assert third.counts == {
        RecordOutcome.UNCHANGED: 5,
        RecordOutcome.CHANGED: 1,
        RecordOutcome.MISSING: 1,
    }
    [changed] = h.items(third, RecordOutcome.CHANGED)
    assert changed.differences["title"]["old"]["en"] == "Dataset 2"
    assert changed.differences["title"]["new"]["en"] == "Dataset two"

    fourth = h.run(source)
    assert fourth.counts[RecordOutcome.WITHDRAWN] == 1
    assert h.entries()[6].state is State.WITHDRAWN
    ckan.packages.append(gone)
    fifth = h.run(source)
    assert fifth.counts[RecordOutcome.CHANGED] == 1
    assert h.entries()[6].state is State.PUBLISHED


def test_dcat_pages_by_hydra(any_harvesting: Harvesting, remote: Remote) -> None:
    h = any_harvesting
    first, second = turtle(["a", "b"], f"{remote.url}/cat?page=2"), turtle(["c"])
    remote.routes["/cat"] = lambda q, _b: (
        200, "text/turtle", second if q.get("page") == "2" else first,
    )  # fmt: skip
    run = h.run(h.add(SourceKind.DCAT, f"{remote.url}/cat"))
    assert run.state is RunState.DONE, run.problem
    assert run.counts == {RecordOutcome.ADDED: 3}
    entry = h.entries()[0]
    assert entry.title == LocalText(zh="数据 a", en="Data a")
    assert entry.access is Access.RESTRICTED


def test_local_edits_are_kept_and_a_change_there_is_a_conflict(
    any_harvesting: Harvesting, remote: Remote
) -> None:
    h = any_harvesting
    ckan = Ckan(remote, [package(0)])
    source = h.add(SourceKind.CKAN, remote.url)
    h.run(source)
    [entry] = h.entries()
    with h.control.begin() as session:
        edited = replace(entry, title=LocalText(zh="道路", en="Roads"))
        amend(session, entry.id, edited, h.steward, revision=entry.revision)
    ckan.packages[0]["notes"] = "Something else"
    run = h.run(source)
    assert run.counts == {RecordOutcome.CHANGED: 1}
    [entry] = h.entries()
    assert entry.title.en == "Roads"
    assert entry.abstract is not None
    assert entry.abstract.en == "Something else"

    ckan.packages[0]["title"] = "Streets"
    run = h.run(source)
    assert run.counts == {RecordOutcome.CONFLICT: 1}
    [item] = h.items(run)
    assert item.kept == ("title",)
    with h.control.read() as session:
        [conflict] = harvest_conflicts(session, source.id)
    assert conflict.ours["en"] == "Roads"
    assert conflict.theirs["en"] == "Streets"
    assert h.run(source).counts == {RecordOutcome.UNCHANGED: 1}

    with pytest.raises(NotFound), h.control.begin() as session:
        resolve_conflict(session, conflict.record, "title", h.stranger, theirs=True)
    with h.control.begin() as session:
        resolve_conflict(session, conflict.record, "title", h.steward, theirs=True)
    assert h.entries()[0].title.en == "Streets"
    with pytest.raises(Conflict), h.control.begin() as session:
        resolve_conflict(session, conflict.record, "title", h.steward, theirs=False)


def test_shrinking_source_waits_for_a_word(any_harvesting: Harvesting, remote: Remote) -> None:
    h = any_harvesting
    ckan = Ckan(remote, [package(n) for n in range(10)])
    source = h.add(SourceKind.CKAN, remote.url, on_missing=OnMissing.WITHDRAW, missing_runs=1)
    h.run(source)
    ckan.packages = ckan.packages[:3]
    held = h.run(source)
    assert held.state is RunState.HELD, held
    assert held.problem is not None
    assert held.problem["params"] == {"missing": 7, "known": 10}
    assert all(entry.state is State.PUBLISHED for entry in h.entries())
    with h.control.begin() as session:
        confirm_missing(session, held.id, h.steward, take_away=True)
    swept = h.run(source)
    assert swept.id == held.id
    assert swept.counts[RecordOutcome.WITHDRAWN] == 7
    assert sum(entry.state is State.WITHDRAWN for entry in h.entries()) == 7


def test_review_makes_drafts(harvesting: Harvesting, remote: Remote) -> None:
    Ckan(remote, [package(0)])
    source = harvesting.add(
        SourceKind.CKAN, remote.url, caller=harvesting.supplier, trust=Trust.REVIEW
    )
    assert harvesting.run(source).state is RunState.DONE
    [entry] = harvesting.entries()
    assert entry.state is State.DRAFT
    with harvesting.control.read() as session, pytest.raises(NotFound):
        resource(session, entry.id, visible_to=harvesting.stranger)


def test_who_may_add(harvesting: Harvesting) -> None:
    with pytest.raises(Refused):
        harvesting.add(SourceKind.CKAN, "https://a.example", caller=harvesting.stranger)
    with pytest.raises(Invalid, match="only the node itself"):
        harvesting.add(SourceKind.CKAN, "https://a.example", caller=harvesting.supplier)
    with pytest.raises(Invalid, match="web address"):
        harvesting.add(SourceKind.CKAN, "file:///etc/passwd")
    with pytest.raises(Invalid, match="password"):
        harvesting.add(SourceKind.CKAN, "https://me:secret@a.example")
    with pytest.raises(Invalid, match="no theme"):
        harvesting.add(SourceKind.CKAN, "https://a.example", themes={"x": "nonsense"})
    harvesting.add(SourceKind.CKAN, "https://a.example")
    with pytest.raises(Conflict):
        harvesting.add(SourceKind.DCAT, "https://a.example")


def test_a_run_that_another_process_is_at_is_waited_for(
    any_harvesting: Harvesting, remote: Remote
) -> None:
    h = any_harvesting
    Ckan(remote, [package(n) for n in range(3)])
    source = h.add(SourceKind.CKAN, remote.url)
    with h.control.begin() as session:
        begun = begin_run(session, source.id, h.steward)
        of = select(RunRow).where(RunRow.id == begun.id)
        row = session.scalars(of).one()
        row.holder, row.heartbeat_at = f"{socket.gethostname()}:{os.getppid()}", now()

    def leave() -> None:
        with h.control.begin() as session:
            session.scalars(of).one().holder = None

    leaving = threading.Timer(1.0, leave)
    leaving.start()
    run = h.run(source)
    leaving.join()
    assert (run.id, run.state) == (begun.id, RunState.DONE)
    assert run.counts == {RecordOutcome.ADDED: 3}
