"""Sign-in by an OpenID provider that the test starts, true and lying."""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from sqlalchemy import select, update

sys.path.insert(0, str(Path(__file__).parent))

from openid_provider import CLIENT, SECRET, Lies, OpenIdProvider

from quanyu.kernel import (
    Conflict,
    ControlStore,
    Invalid,
    NotFound,
    Refused,
    Settings,
    TooMany,
    Unavailable,
    now,
)
from quanyu.parties import (
    ActFilter,
    Callers,
    Provider,
    Role,
    UnknownSubject,
    accept_invitation,
    acts,
    begin_oidc,
    bind_oidc,
    client_of,
    deactivate,
    finish_oidc,
    invite,
    own_identities,
    rules_of,
    sign_in_oidc,
    unbind_oidc,
)
from quanyu.parties.oidc import provider as provider_module
from quanyu.parties.tables import MemberRow, OidcAttemptRow

HERE = "192.0.2.77"


@pytest.fixture
def any_store(store: ControlStore) -> ControlStore:
    """One database is enough here: what the databases do differently is tested elsewhere."""
    return store


@pytest.fixture(scope="module")
def server() -> Iterator[OpenIdProvider]:
    started = OpenIdProvider()
    yield started
    started.stop()


class Desk:
    """One node's side of the flow."""

    def __init__(self, town, server: OpenIdProvider, folder: Path, **more) -> None:
        self.town, self.server = town, server
        self.settings = Settings(
            dir=folder,
            oidc_issuer=server.issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret=SecretStr(SECRET),
            **more,
        )
        self.client = client_of(self.settings)
        self.provider = Provider(server.issuer)

    def begin(self, **how):
        how = {"address": HERE, "back": "/map"} | how
        return begin_oidc(self.town.store, self.provider, self.client, **how)

    def finish(self, said, browser, address=HERE):
        return finish_oidc(
            self.town.store, self.provider, self.client, said, browser=browser, address=address
        )

    def prove(self, **how):
        begun = self.begin(**how)
        return self.finish(self.server.authorize(begun.url), begun.browser)

    def enter(self, proved, rules=()):
        return sign_in_oidc(
            self.town.store, proved, address=HERE, agent="Firefox", hours=1, rules=rules
        )


@pytest.fixture
def desk(town, server, tmp_path) -> Desk:
    server.lies = Lies()
    server.person = {
        "sub": "u-1",
        "name": "李华",
        "email": "li@city.example",
        "email_verified": True,
    }
    return Desk(town, server, tmp_path)


def invitation(town, **how):
    with town.store.begin() as session:
        return invite(
            session,
            None,
            how.pop("party", town.department),
            email="li@city.example",
            roles=[Role.SUPPLIER],
            **how,
        )[0]


def test_who_is_unknown_gets_no_account(desk) -> None:
    proved = desk.prove()
    assert (proved.subject, proved.back) == ("u-1", "/map")
    with pytest.raises(UnknownSubject) as refused:
        desk.enter(proved)
    assert refused.value.rule == "oidc.unknown"
    with desk.town.store.read() as session:
        assert session.scalars(select(MemberRow)).all() == []


def test_an_invitation_binds_and_then_the_sign_on_suffices(desk) -> None:
    town = desk.town
    found = invitation(town)
    made, secret = desk.enter(desk.prove(invitation=found.id))
    assert (made.name, made.login, made.roles) == ("李华", "li@city.example", {Role.SUPPLIER})
    assert Callers(town.store, 0).who(None, secret).member == made.id
    again, other = desk.enter(desk.prove())
    assert again.id == made.id
    assert other != secret
    with pytest.raises(NotFound):  # the invitation is used up
        desk.enter(replace(desk.prove(), invitation=found.id))
    with town.store.read() as session:
        kinds = {one.kind for one in acts(session, None, ActFilter(limit=500)).acts}
        assert {"identity.bound", "invitation.accepted", "member.added"} <= kinds
        assert all(one.sound for one in acts(session, None, ActFilter(limit=500)).acts)


def test_an_invitation_binds_an_account_that_there_is(desk) -> None:
    town = desk.town
    li = town.add("li", Role.REVIEWER)
    found = invitation(town, member=li.id)
    made, _ = desk.enter(desk.prove(invitation=found.id))
    assert (made.id, made.roles) == (li.id, {Role.REVIEWER})


