"""What happens in the demo city once its data are there, told once and in order."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from quanyu.agreements import users_of
from quanyu.catalogue import refresh_dataset, registration_rules, resource, tell_changes
from quanyu.cli.data import Desk
from quanyu.cli.demo_applications import make_applications
from quanyu.cli.demo_entries import FEATURES, make_entries, make_product
from quanyu.cli.demo_parts import PARTS, change_value, register_part, take_parts
from quanyu.cli.demo_people import lend_and_invite
from quanyu.cli.demo_voices import (
    ATENEUM,
    RIGHT_ADDRESS,
    Voices,
    accepted_correction,
    ask_for_agreements,
    end_correction,
    follow_and_save,
    other_corrections,
    talk,
)
from quanyu.cli.local import Asking, asking
from quanyu.kernel import NotFound, now
from quanyu.parties import Caller, Scope, issue_token
from quanyu.spacetime import Version

SERVICES = "helsinki-services"
"""The dataset that gets a second version."""


def tell_story(desk: Desk, people: Mapping[str, Caller], address: str, *, quiet: bool) -> None:
    """Take parts of the data out, apply for them, correct a fault, ask, answer.

    All that is written into the catalogue is one transaction, so it happens wholly or not at all.
    """
    if _told(desk):
        return
    versions = take_parts(desk, quiet=quiet)
    for part in PARTS:
        register_part(desk, part, versions[part.dataset], people["department"])
    version = _second_version(desk, quiet=quiet)
    tell_changes(desk.control, users_of)  # from here on a change is news
    settings, rules = desk.settings, registration_rules(desk.settings)
    voices = Voices(
        people,
        people["bureau"],
        rules.calendar,
        settings.correction_days,
        settings.correction_fix_days,
        address,
    )
    with desk.control.begin() as session:
        lend_and_invite(session, dict(people))
        follow_and_save(session, voices)
        asked = accepted_correction(session, voices)
        refresh_dataset(session, version, people["department"])
        end_correction(session, voices, asked, version.number)
        other_corrections(session, voices)
        talk(session, voices)
        ask_for_agreements(session, people)
        make_applications(session, people, rules)
        make_product(session, people["enterprise-2"], settings.area_code)
        make_entries(session, people["bureau"], people["department"], address, settings.area_code)


def use_city(folder: Path, tokens: Mapping[str, str]) -> None:
    """Real uses by the example parties, through the gate and into evidence."""
    with asking(folder) as get:
        for _ in range(3):
            _items(get, SERVICES, tokens["university"], purpose="research", limit="50")
        _items(get, SERVICES, tokens["enterprise"], limit="100")
        _items(get, "helsinki-buildings", tokens["enterprise"], limit="100")
        for _ in range(4):
            _items(get, SERVICES, tokens["bureau"], limit="20")
        for slug in ("helsinki-buildings", "helsinki-streets"):
            get(f"/data/{slug}.csv", {}, token=tokens["university"], write=lambda _piece: None)


def issue_tokens(desk: Desk, people: Mapping[str, Caller]) -> dict[str, str]:
    """Tokens of three consumers, for half a year; the secrets are used once and kept nowhere."""
    with desk.control.begin() as session:
        return {
            login: issue_token(
                session,
                people[login],
                name="示例令牌 · Example token",
                scopes=(Scope.READ,),
                expires_at=now() + timedelta(days=180),
            )[1]
            for login in ("university", "enterprise", "bureau")
        }


def _items(get: Asking, slug: str, token: str, **parameters: str) -> None:
    path = f"/ogc/features/collections/{slug}/items"
    get(path, parameters, token=token, write=lambda _piece: None)


def _told(desk: Desk) -> bool:
    with desk.control.read() as session:
        try:
            resource(session, FEATURES)
        except NotFound:
            return False
    return True


def _second_version(desk: Desk, *, quiet: bool) -> Version:
    known = desk.store.view(SERVICES).version
    if known.number > 1:
        return known
    return change_value(desk, SERVICES, ATENEUM, {"website": RIGHT_ADDRESS}, quiet=quiet)
