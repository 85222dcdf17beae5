"""Figures of the verifiable log, beside pymerkle on the same machine in the same run.

    .venv/bin/python benchmarks/evidence.py [--quick]

Ours writes every leaf, tile and id to disk and syncs it; pymerkle is measured in memory (its
fastest) and on SQLite (its durable form). Needs ``pip install pymerkle``; without it only our
figures are printed. Floors are those of the project: exit status 1 when one is missed.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from quanyu.evidence import Journal, Log, Use, receipt, verify_receipt
from quanyu.kernel import (
    AgreementId,
    ControlStore,
    ResourceId,
    UseId,
    load_or_create_ed25519,
    migrate,
    new_id,
    now,
)

BATCH = 65_536
LEAF = (
    b'{"agreement":"agr_01M81674RDTV2QMCT4HP56VCPB","at":"2026-11-22T08:33:29.870Z","bytes":100,'
    b'"face":"features","id":"use_%026d","kind":"used","party":"%064d","restriction":'
    b'"%032d","rows":10,"subject":"res_01M81674RDTV2QMCT4HP56VCPB","version":1}'
)
SHORT = b'{"at":"2026-11-22T08:33:29.870Z","id":"use_%026d","kind":"used"}'


@dataclass(frozen=True)
class Row:
    """One figure: ours, the peer's, and the floor where there is one."""

    what: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool:
        return not (
            (self.least is not None and self.ours < self.least)
            or (self.most is not None and self.ours > self.most)
        )

    @property
    def ratio(self) -> float | None:
        """How many times better ours is."""
        if self.peer is None:
            return None
        return self.peer / self.ours if self.unit == "ms" else self.ours / self.peer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 M leaves, not 10 M")
    parser.add_argument("--leaves", type=int, help="leaves of the large log")
    options = parser.parse_args()
    large = options.leaves or (1_000_000 if options.quick else 10_000_000)
    console = Console()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="quanyu-bench-") as name:
        folder = Path(name)
        with console.status("journal"):
            rows += journal_rows(folder, 4_000 if options.quick else 20_000)
        with console.status("appends"):
            rows += append_rows(folder, 4 if options.quick else 8, options.quick)
        with console.status(f"a log of {large:,} leaves"):
            rows += proof_rows(folder, large, options.quick)
    table = Table("", "quanyu", "peer", "ratio", "floor", title="Evidence")
    for row in rows:
        floor = f"≥ {row.least:,.0f}" if row.least else f"≤ {row.most:g}" if row.most else ""
        table.add_row(
            row.what,
            f"{row.ours:,.3g} {row.unit}" if row.ours < 1000 else f"{row.ours:,.0f} {row.unit}",
            "" if row.peer is None else f"{row.peer:,.4g} {row.unit} ({row.peer_name})",
            "" if row.ratio is None else f"{row.ratio:,.1f} ×",
            floor if row.holds else f"[red]{floor} missed[/red]",
        )
    console.print(table)
    return 0 if all(row.holds for row in rows) else 1


def journal_rows(folder: Path, count: int) -> Iterator[Row]:
    """Awaited records with eight requests at once, and the processor time of each."""
    journal = Journal(folder / "journal", "bench")
    uses = iter([_use() for _ in range(count)])
    delays: list[float] = []

    async def request() -> None:
        for use in uses:
            began = time.perf_counter()
            await journal.record(use)
            delays.append(time.perf_counter() - began)

    async def requests() -> None:
        await asyncio.gather(*[request() for _ in range(8)])

    wall, processor = time.perf_counter(), time.process_time()
    asyncio.run(requests())
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    journal.close()
    yield Row("journal, 8 at once, each on disk", "/s", count / wall, least=2_000)
    yield Row("processor time of a record", "ms", processor / count * 1000, most=0.1)
    yield Row("wait for the disk, median", "ms", statistics.median(delays) * 1000)
    yield Row("wait for the disk, 99 %", "ms", statistics.quantiles(delays, n=100)[98] * 1000)


def append_rows(folder: Path, batches: int, quick: bool) -> Iterator[Row]:
    """Appends of leaves as uses make them, synced and signed by batch."""
    spent = 0.0
    with _log(folder / "appends") as log:
        for batch in range(batches):
            numbers = range(batch * BATCH, (batch + 1) * BATCH)
            leaves = [LEAF % (number, number, number) for number in numbers]
            names = [f"use_{number:026d}" for number in numbers]
            began = time.perf_counter()
            log.append(leaves, names)
            spent += time.perf_counter() - began
    count = 20_000 if quick else 100_000
    leaves = [LEAF % (number, number, number) for number in range(count)]
    memory = _peer(lambda peer: _rate(peer.InmemoryTree().append_entry, leaves))
    yield Row("appends, batched", "/s", batches * BATCH / spent, memory, "in memory", least=50_000)

    def durable(peer: Any) -> float:
        return _rate(peer.SqliteTree(str(folder / "peer.sqlite")).append_entry, leaves[:500])

    with _log(folder / "singly") as log:
        ours = _rate(lambda leaf: log.append([leaf]), leaves[:200])
    yield Row("appends, each synced and signed", "/s", ours, _peer(durable), "SQLite")


