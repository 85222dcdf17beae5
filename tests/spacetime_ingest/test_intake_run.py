"""Versions, atomicity, going on after a kill, sources behind URLs and in archives."""

import gzip
import http.server
import multiprocessing
import os
import signal
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake

from quanyu.kernel import Conflict, ControlStore, Invalid, NotFound, Owed, Refused, TooLarge
from quanyu.spacetime import IngestOptions, VersionPublished, ingest
from quanyu.spacetime.intake import commit, delimited, run, stage
from quanyu.spacetime.versions import datasets, publish_version, version, versions

from .conftest import Here, geojson, point


def rows_of(count, value="v"):
    return "id,v,lon,lat\n" + "".join(f"{i},{value},113.{i:06},23.1\n" for i in range(count))


def test_a_second_ingest_makes_a_second_version_and_keeps_the_first(here, write):
    heard = []
    here.control.events.subscribe(VersionPublished, heard.append)
    first = here.take(write("a.csv", rows_of(3)))
    second = here.take(write("b.geojson", geojson((point(1, 2), {"other": 1}))))
    assert (first.version.number, second.version.number) == (1, 2)
    assert here.table(first).num_rows == 3
    assert here.table(second)["other"].to_pylist() == [1]
    assert heard == [VersionPublished("data", 1), VersionPublished("data", 2)]
    with here.control.read() as session:
        assert datasets(session) == ["data"]
        assert [v.number for v in versions(session, "data")] == [1, 2]
        assert version(session, "data") == second.version
        assert version(session, "data", 1) == first.version
        owed = session.query(Owed).all()
    assert [o.kind for o in owed] == ["version.published"] * 2


def test_versions_on_every_database(any_store: ControlStore, here, write):
    made = here.take(write("a.csv", rows_of(3))).version
    with any_store.begin() as session:
        first = publish_version(session, replace(made, dataset="other"))
        second = publish_version(session, replace(made, dataset="other", bbox=None))
    assert (first.number, second.number) == (1, 2)
    with any_store.read() as session:
        assert version(session, "other", 1) == replace(made, dataset="other")
        assert version(session, "other") == second
        with pytest.raises(NotFound):
            version(session, "other", 3)
        with pytest.raises(NotFound):
            version(session, "nothing")


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "a b", "-a", "x" * 65, "城"])
def test_names_that_are_no_dataset(here, write, name):
    with pytest.raises(Invalid, match="dataset"):
        here.take(write("a.csv", rows_of(1)), name)


def test_progress_is_told(here, write):
    heard = []
    ingest(here, write("a.csv", rows_of(3)), "data", IngestOptions(), heard.append)
    assert [p.stage for p in heard][:1] == ["fetching"]
    assert {"reading", "sorting", "publishing"} <= {p.stage for p in heard}
    assert heard[-1].done == 3


