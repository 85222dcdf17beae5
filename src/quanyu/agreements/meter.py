"""Quotas and rates, exact across threads and worker processes.

A worker takes a small part of a quota from the control store in advance (a lease) and spends from
it without asking again. What is leased counts as used, so no crash and no race can answer more than
the quota; what a lease has left is given back within seconds, or at once when another worker runs
short. As a quota nears its end leases shrink to nothing, so that the last unit can be had. A worker
that is killed forfeits what its leases had left: at most a 64th of what the quota had then.

A rate of N in a period is a leaky bucket (GCRA) so sized that *no* period holds more than N: half
of them may come at once, the rest evenly.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from quanyu.agreements.leases import RATE_LEASE, SECOND, Charge, Key, Want, give_back, take, wanted
from quanyu.agreements.tables import QuotaRow
from quanyu.kernel import ControlStore, QuanyuError, new_id, now

_LIFE = 2.0
_LOOK = 0.2
_AHEAD = 256
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Lease:
    """What a worker holds: ``left`` of ``size`` units until ``ends`` (monotonic seconds)."""

    left: int
    size: int
    ends: float
    taken_at: int
    rate: bool

    @property
    def usable(self) -> int:
        """Units that may still be spent: turns of a rate go stale, units of a quota do not."""
        return 0 if self.rate and monotonic() >= self.ends else self.left


_NONE = _Lease(0, 0, 0.0, 0, rate=False)


class Meter:
    """Spends quotas for one worker process; safe to share among its threads.

    ``clock`` is for tests. :meth:`close` gives back what is left.
    """

    def __init__(self, control: ControlStore, clock: Callable[[], datetime] = now) -> None:
        self._control = control
        self._clock = clock
        self._worker = new_id("session")
        self._leases: dict[Key, _Lease] = {}
        # ``_state`` is held for microseconds only; ``_store`` through a transaction.
        self._state = threading.Lock()
        self._store = threading.Lock()
        self._stop = threading.Event()
        self._watch: threading.Thread | None = None

    def spend_local(self, charges: Collection[Charge]) -> bool:
        """Spend all charges from this worker's leases, or none and answer ``False``.

        Never waits for the control store.
        """
        with self._state:
            for charge in charges:
                lease = self._leases.get(charge.key)
                if lease is None or lease.usable < charge.amount:
                    return False
            for charge in charges:
                self._leases[charge.key].left -= charge.amount
        return True

    def spend(self, charges: Collection[Charge]) -> None:
        """Spend all charges or none.

        Raises :class:`Refused` with the quota's rule when it is used up; :class:`TooMany` when a
        rate is passed, or when other workers hold what is missing and are asked to give it back.
        """
        if not charges or self.spend_local(charges):
            return
        with self._store:
            if self.spend_local(charges):
                return
            with self._state:
                held = {c.key: self._leases.pop(c.key) for c in charges if c.key in self._leases}
            after = held
            try:
                after = self._take(charges, held)
            finally:
                with self._state:
                    self._leases.update(after)
            self._start_watch()

    def used(self, agreement: str) -> dict[str, int]:
        """Units given out by rule; what is leased to workers at this moment is among them."""
        with self._control.read() as session:
            rows = session.scalars(select(QuotaRow).where(QuotaRow.agreement == agreement))
            return {row.rule: row.used for row in rows}

    def close(self) -> None:
        """Give back every lease and stop."""
        self._stop.set()
        if self._watch is not None:
            self._watch.join()
        self._give_back(lambda _key, _lease: True)

    def _take(self, charges: Collection[Charge], held: dict[Key, _Lease]) -> dict[Key, _Lease]:
        moment = int(self._clock().timestamp() * SECOND)
        wants = [_want(charge, held.get(charge.key, _NONE)) for charge in charges]
        with self._control.begin() as session:
            taken = take(session, self._worker, wants, moment)
        if isinstance(taken, QuanyuError):
            raise taken
        start = monotonic()
        return {
            want.charge.key: _Lease(
                left=taken[want.charge.key],
                size=taken[want.charge.key],
                ends=start + (RATE_LEASE / SECOND if want.charge.quota.period else _LIFE),
                taken_at=moment,
                rate=want.charge.quota.period is not None,
            )
            for want in wants
        }

    def _start_watch(self) -> None:
        if self._watch is None and not self._stop.is_set():
            self._watch = threading.Thread(target=self._look, name="quotas", daemon=True)
            self._watch.start()

    def _look(self) -> None:
        while not self._stop.wait(_LOOK):
            with self._state:
                keys = [key for key, lease in self._leases.items() if not lease.rate]
            try:
                asked = self._asked(keys)
                self._give_back(lambda key, lease: _is_due(lease, asked.get(key, 0)))  # noqa: B023
            except SQLAlchemyError as error:
                # What is leased stays counted as used; it goes back when the store answers again.
                _log.warning("quotas.not_returned", error=type(error).__name__)

    def _asked(self, keys: list[Key]) -> dict[Key, int]:
        if not keys:
            return {}
        with self._control.read() as session:
            return wanted(session, keys)

    def _give_back(self, chosen: Callable[[Key, _Lease], bool]) -> None:
        with self._store:
            with self._state:
                going = {k: lease for k, lease in self._leases.items() if chosen(k, lease)}
                for key in going:
                    del self._leases[key]
            units = {key: lease.left for key, lease in going.items() if not lease.rate}
            if not units:
                return
            try:
                with self._control.begin() as session:
                    give_back(session, self._worker, units)
            except SQLAlchemyError:
                with self._state:
                    self._leases.update(going)
                raise


def _is_due(lease: _Lease, asked: int) -> bool:
    return monotonic() >= lease.ends or asked >= lease.taken_at


def _want(charge: Charge, lease: _Lease) -> Want:
    """How much to take in advance: turns of a rate only if the last ones did not go stale."""
    held = lease.usable
    if charge.quota.period is None:
        return Want(charge, held, charge.amount * _AHEAD)
    exhausted = lease.rate and monotonic() < lease.ends
    return Want(charge, held, 2 * lease.size + 1 if exhausted else 0)
