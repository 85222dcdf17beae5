"""Invitations, stewards, acts, own accounts, personal data."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update

from quanyu.kernel import (
    Conflict,
    Invalid,
    NotFound,
    Owed,
    Refused,
    TooMany,
    Unauthenticated,
    now,
)
from quanyu.parties import (
    ActFilter,
    MemberErased,
    Role,
    Scope,
    accept_invitation,
    acts,
    all_acts,
    ask_erasure,
    cancel_erasure,
    change_account,
    deactivate,
    end_session,
    erase_due,
    export_personal_data,
    find_member,
    invitations,
    invite,
    issue_token,
    member,
    network_of,
    notices_of,
    notify,
    open_invitation,
    reactivate,
    revoke_invitation,
    sessions_of,
    set_roles,
    sign_in,
)
from quanyu.parties.tables import ActRow, InvitationRow, MemberRow

PASSWORD = "seven wild geese"
HERE = "192.0.2.77"


def invited(town, **how):
    with town.store.begin() as session:
        return invite(
            session,
            how.pop("by", None),
            how.pop("party", town.department),
            email=how.pop("email", "li@city.example"),
            roles=how.pop("roles", [Role.SUPPLIER]),
            **how,
        )


def accept(town, secret, cheap, login="li.hua", password=PASSWORD):
    return accept_invitation(
        town.store,
        secret,
        login=login,
        name="李华",
        password=password,
        address=HERE,
        hasher=cheap,
    )


def test_an_invitation_opens_an_account_once(town, cheap) -> None:
    found, secret = invited(town)
    assert open_invitation(town.store, secret, HERE).id == found.id
    made = accept(town, secret, cheap)
    assert (made.party, made.roles, made.email) == (
        town.department,
        {Role.SUPPLIER},
        "li@city.example",
    )
    sign_in(town.store, "li.hua", PASSWORD, HERE, hasher=cheap)
    for again in (
        lambda: accept(town, secret, cheap, "other"),
        lambda: open_invitation(town.store, secret, HERE),
    ):
        with pytest.raises(NotFound):
            again()


def test_only_the_hash_is_kept(town) -> None:
    _, secret = invited(town)
    with town.store.read() as session:
        (row,) = session.execute(text("SELECT * FROM invitation")).mappings()
        assert secret not in str(dict(row))


def test_past_revoked_and_replaced_invitations_are_worthless(town, cheap) -> None:
    _, one = invited(town)
    _, two = invited(town)  # the same address: the first is worth nothing now
    with pytest.raises(NotFound):
        accept(town, one, cheap)
    with town.store.begin() as session:
        session.execute(update(InvitationRow).values(expires_at=now() - timedelta(seconds=1)))
    with pytest.raises(NotFound):
        accept(town, two, cheap)
    third, three = invited(town)
    with town.store.begin() as session:
        revoke_invitation(session, None, third.id)
        revoke_invitation(session, None, third.id)
        assert [one.open(now()) for one in invitations(session, None, town.department)] == [
            False
        ] * 3
    with pytest.raises(NotFound):
        accept(town, three, cheap)


def test_a_failed_acceptance_leaves_the_invitation_open(town, cheap) -> None:
    town.add("taken", Role.SUPPLIER)
    _, secret = invited(town)
    with pytest.raises(Conflict):
        accept(town, secret, cheap, login="taken")
    with pytest.raises(Invalid):
        accept(town, secret, cheap, password="short")
    accept(town, secret, cheap)


def test_a_way_back_into_an_account(town, cheap) -> None:
    old = town.add("old", Role.SUPPLIER)
    sign_in(town.store, "old", PASSWORD, HERE, hasher=cheap)
    _, secret = invited(town, member=old.id, roles=[])
    made = accept(town, secret, cheap, password="another long password")
    assert made.id == old.id
    sign_in(town.store, "old", "another long password", HERE, hasher=cheap)
    with pytest.raises(Unauthenticated):
        sign_in(town.store, "old", PASSWORD, HERE, hasher=cheap)


def test_guessing_links_is_stopped(town) -> None:
    _, secret = invited(town)
    for number in range(20):
        with pytest.raises(NotFound):
            open_invitation(town.store, f"guess-{number}", HERE)
    with pytest.raises(TooMany):
        open_invitation(town.store, secret, HERE)
    assert open_invitation(town.store, secret, "198.51.100.1")


def test_who_may_invite(town) -> None:
    steward = town.caller(town.add("boss", Role.STEWARD).id)
    member_ = town.caller(town.add("li", Role.SUPPLIER).id)
    nodes = town.caller(town.add("node", Role.STEWARD, party=town.node).id)
    invited(town, by=steward)
    invited(town, by=nodes)
    with pytest.raises(Refused):
        invited(town, by=member_)
    with pytest.raises(Refused):
        invited(town, by=steward, party=town.node)
    for wrong in ({"roles": []}, {"days": 0}, {"days": 99}, {"email": "no address"}):
        with pytest.raises(Invalid):
            invited(town, by=steward, **wrong)
    with pytest.raises(NotFound):
        invited(town, by=nodes, party="pty_none")


def test_the_last_steward_cannot_remove_itself(town) -> None:
    boss = town.add("boss", Role.STEWARD)
    caller = town.caller(boss.id)
    with town.store.begin() as session:
        for work in (
            lambda: set_roles(session, boss.id, [Role.SUPPLIER], by=caller),
            lambda: deactivate(session, boss.id, by=caller),
            lambda: ask_erasure(session, caller, 15),
        ):
            with pytest.raises(Conflict) as refused:
                work()
            assert refused.value.rule == "people.last-steward"
    second = town.add("second", Role.STEWARD)
    with town.store.begin() as session:
        deactivate(session, boss.id, by=caller)
        with pytest.raises(Conflict):
            deactivate(session, second.id, by=town.caller(second.id))
        reactivate(session, boss.id, by=town.caller(second.id))
        assert member(session, boss.id).active


def test_every_act_is_kept_and_sound(town) -> None:
    boss = town.add("boss", Role.STEWARD)
    caller = replace(town.caller(boss.id), origin=network_of(HERE))
    li = town.add("li", Role.SUPPLIER)
    with town.store.begin() as session:
        set_roles(session, li.id, [Role.AUDITOR], by=caller)
        page = acts(session, caller, ActFilter(kind="member.roles"))
    (one,) = page.acts
    assert (one.actor, one.subject, one.party) == (boss.id, li.id, town.department)
    assert one.origin == "192.0.2.0/24"
    assert one.details == {"before": ["supplier"], "after": ["auditor"]}
    assert one.sound
    with town.store.read() as session:
        leaf = session.scalars(select(Owed).where(Owed.kind == "member.roles")).one()
        for secret in (boss.id, li.id, "192.0.2", "boss"):
            assert secret not in leaf.body.decode()


@pytest.mark.parametrize(
    "change",
    [{"actor": "mbr_other"}, {"details": {"after": ["steward"]}}, {"origin": "198.51.100.0/24"},
     {"subject": "mbr_other"}, {"kind": "member.closed"}, {"on_behalf_of": ["mbr_x"]}],
)  # fmt: skip
def test_a_changed_act_is_seen(town, change) -> None:
    boss = town.add("boss", Role.STEWARD)
    caller = replace(town.caller(boss.id), origin=network_of(HERE))
    li = town.add("li", Role.SUPPLIER)
    with town.store.begin() as session:
        set_roles(session, li.id, [Role.AUDITOR], by=caller)
        row = session.scalars(select(ActRow).where(ActRow.kind == "member.roles")).one()
        for name, value in change.items():
            setattr(row, name, value)
        session.flush()
        found = next(one for one in all_acts(session, None, ActFilter()) if one.id == row.id)
        assert not found.sound


def test_who_reads_acts(town) -> None:
    auditor = town.caller(town.add("auditor", Role.AUDITOR).id)
    nodes = town.caller(town.add("node", Role.AUDITOR, party=town.node).id)
    supplier = town.caller(town.add("li", Role.SUPPLIER).id)
    with town.store.read() as session:
        seen = acts(session, auditor, ActFilter(limit=500)).acts
        assert {one.party for one in seen} == {town.department}
        everything = acts(session, nodes, ActFilter(limit=500)).acts
        assert {one.party for one in everything} == {town.department, town.node}
        with pytest.raises(Refused) as refused:
            acts(session, supplier, ActFilter())
        assert refused.value.rule == "audit.read"
        first = acts(session, nodes, ActFilter(limit=2))
        second = acts(session, nodes, ActFilter(limit=2, after=first.after or ""))
        assert not {one.id for one in first.acts} & {one.id for one in second.acts}
        assert acts(session, nodes, ActFilter(until=now() - timedelta(days=1))).acts == ()
        assert acts(session, nodes, ActFilter(subject="\0")).acts == ()


def test_a_lock_out_is_an_act_and_told(town, cheap) -> None:
    li = town.add("li", Role.SUPPLIER)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            sign_in(town.store, "li", "wrong password", HERE, hasher=cheap)
    with town.store.read() as session:
        (one,) = acts(session, None, ActFilter(kind="member.locked")).acts
        assert (one.subject, one.actor, one.origin) == (li.id, None, "192.0.2.0/24")
        (told,) = notices_of(session, town.caller(li.id)).notices
        assert told.topic == "security"


def test_own_account_and_sessions(town, cheap) -> None:
    li = town.add("li", Role.SUPPLIER)
    caller = town.caller(li.id)
    other = town.caller(town.add("wang", Role.SUPPLIER).id)
    sign_in(town.store, "li", PASSWORD, HERE, agent="Firefox\n140", hasher=cheap)
    _, two = sign_in(town.store, "li", PASSWORD, "2001:db8::1", hasher=cheap)
    with town.store.begin() as session:
        changed = change_account(
            session, caller, name="李 华", email=" li@city.example ", language="en"
        )
        assert (changed.name, changed.email, changed.language) == ("李 华", "li@city.example", "en")
        for wrong in (
            {"name": "", "email": "", "language": ""},
            {"name": "a", "email": "nobody", "language": ""},
            {"name": "a", "email": "", "language": "fr"},
        ):
            with pytest.raises(Invalid):
                change_account(session, caller, **wrong)
        found = sessions_of(session, caller, two)
        assert [s.here for s in found] == [True, False]
        assert {s.origin for s in found} == {"192.0.2.0/24", "2001:db8::/48"}
        assert {s.agent for s in found} == {"Firefox140", None}
        end_session(session, caller, found[1].id)
        assert len(sessions_of(session, caller, two)) == 1
        for wrong_id in (found[0].id, "", "_" * 24):
            with pytest.raises(NotFound):
                end_session(session, other, wrong_id)


def test_a_token_owns_no_account(town) -> None:
    li = town.add("li", Role.SUPPLIER)
    caller = replace(town.caller(li.id), token="tok_1")
    with town.store.begin() as session:
        for work in (
            lambda: change_account(session, caller, name="x", email="", language=""),
            lambda: export_personal_data(session, caller),
            lambda: ask_erasure(session, caller, 0),
        ):
            with pytest.raises(Refused):
                work()


def test_everything_held_is_given_out(town, cheap) -> None:
    li = town.add("li", Role.SUPPLIER)
    caller = town.caller(li.id)
    sign_in(town.store, "li", PASSWORD, HERE, hasher=cheap)
    with town.store.begin() as session:
        change_account(session, caller, name="李华", email="li@city.example", language="zh")
        _, secret = issue_token(
            session, caller, name="gis", scopes=[Scope.READ], expires_at=now() + timedelta(days=1)
        )
        notify(session, to=town.department, topic="node", message="m", params={}, link="/about")
        data = export_personal_data(session, caller)
    folder = zipfile.ZipFile(io.BytesIO(data))
    held = {name: json.loads(folder.read(name)) for name in folder.namelist()}
    assert held["about.json"]["member"] == li.id
    (me,) = held["member.json"]
    assert (me["login"], me["email"]) == ("li", "li@city.example")
    assert {"api_token.json", "member_session.json", "notice_reader.json", "act.json"} <= set(held)
    everything = json.dumps(held)
    assert secret not in everything
    for hidden in ("password_hash", "secret_hash", "salt", "argon2"):
        assert hidden not in everything


def test_erasure_after_the_days_of_grace(town, cheap) -> None:
    li = town.add("li", Role.SUPPLIER)
    caller = town.caller(li.id)
    erased = []
    town.store.events.subscribe(MemberErased, erased.append)
    with town.store.begin() as session:
        change_account(session, caller, name="李华", email="li@city.example", language="zh")
        ask_erasure(session, caller, 15)
        assert erase_due(session) == 0
        cancel_erasure(session, caller)
        assert member(session, li.id).erase_at is None
        ask_erasure(session, replace(caller, origin="192.0.2.0/24"), 15)
        before = session.scalars(select(Owed).where(Owed.kind == "member.erasure-asked")).all()[-1]
        salt = session.get_one(MemberRow, li.id).salt
        session.execute(update(MemberRow).values(erase_at=now()).where(MemberRow.id == li.id))
    with town.store.begin() as session:
        assert erase_due(session) == 1
        assert erase_due(session) == 0
        row = session.get_one(MemberRow, li.id)
        assert (row.email, row.active, row.roles) == (None, False, [])
        assert row.salt != salt  # what the log holds says nothing about anybody any more
        assert find_member(session, "li") is None
        assert before.subject not in str(row.__dict__)
        origins = session.scalars(select(ActRow.origin).where(ActRow.actor == li.id)).all()
        assert set(origins) == {None}
        assert all(one.sound for one in all_acts(session, None, ActFilter()))
        with pytest.raises(Conflict):
            reactivate(session, li.id)
    assert erased == [MemberErased(li.id)]
    with pytest.raises(Unauthenticated):
        sign_in(town.store, "li", PASSWORD, HERE, hasher=cheap)
    for table in ("member", "invitation", "notice", "member_session"):
        with town.store.read() as session:
            everything = str(session.execute(text(f"SELECT * FROM {table}")).all())
            assert "李华" not in everything
            assert "li@city.example" not in everything


def test_a_leaf_that_is_gone_is_seen(town) -> None:
    town.add("li", Role.SUPPLIER)
    with town.store.begin() as session:
        session.execute(delete(Owed).where(Owed.kind == "member.added"))
        found = acts(session, None, ActFilter(kind="member.added")).acts
        assert [one.sound for one in found] == [False]


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::5", "2001:db8:1::/48"),
     ("::ffff:192.0.2.77", "192.0.2.0/24"), ("testclient", ""), ("", "")],
)  # fmt: skip
def test_networks_without_hosts(address, network) -> None:
    assert network_of(address) == network
