"""The example parties of the demo, their members, and what those lend one another."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import orjson
from sqlalchemy.orm import Session

from quanyu.cli.data import Desk
from quanyu.cli.output import say
from quanyu.kernel import LocalText, PartyId, now, whole_file
from quanyu.parties import (
    Caller,
    PartyKind,
    Role,
    add_member,
    caller_of,
    delegate,
    find_member,
    invite,
    parties,
    register_party,
    reset_password,
)


@dataclass(frozen=True, slots=True)
class Account:
    """An example account. ``offered``: the sign-in page of the demo has a button for it."""

    login: str
    name: LocalText
    roles: tuple[Role, ...]
    offered: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """An example party; without a name it is the node's own."""

    accounts: tuple[Account, ...]
    kind: PartyKind = PartyKind.CITY_NODE
    name: LocalText | None = None


def _party(kind: PartyKind, zh: str, en: str, *roles: Role) -> Example:
    """A party of two: one whose account is offered, and a colleague."""
    name = LocalText(zh=f"示例{zh}", en=f"Example {en}")
    colleague = LocalText(zh=f"示例{zh}同事", en=f"Example {en} colleague")
    first = Account(en, name, roles)
    other = Account(f"{en}-2", colleague, (Role.CONSUMER, Role.SUPPLIER), offered=False)
    return Example((first, other), kind, name)


EXAMPLES = (
    Example((
        Account(
            "bureau",
            LocalText(zh="示例数据局", en="Example bureau"),
            (Role.STEWARD, Role.REVIEWER),
        ),
        Account("reviewer", LocalText(zh="示例审查员", en="Example reviewer"), (Role.REVIEWER,)),
        Account("auditor", LocalText(zh="示例审计员", en="Example auditor"), (Role.AUDITOR,)),
    )),
    _party(PartyKind.DEPARTMENT, "部门", "department", Role.SUPPLIER, Role.STEWARD),
    _party(PartyKind.ENTERPRISE, "企业", "enterprise", Role.CONSUMER),
    _party(PartyKind.UNIVERSITY, "大学", "university", Role.CONSUMER),
)  # fmt: skip


def example_parties(desk: Desk) -> tuple[dict[str, Caller], dict[str, str]]:
    """Callers and passwords by login; parties and members are made when they are missing.

    The passwords are new each time: this runs until the demo is whole, and not again.
    """
    callers: dict[str, Caller] = {}
    passwords: dict[str, str] = {}
    with desk.control.begin() as session:
        named = {party.name.zh: party.id for party in parties(session) if party.example}
        for example in EXAMPLES:
            party = _id_of(session, desk, example, named)
            for account in example.accounts:
                password = passwords[account.login] = secrets.token_urlsafe(9)
                callers[account.login] = _member(session, party, account, password)
    return callers, passwords


def lend_and_invite(session: Session, people: dict[str, Caller]) -> None:
    """A colleague of the department stands in for a month; somebody else is invited."""
    department, colleague = people["department"], people["department-2"]
    assert colleague.member is not None and department.party is not None  # noqa: S101, PT018
    delegate(
        session,
        department,
        colleague.member,
        roles=(Role.STEWARD,),
        ends_at=now() + timedelta(days=30),
        reason="示例：休假期间代管 · Example: stands in during a leave",
    )
    invite(
        session,
        department,
        department.party,
        email="new.colleague@example.org",
        roles=(Role.SUPPLIER,),
    )


def write_accounts(path: Path, passwords: dict[str, str]) -> None:
    """Keep the offered accounts where the sign-in page of a demo gives them with one click."""
    offered = [account for example in EXAMPLES for account in example.accounts if account.offered]
    examples = [
        {
            "login": account.login,
            "password": passwords[account.login],
            "name": {"zh": account.name.zh, "en": account.name.en},
        }
        for account in offered
    ]
    with whole_file(path, 0o600) as unfinished:
        unfinished.write_bytes(orjson.dumps({"examples": examples}))
    for account in offered:
        say(f"Example account: {account.login} · password {passwords[account.login]}")


def _id_of(session: Session, desk: Desk, example: Example, named: dict[str, PartyId]) -> PartyId:
    if example.name is None:
        return desk.party
    known = named.get(example.name.zh)
    if known is not None:
        return known
    return register_party(session, kind=example.kind, name=example.name, example=True).id


def _member(session: Session, party: PartyId, account: Account, password: str) -> Caller:
    found = find_member(session, account.login)
    if found is None:
        found = add_member(
            session,
            party,
            login=account.login,
            name=f"{account.name.zh} {account.name.en}",  # a person has one, in both scripts
            password=password,
            roles=account.roles,
        )
    else:
        reset_password(session, found.id, password=password)
    return caller_of(session, found.id)
