"""The ledger: double entry in whole 分, with the invariants that TigerBeetle states.

Transfers are immutable and their ids unique; the transfers of a chain are posted together or not at
all; a pending transfer is resolved (posted or voided) at most once; no account passes its limit.
The same chain once more changes nothing; an id with another content is a :class:`Conflict`. So the
balances of all accounts sum to zero at every moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, Invalid, QuanyuError, Refused
from quanyu.market.meter_row import take_numbers
from quanyu.market.money import MOST
from quanyu.market.tables import AccountRow, TransferRow


class AccountKind(StrEnum):
    """What an account is, seen from the node that keeps the books."""

    CASH = "cash"
    RECEIVABLE = "receivable"
    PREPAID = "prepaid"
    PAYABLE = "payable"
    HELD = "held"
    CLEARING = "clearing"


ASSETS = frozenset({AccountKind.CASH, AccountKind.RECEIVABLE})
"""Accounts whose debits are at least their credits; of all others the credits are."""

NODE = "node"
"""The owner of the accounts that are no party's."""


class TransferKind(StrEnum):
    """Posted at once; pending; or the posting or voiding of a pending one."""

    POSTED = "posted"
    PENDING = "pending"
    POST = "post"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Transfer:
    """``amount`` 分 from ``credit`` to ``debit`` (names of accounts, see :func:`account`).

    resolves  id of the pending transfer that a ``post`` or ``void`` resolves; a ``post`` may be of
              less than was pending, and the rest is let go.
    code      why: ``usage``, ``share``, ``deposit`` …; ``subject`` is what it is for.
    """

    id: str
    debit: str
    credit: str
    amount: int
    code: str
    subject: str
    kind: TransferKind = TransferKind.POSTED
    resolves: str | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's sums, in 分."""

    debits: int = 0
    credits: int = 0
    debits_pending: int = 0
    credits_pending: int = 0


def account(kind: AccountKind, owner: str = NODE) -> str:
    """The name of an account: ``payable:pty_01…``."""
    return f"{kind.value}:{owner}"


def kind_of(name: str) -> AccountKind:
    """The kind of an account by its name."""
    return AccountKind(name.partition(":")[0])


class Book:
    """Posts chains within one transaction; accounts are read once, locked, and written by
    :meth:`flush`. Leave the transaction by an exception when anything raises."""

    def __init__(self, session: Session, at: datetime) -> None:
        self._session = session
        self._at = at
        self._accounts: dict[str, AccountRow] = {}
        self._resolved: set[str] = set()
        self._rows: list[dict[str, object]] = []
        self._posted: dict[str, Transfer] = {}

    def load(self, names: Iterable[str]) -> None:
        """Read and lock accounts, in one order so that no two transactions wait for each other."""
        missing = sorted(set(names) - self._accounts.keys())
        for start in range(0, len(missing), 500):
            part = missing[start : start + 500]
            query = select(AccountRow).where(AccountRow.id.in_(part)).order_by(AccountRow.id)
            for row in self._session.scalars(query.with_for_update()):
                self._accounts[row.id] = row
        for name in missing:
            if name not in self._accounts:
                self._accounts[name] = _new_account(name)
                self._session.add(self._accounts[name])

    def balance(self, name: str) -> Balance:
        """An account as it stands after what was posted so far."""
        self.load([name])
        return _balance(self._accounts[name])

    def post(self, chain: Sequence[Transfer]) -> bool:
        """Post the transfers of a chain, all or none; ``False`` when they stood there already.

        Raises :class:`Conflict` for an id with another content and a pending transfer that is
        resolved already, :class:`Invalid` for a transfer that is none, :class:`Refused`
        (``ledger.limit``) where an account would pass its limit.
        """
        if not chain or self._known(chain):
            return False
        names = {name for one in chain for name in (one.debit, one.credit)}
        self.load(names)
        before = {name: _balance(self._accounts[name]) for name in names}
        resolved = set(self._resolved)
        try:
            self._post(chain)
        except QuanyuError:  # whoever catches it may commit what else was done
            for name, held in before.items():
                _put_back(self._accounts[name], held)
            self._resolved = resolved
            raise
        self._posted |= {one.id: one for one in chain}
        self._rows += [_values(one, chain[0].id, self._at) for one in chain]
        return True

    def _post(self, chain: Sequence[Transfer]) -> None:
        mine: dict[str, Transfer] = {}
        for one in chain:
            _check(one)
            if one.kind in (TransferKind.POST, TransferKind.VOID):
                self._resolve(one, mine)
            elif one.kind is TransferKind.PENDING:
                self._move(one, pending=one.amount, posted=0)
            else:
                self._move(one, pending=0, posted=one.amount)
            mine[one.id] = one

    def flush(self) -> None:
        """Write what was posted."""
        if not self._rows:
            return
        first = take_numbers(self._session, "transfers", len(self._rows)) + 1
        for place, row in enumerate(self._rows):
            row["number"] = first + place
        self._session.flush()
        self._session.execute(insert(TransferRow), self._rows)
        self._rows = []

    def _known(self, chain: Sequence[Transfer]) -> bool:
        """Whether the whole chain is there with the same content."""
        names = [one.id for one in chain]
        if len(set(names)) != len(names):
            raise Invalid("the ids of a chain are distinct", field="id")
        found = {
            row.id: _transfer(row)
            for row in self._session.scalars(select(TransferRow).where(TransferRow.id.in_(names)))
        } | {name: self._posted[name] for name in names if name in self._posted}
        if not found:
            return False
        if [found.get(one.id) for one in chain] == list(chain):
            return True
        raise Conflict(
            "a transfer with the id {id} is there already, with another content",
            field="id",
            mend="transfers are never changed: use another id",
            rule="ledger.unique",
            id=next(iter(found)),
        )

    def _resolve(self, one: Transfer, mine: Mapping[str, Transfer]) -> None:
        name = one.resolves or ""
        pending = mine.get(name) or self._posted.get(name) or self._stored(name)
        if pending is None or pending.kind is not TransferKind.PENDING:
            raise Invalid("there is no pending transfer {id}", field="resolves", id=name[:64])
        taken = select(TransferRow.id).where(TransferRow.resolves == name)
        if name in self._resolved or self._session.scalar(taken) is not None:
            raise Conflict(
                "the pending transfer {id} is resolved already",
                field="resolves",
                mend="a pending transfer is posted or voided once",
                rule="ledger.resolved",
                id=name,
            )
        same = (one.debit, one.credit) == (pending.debit, pending.credit)
        whole = one.amount == pending.amount or (
            one.kind is TransferKind.POST and one.amount < pending.amount
        )
        if not (same and whole):
            raise Invalid(
                "it is resolved between the same accounts, and for no more",
                field="amount",
                mend="a voiding is of the whole amount, a posting of at most that",
            )
        self._resolved.add(name)
        posted = one.amount if one.kind is TransferKind.POST else 0
        self._move(one, pending=-pending.amount, posted=posted)

    def _stored(self, name: str) -> Transfer | None:
        row = self._session.get(TransferRow, name)
        return None if row is None else _transfer(row)

    def _move(self, one: Transfer, *, pending: int, posted: int) -> None:
        debit, credit = self._accounts[one.debit], self._accounts[one.credit]
        debit.debits_pending += pending
        debit.debits_posted += posted
        credit.credits_pending += pending
        credit.credits_posted += posted
        for row in (debit, credit):
            _check_limit(row)