def proof_rows(folder: Path, size: int, quick: bool) -> Iterator[Row]:
    """Proofs and receipts: in a log as large as the peer's tree, and in the large one."""
    few = 20_000 if quick else 100_000
    chance = random.Random(7)
    with _filled(folder / "few", few) as log:
        asked = [chance.randrange(few) for _ in range(1000)]
        inclusion, consistency = _proofs(log, few, asked)
    peers = _peer(lambda peer: _peer_proofs(peer, few, asked[:300])) or (None, None)
    yield Row(f"inclusion proof of {few:,} leaves", "ms", inclusion, peers[0], "in memory")
    yield Row(f"consistency proof of {few:,} leaves", "ms", consistency, peers[1], "in memory")
    store = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    migrate(store)
    with _filled(folder / "large", size) as log:
        asked = [chance.randrange(size) for _ in range(1000)]
        key = str(log.keys[0])
        inclusion, consistency = _proofs(log, size, asked)
        lookup = _median(lambda n: log.index.positions([f"use_{n:026d}"]), asked)
        whole = _median(lambda n: receipt(log, store, f"use_{n:026d}"), asked)
        made = receipt(log, store, f"use_{asked[0]:026d}") or b""
        check = _median(lambda _n: verify_receipt(made, key), asked[:200])
    store.close()
    yield Row(f"inclusion proof of {size:,} leaves", "ms", inclusion, most=1)
    yield Row(f"consistency proof of {size:,} leaves", "ms", consistency, most=1)
    yield Row(f"position of an id among {size:,}", "ms", lookup)
    yield Row("receipt there, from id to JSON", "ms", whole)
    yield Row("check of a receipt", "ms", check)


def _proofs(log: Log, size: int, asked: list[int]) -> tuple[float, float]:
    return _median(lambda n: log.inclusion(n, size), asked), _median(
        lambda n: log.consistency(n + 1, size), asked
    )


def _peer_proofs(peer: Any, size: int, asked: list[int]) -> tuple[float, float]:
    tree = peer.InmemoryTree()
    for number in range(size):
        tree.append_entry(SHORT % number)
    return _median(lambda n: tree.prove_inclusion(n + 1), asked), _median(
        lambda n: tree.prove_consistency(n + 1, size), asked
    )


@contextmanager
def _filled(folder: Path, size: int) -> Iterator[Log]:
    with _log(folder) as log:
        for start in range(0, size, BATCH):
            numbers = range(start, min(size, start + BATCH))
            log.append([SHORT % n for n in numbers], [f"use_{n:026d}" for n in numbers])
        yield log


@contextmanager
def _log(folder: Path) -> Iterator[Log]:
    log = Log(folder, "bench.example", [load_or_create_ed25519(folder.parent / "key")])
    log.append([])
    yield log
    log.close()


def _rate(call: Callable[[bytes], object], leaves: list[bytes]) -> float:
    began = time.perf_counter()
    for leaf in leaves:
        call(leaf)
    return len(leaves) / (time.perf_counter() - began)


def _median(call: Callable[[int], object], numbers: list[int]) -> float:
    """Median milliseconds of a call."""
    spent = []
    for number in numbers:
        began = time.perf_counter()
        call(number)
        spent.append(time.perf_counter() - began)
    return statistics.median(spent) * 1000


def _peer(measure: Callable[[Any], Any]) -> Any:
    try:
        import pymerkle
    except ImportError:
        return None
    return measure(pymerkle)


def _use() -> Use:
    return Use(
        id=UseId(new_id("use")),
        at=now(),
        agreement=AgreementId("agr_01M81674RDTV2QMCT4HP56VCPB"),
        party_commitment="ab" * 32,
        resource=ResourceId("res_01M81674RDTV2QMCT4HP56VCPB"),
        version=1,
        face="features",
        purpose="",
        query_commitment="cd" * 32,
        restriction="ef" * 16,
        rows=100,
        bytes=40_000,
    )


if __name__ == "__main__":
    sys.exit(main())
