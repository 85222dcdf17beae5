"""The ledger as a beancount file, for accountants and for an audit with other people's tools.

Each chain of transfers is one transaction; amounts are in yuan (CNY), from the same whole 分. Dates
are days in the node's time zone. Syntax: beancount 3, ``docs/beancount_language_syntax``.
"""

from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.kernel import day_in_zone
from quanyu.market.ledger import ASSETS, AccountKind, Balance, TransferKind, amount_of
from quanyu.market.money import yuan
from quanyu.market.tables import AccountRow, TransferRow

_CURRENCY = "CNY"


def beancount(session: Session, zone: str) -> Iterator[str]:
    """The whole ledger, line by line: accounts opened, transactions, and a balance of each account
    on the day after the last, so that ``bean-check`` finds a sum that is wrong."""
    yield f'option "operating_currency" "{_CURRENCY}"\n'
    rows = session.scalars(
        select(TransferRow)
        .where(TransferRow.kind.in_([TransferKind.POSTED.value, TransferKind.POST.value]))
        .order_by(TransferRow.number)
        .execution_options(yield_per=5_000)
    )
    first = session.scalar(select(TransferRow.at).order_by(TransferRow.number).limit(1))
    if first is None:
        return
    begun = day_in_zone(first, zone)
    accounts = session.scalars(select(AccountRow).order_by(AccountRow.id)).all()
    for row in accounts:
        yield f"{begun} open {_name(row.id)} {_CURRENCY}\n"
    last = begun
    for chain, transfers in groupby(rows, key=lambda row: row.chain):
        posted = list(transfers)
        day = max(last, day_in_zone(posted[0].at, zone))
        last = day
        yield f'\n{day} * "{posted[0].code}" "{posted[0].subject}"\n  chain: "{chain}"\n'
        for one in posted:
            yield f"  {_name(one.debit)}  {_plain(one.amount)} {_CURRENCY}\n"
            yield f'    transfer: "{one.id}"\n'
            yield f"  {_name(one.credit)}  {_plain(-one.amount)} {_CURRENCY}\n"
    for row in accounts:
        held = amount_of(row.id, Balance(row.debits_posted, row.credits_posted))
        signed = held if AccountKind(row.kind) in ASSETS else -held
        following = last.fromordinal(last.toordinal() + 1)
        yield f"\n{following} balance {_name(row.id)}  {_plain(signed)} {_CURRENCY}"
    yield "\n"


def _name(account: str) -> str:
    """``payable:pty_01…`` → ``Liabilities:Payable:PTY-01…``."""
    kind, _, owner = account.partition(":")
    side = "Assets" if AccountKind(kind) in ASSETS else "Liabilities"
    return f"{side}:{kind.capitalize()}:{owner.upper().replace('_', '-')}"


def _plain(amount: int) -> str:
    return yuan(amount).replace(",", "")
