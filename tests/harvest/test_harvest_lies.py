"""Sources that lie, hang, shrink, loop, answer rubbish or lead elsewhere; nodes in a ring."""

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from harvesting_node import Harvesting
from remote import Ckan, Remote, package, turtle

from quanyu.catalogue import (
    RecordOutcome,
    RunState,
    SourceKind,
    add_source,
    harvest_run,
    harvest_source,
    run_due,
)
from quanyu.catalogue.harvest import running
from quanyu.catalogue.harvest.fetch import Reach, fetch
from quanyu.kernel import Invalid, LocalText, Refused, TooLarge, Unavailable


def details(warnings: tuple[Any, ...]) -> str:
    return " | ".join(str(one["detail"]) for one in warnings)


def test_total_that_is_not_so(harvesting: Harvesting, remote: Remote) -> None:
    ckan = Ckan(remote, [package(n) for n in range(6)])
    source = harvesting.add(SourceKind.CKAN, remote.url)
    harvesting.run(source)
    ckan.packages, ckan.claims = ckan.packages[:5], 100
    run = harvesting.run(source)
    assert run.state is RunState.DONE
    assert "says that it has {total}" in details(run.warnings)
    assert RecordOutcome.MISSING not in run.counts


def test_same_page_for_ever(harvesting: Harvesting, remote: Remote) -> None:
    remote.routes["/cat"] = lambda _q, _b: (
        200, "text/turtle", turtle(["a", "b"], f"{remote.url}/cat?p={time.monotonic_ns()}"),
    )  # fmt: skip
    run = harvesting.run(harvesting.add(SourceKind.DCAT, f"{remote.url}/cat"))
    assert run.state is RunState.DONE
    assert run.counts[RecordOutcome.ADDED] == 2
    assert "the same page again" in details(run.warnings)
    assert len(remote.asked) == 2


def test_other_identifiers_each_time(harvesting: Harvesting, remote: Remote) -> None:
    ckan = Ckan(remote, [package(n) for n in range(5)])
    source = harvesting.add(SourceKind.CKAN, remote.url)
    harvesting.run(source)
    ckan.packages = [
        {**package(n), "id": f"11111111-0000-4000-8000-{n:012d}", "name": f"dataset-{n}"}
        for n in range(5)
    ]
    run = harvesting.run(source)
    assert run.counts == {RecordOutcome.RENAMED: 5}
    assert len(harvesting.entries()) == 5
    assert "other identifiers" in details(run.warnings)


def test_one_identifier_for_two(harvesting: Harvesting, remote: Remote) -> None:
    Ckan(remote, [package(0), {**package(0), "title": "Another"}, package(0)])
    run = harvesting.run(harvesting.add(SourceKind.CKAN, remote.url))
    assert run.counts[RecordOutcome.ADDED] == 1
    [item] = harvesting.items(run, RecordOutcome.REJECTED)
    assert item.reason is not None
    assert "stands twice" in item.reason["detail"]


@pytest.mark.parametrize(
    ("status", "kind", "body", "why"),
    [
        (200, "text/html", b"<!DOCTYPE html><title>Sign in</title>", "web page"),
        (200, "application/json", b'{"success": false, "error": {"m": "x"}}', "interface"),
        (200, "application/json", b'{"success": true, "result": {}}', "interface"),
        (200, "application/json", b'{"success": true', "JSON"),
        (200, "application/json", b"[" * 100_000, "JSON|deep|interface"),
        (404, "text/plain", b"nothing", "answered {status}"),
        (403, "text/html", b"<html>no", "answered {status}"),
        (200, "application/json", b"\xff\xfe\x00", ""),
    ],
)
def test_rubbish_fails_the_run_with_a_reason(  # noqa: PLR0917 - a case a row
    harvesting: Harvesting, remote: Remote, status: int, kind: str, body: bytes, why: str
) -> None:
    remote.routes["/api/3/action/package_search"] = lambda _q, _b: (status, kind, body)
    run = harvesting.run(harvesting.add(SourceKind.CKAN, remote.url))
    assert run.state is RunState.FAILED
    assert run.problem is not None
    assert any(one in run.problem["detail"] for one in why.split("|"))
    assert harvesting.entries() == []
    with harvesting.control.read() as session:
        assert harvest_source(session, run.source).failures == 1


def test_html_and_scripts_become_words(harvesting: Harvesting, remote: Remote) -> None:
    dirty = package(
        0,
        title="<b>Roads</b> &amp; <script>alert(1)</script>ways\x00",
        notes="<p>One</p><p>Two <a href='javascript:x'>here</a></p><style>p{}</style> a < b",
        resources=[
            {"url": "javascript:alert(1)", "format": "HTML"},
            {"url": "file:///etc/passwd", "format": "TXT"},
            {"url": "https://data.example.org/ok.csv", "format": "CSV"},
        ],
    )
    Ckan(remote, [dirty])
    run = harvesting.run(harvesting.add(SourceKind.CKAN, remote.url))
    assert run.counts == {RecordOutcome.ADDED: 1}, harvesting.items(run)
    [entry] = harvesting.entries()
    assert entry.title.en == "Roads & ways"
    assert entry.abstract is not None
    assert "script" not in entry.abstract.en
    assert entry.abstract.en.startswith("One\nTwo here")
    assert [one.url for one in entry.distributions] == ["https://data.example.org/ok.csv"]


