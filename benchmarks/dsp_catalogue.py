"""A catalogue of the Dataspace Protocol with 3,000 datasets that are offered, whole and by a page.

Beside the way of connectors that ask for each dataset's policies one by one, over the same store.

    python benchmarks/dsp_catalogue.py [--quick]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session

import report
from catalogue_entries import made_entries
from quanyu.agreements import create_offer, offers
from quanyu.catalogue import HELD_KINDS, Access, Kind, load_entries, published
from quanyu.federation import Here, catalog_page
from quanyu.kernel import ControlStore, LocalText, PartyId, migrate
from quanyu.parties import Caller, PartyKind, Role, Scope, register_party

GOAL_MS = 100.0
POLICY = {
    "@type": "Offer",
    "permission": [
        {
            "action": "use",
            "constraint": [
                {"leftOperand": "purpose", "operator": "eq", "rightOperand": "research"},
                {
                    "leftOperand": "dateTime",
                    "operator": "lt",
                    "rightOperand": "2030-01-01T00:00:00Z",
                },
            ],
        }
    ],
}


def main() -> None:
    """Fill a store, ask for its catalogue, and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    count = 500 if parser.parse_args().quick else 3000
    here = Here("bench", "http://127.0.0.1:8000", b"k" * 32)
    with tempfile.TemporaryDirectory(prefix="quanyu-dsp-") as folder:
        store = ControlStore(f"sqlite:///{Path(folder) / 'control.sqlite'}")
        migrate(store)
        _fill(store, count)
        with store.read() as session:
            size = len(catalog_page(session, here, None, limit=count).body)

        def whole() -> int:
            with store.read() as session:
                return len(catalog_page(session, here, None, limit=count).body)

        def page() -> int:
            with store.read() as session:
                return len(catalog_page(session, here, None, limit=100).body)

        def one_by_one() -> int:
            with store.read() as session:
                return _one_by_one(session)

        rows = [
            ("all datasets, as kept", *_timed(whole, 15)),
            ("a page of 100", *_timed(page, 15)),
            ("policies asked for one by one", *_timed(one_by_one, 3)),
        ]
        store.close()
    report.table(
        f"DSP catalogue, {count} datasets, {size / 1e6:.1f} MB", ("way", "wall ms", "CPU ms"), rows
    )
    report.keep("dsp_catalogue", {"datasets": count, "goal_ms": GOAL_MS, "rows": rows})


def _timed(work: Callable[[], int], times: int) -> tuple[float, float]:
    walls, cpus = [], []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(1e3 * (time.perf_counter() - wall))
        cpus.append(1e3 * (time.process_time() - cpu))
    return statistics.median(walls), statistics.median(cpus)


def _one_by_one(session: Session) -> int:
    found = 0
    for entry in published(session, HELD_KINDS, limit=100_000):
        found += len(offers(session, entry.id))
    return found


def _fill(store: ControlStore, count: int) -> None:
    with store.begin() as session:
        party = register_party(
            session, kind=PartyKind.DEPARTMENT, name=LocalText(en="Planning office")
        )
    provider = PartyId(party.id)
    entries = [
        replace(one, kind=Kind.DATASET, provider=provider, access=Access.RESTRICTED)
        for one in made_entries(count)
    ]
    load_entries(store, iter(entries))
    caller = Caller(
        party=provider,
        roles=frozenset({Role.SUPPLIER}),
        scopes=frozenset({Scope.READ, Scope.WRITE}),
    )
    with store.begin() as session:
        for entry in entries:
            create_offer(session, caller, entry.id, POLICY)


if __name__ == "__main__":
    main()
