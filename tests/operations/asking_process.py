"""Asks for one slot eight times, as one process of several; prints how often it was granted."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from quanyu.kernel import Calendar, ControlStore
from quanyu.operations import NoCapacity, request_allocation
from quanyu.parties import Scope, caller_of


def main() -> None:
    url, capacity, member = sys.argv[1:]
    store = ControlStore(url)
    start = datetime(2030, 1, 7, 9, tzinfo=UTC)
    with store.read() as session:
        caller = replace(caller_of(session, member), scopes=frozenset(Scope))
    granted = 0
    for _ in range(8):
        try:
            with store.begin() as session:
                request_allocation(
                    session,
                    capacity,
                    caller,
                    since=start,
                    until=start + timedelta(hours=1),
                    calendar=Calendar(zone="UTC"),
                    at=start - timedelta(days=3),
                )
            granted += 1
        except NoCapacity:
            pass
    sys.stdout.write(str(granted))


if __name__ == "__main__":
    main()
