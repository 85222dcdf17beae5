"""Parties and members: registered, changed, and owed to the log without naming anybody."""

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from quanyu.kernel import Conflict, ControlStore, Invalid, LocalText, NotFound, Owed, Refused
from quanyu.parties import (
    ANONYMOUS,
    PartyKind,
    Role,
    Scope,
    add_member,
    caller_of,
    deactivate,
    find_member,
    find_party,
    members,
    node_party,
    parties,
    party,
    register_party,
    reset_password,
    set_roles,
)

CODE = "12100000400002259P"


def leaves(store: ControlStore) -> list[str]:
    with store.read() as session:
        return [body.decode() for body in session.scalars(select(Owed.body).order_by(Owed.number))]


def test_a_party_is_registered_and_found(any_store: ControlStore) -> None:
    with any_store.begin() as session:
        made = register_party(
            session,
            kind=PartyKind.UNIVERSITY,
            name=LocalText(zh="示例大学 ", en="Example University"),
            credit_code=CODE.lower(),
            example=True,
        )
    with any_store.read() as session:
        assert party(session, made.id) == made
        assert made.name.zh == "示例大学"
        assert find_party(session, CODE) == made
        assert parties(session) == parties(session, PartyKind.UNIVERSITY) == [made]
        assert parties(session, PartyKind.DEPARTMENT) == []
        assert node_party(session) is None


def test_a_code_is_registered_once(any_store: ControlStore) -> None:
    with any_store.begin() as session:
        register_party(
            session, kind=PartyKind.UNIVERSITY, name=LocalText(en="One"), credit_code=CODE
        )
    with pytest.raises(Conflict) as error, any_store.begin() as session:
        register_party(
            session, kind=PartyKind.UNIVERSITY, name=LocalText(en="Two"), credit_code=CODE
        )
    assert error.value.field == "credit_code"


def test_a_node_has_one_party_of_its_own(town) -> None:
    with pytest.raises(Conflict) as error, town.store.begin() as session:
        register_party(session, kind=PartyKind.CITY_NODE, name=LocalText(en="Second"))
    assert error.value.field == "kind"
    with town.store.read() as session:
        assert node_party(session).id == town.node


def test_wrong_names_and_codes_are_refused(store: ControlStore) -> None:
    for name, code, field in [
        (LocalText(en="  "), None, "name.en"),
        (LocalText(zh="一\u0000二"), None, "name.zh"),
        (LocalText(en="x" * 201), None, "name.en"),
        (LocalText(en="Good"), "123", "credit_code"),
    ]:
        with pytest.raises(Invalid) as error, store.begin() as session:
            register_party(session, kind=PartyKind.ENTERPRISE, name=name, credit_code=code)
        assert error.value.field == field


def test_members_are_added_and_listed(town) -> None:
    ann = town.add("Ann@Example.org", Role.STEWARD, Role.SUPPLIER)
    bob = town.add("bob")
    assert ann.login == "ann@example.org"
    with town.store.read() as session:
        assert members(session, town.department) == [ann, bob]
        assert find_member(session, " ANN@example.org ") == ann
        assert find_member(session, "no such one") is None
        caller = caller_of(session, ann.id)
    assert caller.roles == {Role.STEWARD, Role.SUPPLIER}
    assert caller.scopes == frozenset(Scope)
    assert not caller.runs_node


def test_wrong_members_are_refused(town, cheap: PasswordHasher) -> None:
    town.add("ann")
    good = {"login": "carl", "name": "Carl", "password": "long enough", "roles": [Role.AUDITOR]}
    for wrong, kind, field in [
        ({"login": "ANN"}, Conflict, "login"),
        ({"login": "a b"}, Invalid, "login"),
        ({"login": ""}, Invalid, "login"),
        ({"name": ""}, Invalid, "name"),
        ({"password": "short"}, Invalid, "password"),
        ({"password": "x" * 257}, Invalid, "password"),
        ({"password": "e\u0301" * 600}, Invalid, "password"),
    ]:
        with pytest.raises(kind) as error, town.store.begin() as session:
            add_member(session, town.department, **{**good, **wrong}, hasher=cheap)
        assert error.value.field == field
    with pytest.raises(NotFound), town.store.begin() as session:
        add_member(session, "pty_none", **good, hasher=cheap)


def test_only_stewards_administer(town, cheap: PasswordHasher) -> None:
    own = town.caller(town.add("own", Role.STEWARD).id)
    supplier = town.caller(town.add("supplier", Role.SUPPLIER).id)
    operator = town.caller(town.add("operator", Role.OPERATOR, party=town.node).id)
    auditor = town.caller(town.add("auditor", Role.AUDITOR, party=town.node).id)
    with town.store.begin() as session:
        other = register_party(
            session, kind=PartyKind.ENTERPRISE, name=LocalText(en="Firm"), by=operator
        ).id

    def add(by, party) -> None:
        with town.store.begin() as session:
            add_member(
                session,
                party,
                login=f"by{by.member}-{party}".lower(),
                name="New",
                password="long enough",
                roles=[],
                by=by,
                hasher=cheap,
            )

    add(own, town.department)
    add(operator, town.department)
    add(operator, other)
    for by, party_id in [
        (own, other),
        (own, town.node),
        (supplier, town.department),
        (auditor, town.department),
        (ANONYMOUS, town.department),
    ]:
        with pytest.raises(Refused) as error:
            add(by, party_id)
        assert error.value.rule == "parties.administer"
    with pytest.raises(Refused) as refused, town.store.begin() as session:
        register_party(session, kind=PartyKind.ENTERPRISE, name=LocalText(en="F"), by=own)
    assert refused.value.rule == "parties.register"


def test_roles_change_and_accounts_close(town) -> None:
    ann = town.add("ann", Role.SUPPLIER)
    with town.store.begin() as session:
        assert set_roles(session, ann.id, [Role.AUDITOR]).roles == {Role.AUDITOR}
        assert deactivate(session, ann.id).active is False
    with pytest.raises(NotFound), town.store.read() as session:
        caller_of(session, ann.id)
    with pytest.raises(NotFound), town.store.begin() as session:
        set_roles(session, "mbr_none", [])


def test_leaves_name_nobody(town, cheap: PasswordHasher) -> None:
    ann = town.add("ann.lee", Role.SUPPLIER)
    steward = town.caller(town.add("stew", Role.STEWARD).id)
    with town.store.begin() as session:
        set_roles(session, ann.id, [Role.AUDITOR], by=steward)
        reset_password(session, ann.id, password="another one", by=steward, hasher=cheap)
        deactivate(session, ann.id, by=steward)
    written = leaves(town.store)
    kinds = [
        "party.registered",
        "party.registered",
        "member.added",
        "member.added",
        "member.roles",
        "member.password",
        "member.deactivated",
    ]
    assert [leaf.split('"kind":"')[1].split('"')[0] for leaf in written] == kinds
    for secret in ("ann.lee", "Ann.Lee", "Housing", "住建局", ann.id, steward.member):
        assert all(secret not in leaf for leaf in written)