def test_private_networks_and_redirects_into_them(harvesting: Harvesting, remote: Remote) -> None:
    guarded = replace(
        harvesting, settings=harvesting.settings.model_copy(update={"allow_private_urls": False})
    )
    source = guarded.add(SourceKind.CKAN, remote.url)
    run = guarded.run(source)
    assert run.state is RunState.FAILED
    assert run.problem is not None
    assert "private network" in run.problem["detail"]
    assert remote.asked == []
    with pytest.raises(Refused):
        fetch("http://169.254.169.254/latest/meta-data", Reach(), accept="*/*")


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_source_that_sends_into_a_private_network(
    harvesting: Harvesting,
    remote: Remote,
    only_first_host_public: Callable[[], list[str]],
    status: int,
) -> None:
    """The host passes for a public one; where it sends to does not, and is never asked."""
    guarded = replace(
        harvesting, settings=harvesting.settings.model_copy(update={"allow_private_urls": False})
    )
    inner = Remote().start()
    Ckan(inner, [package(0)])
    path = "/api/3/action/package_search"
    there = f"{inner.url}{path}".encode()
    remote.routes[path] = lambda _q, _b: (status, "text/plain", there)
    source = guarded.add(SourceKind.CKAN, remote.url)
    judged = only_first_host_public()
    run = guarded.run(source)
    inner.stop()
    assert run.state is RunState.FAILED
    assert run.problem is not None
    assert "private network" in run.problem["detail"]
    assert len(judged) == 2
    assert len(remote.asked) == 1
    assert inner.asked == []
    assert guarded.entries() == []


def test_a_next_page_in_a_private_network(
    harvesting: Harvesting, remote: Remote, only_first_host_public: Callable[[], list[str]]
) -> None:
    guarded = replace(
        harvesting, settings=harvesting.settings.model_copy(update={"allow_private_urls": False})
    )
    inner = Remote().start()
    remote.routes["/cat"] = lambda _q, _b: (
        200, "text/turtle", turtle(["a"], f"{inner.url}/cat"),
    )  # fmt: skip
    source = guarded.add(SourceKind.DCAT, f"{remote.url}/cat")
    only_first_host_public()
    run = guarded.run(source)
    inner.stop()
    assert run.state is RunState.FAILED
    assert run.problem is not None
    assert "private network" in run.problem["detail"]
    assert inner.asked == []