def test_a_failed_write_leaves_the_version_before(here, write, monkeypatch):
    first = here.take(write("a.csv", rows_of(3)))

    def fail(*_args, **_more):
        raise OSError("disk full")

    monkeypatch.setattr(run, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        here.take(write("b.csv", rows_of(4)))
    monkeypatch.undo()
    with here.control.read() as session:
        assert version(session, "data") == first.version
    again = here.take(write("b.csv", rows_of(4)))
    assert again.resumed
    assert again.rows == 4


def _killed(url: str, folder: Path, path: Path) -> None:
    """In a process of its own: dies after the third part has been staged."""
    delimited._BLOCK = 4096
    stage._CHUNKS_A_PART = 1
    here = Here(ControlStore(url), str(folder / "tables"), folder / "cache")

    def tell(progress):
        if progress.stage == "reading" and progress.done > 800:
            os.kill(os.getpid(), signal.SIGKILL)

    ingest(here, path, "data", IngestOptions(), tell)


def test_a_killed_run_is_gone_on_with(here, write, tmp_path, monkeypatch):
    text = rows_of(3000) + "bad,row\n" + "3001,v,213,23\n"
    path = write("k.csv", text)
    process = multiprocessing.get_context("spawn").Process(
        target=_killed, args=(here.control.url, tmp_path, path)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with here.control.read() as session:
        assert datasets(session) == []
    staged = list((tmp_path / "cache" / "ingest").glob("*/part-*.parquet"))
    assert staged
    monkeypatch.setattr(delimited, "_BLOCK", 4096)
    monkeypatch.setattr(stage, "_CHUNKS_A_PART", 1)
    written = {p.name: p.stat().st_mtime_ns for p in staged}
    kept = []

    def tell(progress):
        if progress.stage == "sorting":
            kept[:] = [p for p in (tmp_path / "cache" / "ingest").glob("*/part-*.parquet")
                       if written.get(p.name) == p.stat().st_mtime_ns]  # fmt: skip

    report = ingest(here, path, "data", IngestOptions(), tell)
    assert report.resumed
    assert len(kept) == len(staged)  # what was staged before was not staged again
    assert (report.rows, report.rejects) == (3000, 2)
    assert [r["line"] for r in here.rejects(report)] == [3002, 3003]
    assert sorted(map(int, here.table(report)["fid"].to_pylist())) == list(range(3000))
    assert not list((tmp_path / "cache" / "ingest").glob("*/part-*"))


def test_two_ingests_of_the_same_at_once_are_a_conflict(here, write):
    path = write("a.csv", rows_of(3))
    with stage.held(here.cache_dir / "ingest" / stage.fingerprint(
        __import__("hashlib").sha256(path.read_bytes()).hexdigest(), "data", IngestOptions())
    ), pytest.raises(Conflict):  # fmt: skip
        here.take(path)


def test_two_ingests_into_one_dataset_never_mix(here, write):
    sources = [write("a.csv", rows_of(400, "a")), write("b.csv", rows_of(500, "b"))]
    first = here.take(write("0.csv", rows_of(3)))

    def go(path):
        try:
            return here.take(path)
        except Conflict:
            return None

    with ThreadPoolExecutor() as pool:
        reports = [report for report in pool.map(go, sources) if report]
    assert reports
    for report in [first, *reports]:
        found = here.table(report)
        assert found.num_rows == report.rows
        assert len(set(found["v"].to_pylist())) == 1


def test_a_version_is_known_though_others_write_meanwhile(here, write, monkeypatch):
    here.take(write("0.csv", rows_of(3)))
    raced = []

    class Raced(DeltaTable):
        def history(self, limit=None):
            if not raced:
                raced.append(1)
                found = DeltaTable(self.table_uri).to_pyarrow_table()
                write_deltalake(self.table_uri, found, mode="append")
            return super().history(limit)

    monkeypatch.setattr(commit, "DeltaTable", Raced)
    report = here.take(write("a.csv", rows_of(5)))
    assert raced
    assert here.table(report).num_rows == 5


def test_nothing_left_when_every_row_is_rejected(here, write, tmp_path):
    with pytest.raises(Invalid) as caught:
        here.take(write("a.csv", "id,lon,lat\n1,113,\n2,,23\n3,113,\n"))
    assert "missing" in str(caught.value)
    assert not (tmp_path / "tables").exists()


def test_old_files_of_a_table_are_kept(here, write):
    here.take(write("a.csv", rows_of(3)))
    settings = DeltaTable(f"{here.tables_url}/data").metadata().configuration
    assert settings["delta.enableExpiredLogCleanup"] == "false"


# --- archives


def test_gzip(here, tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(rows_of(5).encode()))
    assert here.take(tmp_path / "a.csv.gz").rows == 5


def test_archives_that_would_fill_the_disk_are_refused(here, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * (80 << 20))
    with pytest.raises(Invalid, match="grow past"):
        here.take(tmp_path / "bomb.zip")
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"0" * (80 << 20)))
    with pytest.raises(Invalid, match="grow past"):
        here.take(tmp_path / "bomb.csv.gz")


def test_members_cannot_leave_the_folder(here, tmp_path):
    with zipfile.ZipFile(tmp_path / "slip.zip", "w") as archive:
        archive.writestr("../../../../evil.csv", rows_of(2))
    assert here.take(tmp_path / "slip.zip").rows == 2
    assert not list(tmp_path.parent.rglob("../evil.csv"))


def test_archives_with_several_files_ask_which(here, tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", rows_of(2))
        archive.writestr("b.csv", rows_of(2))
    with pytest.raises(Invalid, match=r"a\.csv, b\.csv"):
        here.take(tmp_path / "two.zip")


# --- URLs


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/to/"):
                self.send_response(302)
                self.send_header("location", self.path.removeprefix("/to/"))
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_url(here, served):
    folder, url = served
    (folder / "a.csv").write_text(rows_of(4))
    report = here.take(f"{url}/a.csv?key=secret", allow_private=True)
    assert report.rows == 4
    assert report.version.source == f"{url}/a.csv"
    with pytest.raises(TooLarge):
        here.take(f"{url}/a.csv", allow_private=True, max_bytes=10)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a", "http://localhost/a", "http://[::1]/a", "http://169.254.169.254/latest",
        "http://10.0.0.1/a", "http://0.0.0.0/", "http://[::ffff:127.0.0.1]/a", "http://2130706433/",
    ],
)  # fmt: skip
def test_private_networks_are_refused(here, url):
    with pytest.raises(Refused) as caught:
        here.take(url)
    assert caught.value.rule == "fetch.private"


def test_redirects_into_private_networks_are_refused(here, served, monkeypatch):
    from quanyu.kernel import outbound

    _, url = served
    port = url.rsplit(":", 1)[1]
    asked = []
    real = outbound._public

    def public(address):
        asked.append(address)
        return len(asked) == 1 or real(address)  # the first host passes for a public one

    monkeypatch.setattr(outbound, "_public", public)
    with pytest.raises(Refused):
        here.take(f"{url}/to/http://127.0.0.1:{port}/a.csv")
    assert len(asked) == 2


@pytest.mark.parametrize("source", ["ftp://a/b", "file:///etc/passwd", "/nowhere/at/all.csv"])
def test_other_sources(here, source):
    with pytest.raises(Invalid, match="source"):
        here.take(source)


def test_left_over_parts_are_swept(here, write):
    old = here.cache_dir / "ingest" / "old"
    old.mkdir(parents=True)
    past = time.time() - 30 * 86_400
    os.utime(old, (past, past))
    here.take(write("a.csv", rows_of(1)))
    assert not old.exists()