def test_bound_from_the_account_page_and_unbound(desk) -> None:
    town = desk.town
    li, wang = town.add("li", Role.REVIEWER), town.add("wang", Role.REVIEWER)
    proved = desk.prove(member=li.id)
    with town.store.begin() as session:
        with pytest.raises(Refused):  # another has signed in meanwhile
            bind_oidc(session, town.caller(wang.id), proved)
        bind_oidc(session, town.caller(li.id), proved)
        bind_oidc(session, town.caller(li.id), proved)
        with pytest.raises(Conflict):
            bind_oidc(session, town.caller(wang.id), replace(proved, member=wang.id))
    assert desk.enter(desk.prove())[0].id == li.id
    with town.store.begin() as session:
        (one,) = own_identities(session, town.caller(li.id))
        unbind_oidc(session, town.caller(li.id), one.issuer)
        with pytest.raises(NotFound):
            unbind_oidc(session, town.caller(li.id), one.issuer)
    with pytest.raises(UnknownSubject):
        desk.enter(desk.prove())


def test_an_account_without_password_keeps_its_sign_on(desk, cheap) -> None:
    town = desk.town
    found = invitation(town)
    made, _ = desk.enter(desk.prove(invitation=found.id))
    with town.store.begin() as session:
        with pytest.raises(Conflict):
            unbind_oidc(session, town.caller(made.id), desk.server.issuer)
        _, secret = invite(session, None, town.department, email="li@city.example", member=made.id)
    accept_invitation(
        town.store, secret, login="", name="", password="seven wild geese", address=HERE,
        hasher=cheap,
    )  # fmt: skip
    with town.store.begin() as session:
        unbind_oidc(session, town.caller(made.id), desk.server.issuer)


def test_a_closed_account_stays_closed(desk) -> None:
    made, _ = desk.enter(desk.prove(invitation=invitation(desk.town).id))
    with desk.town.store.begin() as session:
        deactivate(session, made.id)
    with pytest.raises(UnknownSubject) as refused:
        desk.enter(desk.prove())
    assert refused.value.rule == "oidc.closed"


def test_rules_bring_people_and_their_roles_follow(desk) -> None:
    town = desk.town
    said = [
        {"claim": "realm.groups", "value": "data-review", "party": town.department,
         "roles": ["reviewer"]},
        {"claim": "title", "value": "chief", "party": town.department, "roles": ["steward"]},
    ]  # fmt: skip
    rules = rules_of(desk.settings.model_copy(update={"oidc_rules": said}))
    desk.server.person |= {"realm": {"groups": ["x", "data-review"]}, "title": "chief"}
    made, _ = desk.enter(desk.prove(), rules)
    assert made.roles == {Role.REVIEWER, Role.STEWARD}
    desk.server.person |= {"title": "clerk"}
    assert desk.enter(desk.prove(), rules)[0].roles == {Role.REVIEWER}
    desk.server.person |= {"realm": {"groups": []}}
    with pytest.raises(UnknownSubject):
        desk.enter(desk.prove(), rules)
    for wrong in ({"claim": "x"}, {**said[0], "roles": ["king"]}, {**said[0], "more": 1}):
        with pytest.raises(Invalid):
            rules_of(desk.settings.model_copy(update={"oidc_rules": [wrong]}))


def test_an_address_that_is_not_verified_is_not_taken(desk) -> None:
    rule = {"claim": "sub", "value": "u-1", "party": desk.town.department, "roles": ["consumer"]}
    rules = rules_of(desk.settings.model_copy(update={"oidc_rules": [rule]}))
    desk.server.person["email_verified"] = False
    made, _ = desk.enter(desk.prove(), rules)
    assert made.email is None
    assert made.login.startswith("oidc-")


def old(seconds: int) -> int:
    return int(time.time()) - seconds


@pytest.mark.parametrize(
    "lies",
    [
        Lies(claims={"nonce": "another"}),
        Lies(without={"nonce"}),
        Lies(claims={"iss": "https://evil.example"}),
        Lies(without={"iss"}),
        Lies(claims={"aud": "another-client"}),
        Lies(claims={"aud": ["another-client"]}),
        Lies(claims={"aud": [CLIENT, "another-client"]}),
        Lies(claims={"aud": [CLIENT], "azp": "another-client"}),
        Lies(without={"aud"}),
        Lies(claims={"exp": old(3600), "iat": old(7200)}),
        Lies(without={"exp"}),
        Lies(claims={"iat": old(-7200), "exp": old(-9000)}),
        Lies(claims={"nbf": old(-7200)}),
        Lies(claims={"sub": ""}),
        Lies(claims={"sub": 7}),
        Lies(claims={"sub": "x" * 256}),
        Lies(without={"sub"}),
        Lies(claims={"at_hash": "AAAA"}),
        Lies(algorithm="none"),
        Lies(algorithm="HS256"),
        Lies(key=RSAKey.generate_key(2048)),
        Lies(no_token=True),
    ],
    ids=lambda lies: "-".join(lies.claims or lies.without or [str(lies.algorithm)]),
)
def test_a_token_that_is_not_good_is_refused(desk, lies) -> None:
    desk.server.lies = lies
    with pytest.raises(Refused) as refused:
        desk.prove()
    assert refused.value.rule == "oidc.token"