def post(session: Session, chain: Sequence[Transfer], at: datetime) -> bool:
    """Post one chain; see :meth:`Book.post`."""
    book = Book(session, at)
    fresh = book.post(chain)
    book.flush()
    return fresh


def balance(session: Session, name: str) -> Balance:
    """How an account stands; one that was never posted to stands at zero."""
    row = session.get(AccountRow, name)
    return Balance() if row is None else _balance(row)


def amount_of(name: str, at: Balance) -> int:
    """What an account holds, posted, on its own side: positive for every account in order."""
    net = at.debits - at.credits
    return net if kind_of(name) in ASSETS else -net


def check_books(session: Session) -> tuple[int, int]:
    """Sums of all debits and of all credits that were posted: they are equal, always."""
    row = session.execute(
        select(func.sum(AccountRow.debits_posted), func.sum(AccountRow.credits_posted))
    ).one()
    return int(row[0] or 0), int(row[1] or 0)


def _new_account(name: str) -> AccountRow:
    kind, _, owner = name.partition(":")
    return AccountRow(
        id=name,
        kind=AccountKind(kind).value,
        owner=owner,
        debits_posted=0,
        credits_posted=0,
        debits_pending=0,
        credits_pending=0,
    )


def _balance(row: AccountRow) -> Balance:
    return Balance(row.debits_posted, row.credits_posted, row.debits_pending, row.credits_pending)


def _put_back(row: AccountRow, held: Balance) -> None:
    row.debits_posted, row.credits_posted = held.debits, held.credits
    row.debits_pending, row.credits_pending = held.debits_pending, held.credits_pending


def _check(one: Transfer) -> None:
    if type(one.amount) is not int or not 0 < one.amount <= MOST:
        raise Invalid("a transfer is of one 分 or more", field="amount")
    if one.debit == one.credit:
        raise Invalid("a transfer is between two accounts", field="credit")
    if (one.resolves is not None) != (one.kind in (TransferKind.POST, TransferKind.VOID)):
        raise Invalid("only a posting or voiding resolves another transfer", field="resolves")


def _check_limit(row: AccountRow) -> None:
    """TigerBeetle's limits: what is pending counts as if it would be posted against the account."""
    if AccountKind(row.kind) in ASSETS:
        over = row.credits_pending + row.credits_posted > row.debits_posted
    else:
        over = row.debits_pending + row.debits_posted > row.credits_posted
    if over:
        raise Refused(
            "the account {account} does not hold so much",
            mend="take no more than its balance, what is pending counted in",
            rule="ledger.limit",
            account=row.id,
        )


def _values(one: Transfer, chain: str, at: datetime) -> dict[str, object]:
    return {
        "id": one.id,
        "chain": chain,
        "debit": one.debit,
        "credit": one.credit,
        "amount": one.amount,
        "kind": one.kind.value,
        "resolves": one.resolves,
        "code": one.code,
        "subject": one.subject,
        "at": at,
    }


def _transfer(row: TransferRow) -> Transfer:
    return Transfer(
        id=row.id,
        debit=row.debit,
        credit=row.credit,
        amount=row.amount,
        code=row.code,
        subject=row.subject,
        kind=TransferKind(row.kind),
        resolves=row.resolves,
    )