def test_a_name_that_changes_its_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the name is asked for once, and the connection made to what was checked."""
    asked: list[str] = []
    connected: list[str] = []

    def names(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", names)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Unavailable):
        fetch("http://rebind.example/catalogue", Reach(), accept="*/*")
    assert asked == ["rebind.example"]
    assert connected == ["93.184.215.14"]
    with pytest.raises(Refused):  # by now the name leads inside
        fetch("http://rebind.example/catalogue", Reach(), accept="*/*")
    assert len(connected) == 1


def test_one_private_address_among_public_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    for inside in ("10.0.0.1", "::1", "fe80::1%eth0", "::ffff:127.0.0.1", "2002:7f00:1::",
                   "64:ff9b::7f00:1", "100.64.0.1", "169.254.169.254", "224.0.0.1"):  # fmt: skip
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
                 for address in ("93.184.215.14", inside)]  # fmt: skip
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, found=found, **__: found)
        with pytest.raises(Refused):
            fetch("http://two.example/", Reach(), accept="*/*")


def test_an_answer_of_100_mb_is_not_read(remote: Remote) -> None:
    big = b'{"success": true, "x": "' + b"x" * (100 << 20) + b'"}'
    remote.routes["/big"] = lambda _q, _b: (200, "application/json", big)
    with pytest.raises(TooLarge):
        fetch(f"{remote.url}/big", Reach(allow_private=True), accept="*/*")


def test_a_source_that_drips_holds_nobody_up(remote: Remote) -> None:
    enough, answered = threading.Event(), threading.Event()

    def drip(_q: dict[str, str], _b: bytes) -> tuple[int, str, bytes]:
        enough.wait(60)
        answered.set()
        return 200, "application/json", b"{}"

    remote.routes["/slow"] = drip
    reach = Reach(allow_private=True, timeout=90, whole_seconds=0.5)
    try:
        with pytest.raises(Unavailable):
            fetch(f"{remote.url}/slow", reach, accept="*/*")
        assert not answered.is_set()
    finally:
        enough.set()


def test_hanging_source_waits_while_others_go_on(
    harvesting: Harvesting, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(_q: dict[str, str], _b: bytes) -> tuple[int, str, bytes]:
        enough.wait(60)
        return 200, "application/json", b"{}"

    enough, other = threading.Event(), Remote().start()
    other.routes["/api/3/action/package_search"] = hang
    Ckan(remote, [package(n) for n in range(3)])
    patience = running.Patience(stalled=timedelta(0), first=timedelta(seconds=60))
    real = running.harvester

    def impatient(*given: Any) -> running.Harvester:
        made = real(*given)
        reach = replace(made.reach, timeout=0.5, whole_seconds=1.0)
        return replace(made, patience=patience, reach=reach)

    monkeypatch.setattr(running, "harvester", impatient)
    stuck = harvesting.add(SourceKind.CKAN, other.url)
    good = harvesting.add(SourceKind.CKAN, remote.url)
    run_due(harvesting.control, harvesting.settings, within=20)
    with harvesting.control.read() as session:
        waiting = harvest_source(session, stuck.id).last_run
        done = harvest_source(session, good.id).last_run
    enough.set()
    other.stop()
    assert done is not None
    assert done.state is RunState.DONE
    assert waiting is not None
    assert waiting.state is RunState.STALLED
    assert waiting.retry_at is not None
    assert waiting.attempts == 1
    assert waiting.problem is not None


def test_duplicates_across_sources(harvesting: Harvesting, remote: Remote) -> None:
    Ckan(remote, [package(0), package(1)])
    harvesting.run(harvesting.add(SourceKind.CKAN, remote.url))
    second = Remote().start()
    Ckan(second, [package(1), package(2)])
    run = harvesting.run(harvesting.add(SourceKind.CKAN, second.url))
    second.stop()
    assert run.counts == {RecordOutcome.DUPLICATE: 1, RecordOutcome.ADDED: 1}
    [item] = harvesting.items(run, RecordOutcome.DUPLICATE)
    assert item.resource == harvesting.entries()[1].id


def test_own_records_are_skipped(harvesting: Harvesting, remote: Remote) -> None:
    from quanyu.catalogue import Access, Kind, ResourceDraft, publish, register

    with harvesting.control.begin() as session:
        draft = ResourceDraft(
            slug="own", kind=Kind.DATASET, title=LocalText(en="Own"),
            provider=harvesting.office.id, licence="CC0-1.0", access=Access.OPEN,
        )  # fmt: skip
        own = register(session, draft, harvesting.steward)
        publish(session, own.id, harvesting.steward)
    record = {
        "type": "FeatureCollection",
        "numberMatched": 1,
        "features": [
            {
                "id": "res_1",
                "type": "Feature",
                "geometry": None,
                "properties": {
                    "type": "dataset",
                    "title": "Own",
                    "externalIds": [{"scheme": "urn:quanyu:resource-code", "value": own.code}],
                },
                "links": [],
            }
        ],
    }
    remote.json("/ogc/records/collections/catalogue/items", record)
    run = harvesting.run(harvesting.add(SourceKind.QUANYU, remote.url))
    assert run.state is RunState.DONE, run.problem
    assert run.counts == {RecordOutcome.SKIPPED: 1}
    assert len(harvesting.entries()) == 1


def test_a_record_that_cannot_be_kept_does_not_stop_the_others(
    harvesting: Harvesting, remote: Remote
) -> None:
    Ckan(remote, [package(0), {**package(1), "id": ""}, {**package(2), "title": ""}, {"a": 1},
                  package(4)])  # fmt: skip
    run = harvesting.run(harvesting.add(SourceKind.CKAN, remote.url))
    assert run.state is RunState.DONE
    assert run.counts[RecordOutcome.ADDED] >= 2
    assert run.counts[RecordOutcome.REJECTED] >= 1
    assert all(item.reason for item in harvesting.items(run, RecordOutcome.REJECTED))


def test_cancel_and_begin_again(harvesting: Harvesting, remote: Remote) -> None:
    from quanyu.catalogue import begin_run, cancel_run

    Ckan(remote, [package(0)])
    source = harvesting.add(SourceKind.CKAN, remote.url)
    with harvesting.control.begin() as session:
        run = begin_run(session, source.id, harvesting.steward)
    with harvesting.control.begin() as session:
        assert cancel_run(session, run.id, harvesting.steward).state is RunState.CANCELLED
    assert harvesting.run(source).state is RunState.DONE
    with harvesting.control.read() as session:
        assert harvest_run(session, run.id).state is RunState.CANCELLED


def test_settings_are_json(harvesting: Harvesting) -> None:
    from quanyu.catalogue import source_settings

    said = source_settings(json.loads('{"themes": {"Verkehr": "transport"}, "missing_runs": 2}'))
    assert said.themes == {"Verkehr": "transport"}
    with pytest.raises(Invalid):
        source_settings({"access": "everybody"})
    with harvesting.control.begin() as session:
        made = add_source(
            session, harvesting.steward, name=LocalText(en="x"), kind=SourceKind.DCAT,
            url="https://a.example/x", provider=harvesting.office.id, settings=said,
        )  # fmt: skip
    assert made.settings.missing_runs == 2
