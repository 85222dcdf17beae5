"""How long a node takes to start with 100 collections, and what it holds in memory when idle.

Measured against its floors, 3 s and 400 MB: the peers of the other benchmarks start over a database
that is running already, which is another thing.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import httpx

from measure import resident_bytes, stop, tree, wait_ready
from report import OUT, keep, table

QUANYU = Path(sys.executable).parent / "quanyu"
PORT = 8051


def main() -> None:
    """Make the node once, start it five times (once with ``--quick``), print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    collections = 10 if quick else 100
    city = OUT / f"start-{collections}"
    if not (city / "whole").exists():
        make(city, collections)
    starts, idle = [], 0.0
    for _ in range(1 if quick else 5):
        began = time.perf_counter()
        server = subprocess.Popen(
            [str(QUANYU), "serve", "--dir", str(city), "--port", str(PORT)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_ready(f"http://127.0.0.1:{PORT}/readyz")
            starts.append(time.perf_counter() - began)
            listed = httpx.get(
                f"http://127.0.0.1:{PORT}/ogc/features/collections?f=json&limit=1000", timeout=60
            )
            assert len(listed.json()["collections"]) == collections, listed.text[:200]
            time.sleep(3)
            idle = resident_bytes(tree(server.pid)) / 1e6
        finally:
            stop(server)
    starts.sort()
    figures = {"collections": collections, "start_s": starts, "idle_mb": idle}
    table(
        f"Start with {collections} collections, two workers",
        ("start s, median", "least", "most", "resident idle MB", "floors"),
        [[starts[len(starts) // 2], starts[0], starts[-1], idle, "3 s, 400 MB"]],
    )
    keep("start-quick" if quick else "start", figures)


def make(city: Path, collections: int) -> None:
    """A node with that many small open datasets."""
    import tempfile

    from quanyu.catalogue import Access, Description, profile_new_data
    from quanyu.cli.data import open_desk, put_on_show
    from quanyu.kernel import LocalText
    from quanyu.spacetime import ingest

    subprocess.run([str(QUANYU), "init", "--dir", str(city)], check=True, capture_output=True)
    with open_desk(city) as desk, tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "points.csv"
        rows = [f"{i},{113 + i / 1000},{23 + i / 1000}" for i in range(100)]
        source.write_text("id,lon,lat\n" + "\n".join(rows) + "\n")
        for number in range(collections):
            report = ingest(desk.store, str(source), f"points-{number:03}")
            said = Description(
                title=LocalText(en=f"Points {number}"), provider=desk.party,
                licence="CC0-1.0", access=Access.OPEN, generated=True,
            )  # fmt: skip
            put_on_show(desk, report.version, said)
        # A city at rest: its data have been looked at, which a node does soon after they come.
        while profile_new_data(desk.control, desk.store):
            pass
    (city / "whole").touch()


if __name__ == "__main__":
    main()