def test_state_is_of_this_browser_once_and_for_a_time(desk) -> None:
    begun = desk.begin()
    said = desk.server.authorize(begun.url)
    other = desk.begin()
    for wrong, browser in (
        (said | {"state": "another"}, begun.browser),
        (said | {"state": ""}, begun.browser),
        (said, ""),
        (said, other.browser),
    ):
        with pytest.raises(Refused) as refused:
            desk.finish(wrong, browser)
        assert refused.value.rule == "oidc.state"
    desk.finish(said, begun.browser)
    with pytest.raises(Refused) as refused:  # a replay
        desk.finish(said, begun.browser)
    assert refused.value.rule == "oidc.state"
    with desk.town.store.begin() as session:
        session.execute(update(OidcAttemptRow).values(expires_at=now()))
    with pytest.raises(Refused) as refused:
        desk.finish(desk.server.authorize(other.url), other.browser)
    assert refused.value.rule == "oidc.state"


def test_a_code_of_another_sign_in_is_worth_nothing(desk) -> None:
    """PKCE: a code that was stolen does not fit the verifier of another sign-in."""
    mine, theirs = desk.begin(), desk.begin()
    stolen = desk.server.authorize(theirs.url)["code"]
    said = desk.server.authorize(mine.url) | {"code": stolen}
    with pytest.raises(Unavailable):
        desk.finish(said, mine.browser)


def test_providers_cannot_be_mixed_up(desk) -> None:
    desk.server.lies = Lies(iss="https://evil.example")
    with pytest.raises(Refused) as refused:
        desk.prove()
    assert refused.value.rule == "oidc.issuer"
    desk.server.lies = Lies()
    begun = desk.begin()
    said = desk.server.authorize(begun.url)
    del said["iss"]
    with pytest.raises(Refused) as refused:  # the provider says that it always names itself
        desk.finish(said, begun.browser)
    assert refused.value.rule == "oidc.issuer"


def test_the_provider_says_no(desk) -> None:
    begun = desk.begin()
    said = desk.server.authorize(begun.url)
    no = {"error": "access_denied", "state": said["state"], "iss": said["iss"]}
    with pytest.raises(Refused) as refused:
        desk.finish(no, begun.browser)
    assert refused.value.rule == "oidc.refused"


def test_keys_are_kept_and_rotated(desk, monkeypatch) -> None:
    monkeypatch.setattr(provider_module, "_KEYS_AGAIN", 0.0)
    desk.server.asked.clear()
    desk.prove()
    desk.prove()
    assert desk.server.asked.count("/jwks") == 1
    assert desk.server.asked.count("/.well-known/openid-configuration") == 1
    desk.server.rotate()
    desk.prove()
    assert desk.server.asked.count("/jwks") == 2


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"token_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
def test_metadata_that_lie(desk, metadata) -> None:
    desk.server.lies = Lies(metadata=metadata)
    with pytest.raises(Unavailable):
        desk.begin()


def test_settings_are_checked(tmp_path) -> None:
    assert client_of(Settings(dir=tmp_path)) is None
    for wrong in (
        {"oidc_issuer": "http://id.example.org", "oidc_client_id": "x"},
        {"oidc_issuer": "https://id.example.org"},
    ):
        with pytest.raises(Invalid):
            client_of(Settings(dir=tmp_path, **wrong))


def test_beginning_is_limited(desk) -> None:
    for _ in range(20):
        desk.begin(address="203.0.113.9")
    with pytest.raises(TooMany):
        desk.begin(address="203.0.113.9")
    desk.begin()


def test_coming_back_is_limited(desk) -> None:
    for _ in range(20):
        with pytest.raises(Refused):
            desk.finish({"state": "x", "code": "y"}, "z", address="203.0.113.9")
    with pytest.raises(TooMany):
        desk.finish({"state": "x", "code": "y"}, "z", address="203.0.113.9")
