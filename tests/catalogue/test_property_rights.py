"""The three rights: registered with their resource, bound to conditions, computed beneath."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from registration_office import FAR, Office, found_office
from sqlalchemy import select

from quanyu.catalogue import (
    Application,
    ApplicationKind,
    ApplicationState,
    Conditions,
    Held,
    Origin,
    Proof,
    Resource,
    Right,
    RightKind,
    accept_application,
    advance_applications,
    application_steps,
    apply,
    approve_application,
    certificate,
    certificates,
    holders,
    rebase_application,
    registered_rights,
    resource,
    return_application,
    revise_application,
    rights_beneath,
    rights_on,
    rights_register,
    submit_application,
)
from quanyu.kernel import (
    Conflict,
    ControlStore,
    Invalid,
    LocalText,
    NotFound,
    Owed,
    PartyId,
    Refused,
    ResourceId,
    now,
    sha256_hex,
)
from quanyu.parties import ANONYMOUS, Caller

_K, _S = ApplicationKind, ApplicationState
PROOF = Proof("contract.pdf", "ab" * 32, 1_024)


@pytest.fixture
def office(any_store: ControlStore) -> Office:
    return found_office(any_store)


@pytest.fixture
def small(store: ControlStore) -> Office:
    """On SQLite alone: for what does not depend on the database."""
    return found_office(store)


def party(caller: Caller) -> PartyId:
    assert caller.party is not None
    return caller.party


def right(kind: RightKind, caller: Caller, **rest: Any) -> Right:
    said: dict[str, Any] = {"origin": Origin.PRODUCED}
    return Right(kind=kind, holder=party(caller), **(said | rest))


def given(kind: RightKind, caller: Caller, **rest: Any) -> Right:
    """A right of somebody else than the provider."""
    said: dict[str, Any] = {"origin": Origin.CONTRACT, "basis": "contract 7", "proofs": (PROOF,)}
    return right(kind, caller, **(said | rest))


def all_of(caller: Caller, **rest: Any) -> tuple[Right, ...]:
    return tuple(right(kind, caller, **rest) for kind in RightKind)


def through(office: Office, one: Application) -> None:
    """Lead an application to its end."""
    office.approved(one)
    assert advance_applications(office.store, now() + FAR) == 1


def registers(
    office: Office,
    entry: Resource,
    rights: tuple[Right, ...],
    kind: ApplicationKind = _K.CHANGE,
    by: Caller | None = None,
) -> Application:
    who = by or office.supplier
    made = office.write(apply, entry.id, kind, who, rights=rights, reason="because")
    sent: Application = office.write(submit_application, made.id, who, office.rules)
    through(office, sent)
    return sent


def on(office: Office, entry: Resource) -> tuple[Held, ...]:
    found: tuple[Held, ...] = office.read(rights_on, entry.id, now())
    return found


def leaves(office: Office, kind: str) -> list[dict[str, Any]]:
    with office.store.read() as session:
        rows = session.scalars(select(Owed).where(Owed.kind.like(kind)).order_by(Owed.number))
        return [orjson.loads(row.body) for row in rows]


def test_what_nobody_registered_stays_with_the_provider(office: Office) -> None:
    entry = office.registered("trees", attribution="© Parks")
    found = on(office, entry)
    assert [held.kind for held in found] == list(RightKind)
    assert {held.holder for held in found} == {office.supplier.party}
    assert not any(held.registered for held in found)
    assert found[0].conditions.attribution == "© Parks"
    with pytest.raises(NotFound):
        office.read(rights_on, ResourceId("res_none"), now())


def test_rights_are_registered_with_the_steps_of_an_application(office: Office) -> None:
    entry = office.entry("trees")
    before = now()
    operation = given(
        RightKind.OPERATION,
        office.stranger,
        scope=LocalText(zh="夜间数据", en="Data of nights"),
        term=(None, datetime(2099, 1, 1, tzinfo=UTC)),
    )
    rights = (right(RightKind.HOLDING, office.supplier), operation)
    one = registers(office, entry, rights, _K.FIRST)
    assert office.state(one) is _S.REGISTERED
    found = on(office, entry)
    assert [(held.kind, held.holder, held.registered) for held in found] == [
        (RightKind.HOLDING, office.supplier.party, True),
        (RightKind.PROCESSING, office.supplier.party, False),
        (RightKind.OPERATION, office.stranger.party, True),
    ]
    assert found[2].proofs == (PROOF,)
    assert found[2].application == one.id
    assert holders(found, RightKind.OPERATION) == {office.stranger.party}
    # A year after the end of its term the right is with whoever holds the data again.
    later = office.read(rights_on, entry.id, datetime(2100, 1, 1, tzinfo=UTC))
    assert holders(later, RightKind.OPERATION) == {office.supplier.party}
    assert not any(held.registered for held in office.read(rights_on, entry.id, before))
    said = leaves(office, "right.%")
    assert [leaf["kind"] for leaf in said] == ["right.registered"] * 2
    assert said[1]["holder"] == office.stranger.party
    assert "contract 7" not in str(said)
    moves = leaves(office, "application.%")
    assert all(len(leaf["rights_sha256"]) == 64 for leaf in moves)
    steps = office.read(application_steps, one.id, visible_to=office.supplier)
    assert [step.leaf for step in steps] == [leaf["id"] for leaf in moves]


def test_a_right_goes_to_another_party_by_its_holder_alone(office: Office) -> None:
    entry = office.registered("trees")
    registers(office, entry, all_of(office.supplier))
    kept = all_of(office.supplier)[:2]
    bought = given(RightKind.OPERATION, office.stranger, origin=Origin.TRANSFERRED)
    registers(office, entry, (*kept, bought))
    assert holders(on(office, entry), RightKind.OPERATION) == {office.stranger.party}
    ended = office.read(registered_rights, entry.id)
    assert [held.ended_at is None for held in ended] == [True, True, False, True]
    # The provider cannot take back what is another's, nor change it.
    for rights in (kept, all_of(office.supplier), (*kept, replace(bought, basis="other"))):
        with pytest.raises(Refused) as refusal:
            office.write(apply, entry.id, _K.CHANGE, office.supplier, rights=rights)
        assert refusal.value.rule == "rights.holder"
    # Its holder may, though it does not describe the resource.
    registers(office, entry, kept, by=office.stranger)
    assert holders(on(office, entry), RightKind.OPERATION) == {office.supplier.party}
    with pytest.raises(Refused) as refusal:
        office.write(apply, entry.id, _K.CHANGE, office.stranger, rights=kept)
    assert refusal.value.rule == "catalogue.write"


def test_a_holder_of_rights_cannot_change_the_description(small: Office) -> None:
    office = small
    entry = office.registered("trees")
    rights = (given(RightKind.PROCESSING, office.stranger),)
    registers(office, entry, rights)
    with pytest.raises(Refused) as refusal:
        office.write(
            apply,
            entry.id,
            _K.CHANGE,
            office.stranger,
            rights=rights,
            proposed=office.draft("trees", title=LocalText(en="Mine")),
        )
    assert refusal.value.rule == "catalogue.write"
    with pytest.raises(Refused):
        office.write(apply, entry.id, _K.CHANGE, office.stranger)


BINDING = Conditions(transferable=True, derivable=False, attribution="© Parks", share=1_000)


@pytest.mark.parametrize(
    ("conditions", "change", "rule"),
    [
        (Conditions(transferable=False), {}, "rights.transfer"),
        (BINDING, {}, "rights.conditions"),
        (BINDING, {"conditions": replace(BINDING, share=999)}, "rights.conditions"),
        (BINDING, {"conditions": replace(BINDING, derivable=True)}, "rights.conditions"),
        (Conditions(), {"proofs": ()}, "rights.proof"),
        (Conditions(), {"basis": ""}, "rights.proof"),
        (Conditions(), {"term": (None, None)}, "rights.term"),
    ],
)
def test_a_transfer_that_breaks_a_condition_is_refused_with_the_rule(
    small: Office, conditions: Conditions, change: dict[str, Any], rule: str
) -> None:
    office, entry = small, small.registered("trees")
    end = datetime(2090, 1, 1, tzinfo=UTC)
    own = right(RightKind.OPERATION, office.supplier, conditions=conditions, term=(None, end))
    registers(office, entry, (own,))
    bought = given(RightKind.OPERATION, office.stranger, **({"term": (None, end)} | change))
    with pytest.raises(Refused) as refusal:
        office.write(apply, entry.id, _K.CHANGE, office.supplier, rights=(bought,))
    assert refusal.value.rule == rule


def test_what_was_bought_stays_bound(small: Office) -> None:
    office = small
    entry = office.registered("trees")
    registers(office, entry, (right(RightKind.OPERATION, office.supplier, conditions=BINDING),))
    bought = given(
        RightKind.OPERATION, office.stranger, origin=Origin.TRANSFERRED, conditions=BINDING
    )
    registers(office, entry, (bought,))
    loose = replace(bought, conditions=Conditions())
    with pytest.raises(Refused) as refusal:
        office.write(apply, entry.id, _K.CHANGE, office.stranger, rights=(loose,))
    assert refusal.value.rule == "rights.conditions"
    strict = replace(bought, conditions=replace(BINDING, transferable=False))
    registers(office, entry, (strict,), by=office.stranger)
    assert on(office, entry)[-1].conditions.transferable is False


def test_a_derived_resource_knows_whose_rights_it_rests_on(office: Office) -> None:
    trees = office.registered("trees")
    registers(office, trees, all_of(office.supplier, conditions=BINDING))
    shade = office.registered("shade", lineage=(trees.id,))
    index = office.registered("index", lineage=(shade.id, trees.id))
    found = office.read(rights_beneath, index.id, now())
    assert [(one.slug, one.depth) for one in found] == [("shade", 1), ("trees", 1)]
    assert all(held.registered for held in found[1].rights)
    assert not any(held.registered for held in found[0].rights)
    assert found[0].rights[0].origin is Origin.DERIVED
    assert office.read(rights_beneath, trees.id, now()) == ()
    far = office.read(rights_beneath, index.id, datetime(2020, 1, 1, tzinfo=UTC))
    assert not any(held.registered for one in far for held in one.rights)
    # Attribution beneath is asked for above, and shares add up to no more than the whole.
    with pytest.raises(Refused) as refusal:
        office.write(apply, index.id, _K.CHANGE, office.supplier, rights=all_of(office.supplier))
    assert refusal.value.rule == "rights.attribution"
    greedy = all_of(office.supplier, conditions=Conditions(attribution="© Parks", share=9_001))
    with pytest.raises(Refused) as refusal:
        office.write(apply, index.id, _K.CHANGE, office.supplier, rights=greedy)
    assert refusal.value.rule == "rights.share"
    fair = all_of(office.supplier, conditions=Conditions(attribution="© Parks", share=9_000))
    registers(office, index, fair)
    assert {held.conditions.share for held in on(office, index)} == {9_000}


def test_nothing_is_built_on_what_is_registered_as_not_to_be_built_upon(small: Office) -> None:
    office = small
    trees = office.registered("trees")
    registers(office, trees, all_of(office.supplier, conditions=BINDING))
    theirs = office.write(_save_for, office.stranger, "shade", trees.id, office)
    asked = all_of(office.stranger, conditions=Conditions(attribution="© Parks"))
    with pytest.raises(Refused) as refusal:
        office.write(apply, theirs.id, _K.FIRST, office.stranger, rights=asked)
    assert refusal.value.rule == "rights.derive"
    # With the processing-and-use right it may, as long as that lasts.
    end = datetime(2090, 1, 1, tzinfo=UTC)
    processing = given(RightKind.PROCESSING, office.stranger, conditions=BINDING, term=(None, end))
    registers(office, trees, (*all_of(office.supplier, conditions=BINDING), processing))
    with pytest.raises(Refused) as refusal:
        office.write(apply, theirs.id, _K.FIRST, office.stranger, rights=asked)
    assert refusal.value.rule == "rights.term"
    timely = tuple(replace(one, term=(None, end)) for one in asked)
    registers(office, theirs, timely, _K.FIRST, by=office.stranger)
    assert all(held.registered for held in on(office, theirs))


def _save_for(session: Any, caller: Caller, slug: str, source: ResourceId, office: Office) -> Any:
    from quanyu.catalogue import save_draft

    draft = office.draft(slug, provider=party(caller), lineage=(source,))
    return save_draft(session, draft, caller, area="110101")


def test_rights_that_changed_meanwhile_are_a_clash(office: Office) -> None:
    entry = office.registered("trees")
    one = office.write(
        apply, entry.id, _K.CHANGE, office.supplier, rights=all_of(office.supplier), reason="a"
    )
    office.write(submit_application, one.id, office.supplier, office.rules)
    office.write(accept_application, one.id, office.ann, office.rules)
    with office.store.begin() as session:  # as if an earlier application had ended just now
        from quanyu.catalogue.property_rights import enter_rights

        enter_rights(session, entry.id, all_of(office.supplier)[:1], one.id)
    office.write(
        approve_application, one.id, office.ann, office.rules, checklist=office.ticks(_K.CHANGE)
    )
    assert advance_applications(office.store, now() + FAR) == 1
    assert office.state(one) is _S.RETURNED
    with pytest.raises(Conflict):
        office.write(submit_application, one.id, office.supplier, office.rules)
    office.write(rebase_application, one.id, office.supplier)
    again = office.write(submit_application, one.id, office.supplier, office.rules)
    through(office, again)
    assert all(held.registered for held in on(office, entry))


def test_corrections_mend_and_cancellations_end(office: Office) -> None:
    entry = office.registered("trees")
    registers(office, entry, all_of(office.supplier))
    with pytest.raises(Invalid):
        office.write(apply, entry.id, _K.CORRECTION, office.supplier, rights=())
    with pytest.raises(Invalid):
        office.write(apply, entry.id, _K.CANCELLATION, office.supplier, rights=())
    registers(office, entry, all_of(office.supplier, basis="Statute 3"), _K.CORRECTION)
    assert on(office, entry)[0].basis == "Statute 3"
    one = office.submitted(office.read(resource, "trees"), _K.CANCELLATION)
    through(office, one)
    assert not any(held.registered for held in on(office, entry))
    assert len(leaves(office, "right.ended")) == 6


def test_a_returned_application_for_rights_is_mended(small: Office) -> None:
    office = small
    entry = office.registered("trees")
    one = office.write(
        apply, entry.id, _K.CHANGE, office.supplier, rights=all_of(office.supplier), reason="a"
    )
    sent = office.write(submit_application, one.id, office.supplier, office.rules)
    back = office.write(
        return_application, sent.id, office.ann, office.rules, reason="name the statute"
    )
    mended = office.write(
        revise_application,
        one.id,
        office.draft("trees"),
        office.supplier,
        revision=back.revision,
        rights=all_of(office.supplier, basis="Statute 3"),
    )
    assert mended.revision == back.revision + 1
    through(office, office.write(submit_application, one.id, office.supplier, office.rules))
    assert on(office, entry)[0].basis == "Statute 3"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"holder": PartyId("pty_none")}, "rights.0.holder"),
        ({"term": (datetime(2030, 1, 1, tzinfo=UTC),) * 2}, "rights.0.term"),
        ({"conditions": Conditions(share=10_001)}, "rights.0.share"),
        ({"proofs": (Proof("x", "nothex", 1),)}, "rights.0.proofs"),
        ({"basis": "x" * 501}, "rights.0.basis"),
    ],
)
def test_faults_of_rights_name_the_field(small: Office, change: dict[str, Any], field: str) -> None:
    office, entry = small, small.entry("trees")
    asked = replace(right(RightKind.HOLDING, office.supplier), **change)
    with pytest.raises(Invalid) as fault:
        office.write(apply, entry.id, _K.FIRST, office.supplier, rights=(asked,))
    assert fault.value.field == field
    twice = (right(RightKind.HOLDING, office.supplier),) * 2
    with pytest.raises(Invalid) as fault:
        office.write(apply, entry.id, _K.FIRST, office.supplier, rights=twice)
    assert fault.value.field == "rights.1.holder"


def test_each_registration_has_its_certificate(office: Office) -> None:
    trees = office.registered("trees")
    registers(office, trees, all_of(office.supplier))
    shade = office.registered("shade", lineage=(trees.id,))
    latest, first = office.read(certificates, trees.id)
    assert first.serial == f"{office.read(resource, 'trees').code}-001"
    assert (latest.latest, first.latest, latest.kind) == (True, False, _K.CHANGE)
    assert latest == office.read(certificate, latest.serial, visible_to=ANONYMOUS)
    said = orjson.loads(latest.document)
    assert sha256_hex(latest.document) == latest.digest
    issued = leaves(office, "certificate.issued")
    assert [leaf["document"] for leaf in issued][:2] == [first.digest, latest.digest]
    assert [one["registered"] for one in said["rights"]] == [True] * 3
    assert said["rights"][0]["holder"]["en"] == "Parks"
    above = orjson.loads(office.read(certificates, shade.id)[0].document)
    assert above["beneath"][0]["slug"] == "trees"
    assert [one["registered"] for one in above["rights"]] == [False] * 3
    hidden = office.entry("hidden")
    open_one = office.registered("open-one", lineage=(hidden.id, trees.id))
    listed = orjson.loads(office.read(certificates, open_one.id)[0].document)
    assert [one["slug"] for one in listed["beneath"]] == ["trees"]
    assert listed["beneath_unnamed"] == 1
    assert "hidden" not in str(listed)
    through(office, office.submitted(office.read(resource, "trees"), _K.CANCELLATION))
    # What is registered no more is not shown to others, but that it was is.
    told = office.read(certificate, latest.id, visible_to=ANONYMOUS)
    assert (told.document, told.digest, told.ended) == (b"", latest.digest, True)
    assert office.read(certificate, latest.id, visible_to=office.supplier).document
    with pytest.raises(NotFound):
        office.read(certificate, "crt_none", visible_to=office.supplier)


def test_the_register_is_listed_by_kind_holder_and_resource(office: Office) -> None:
    trees, shade = office.registered("trees"), office.registered("shade")
    registers(office, trees, all_of(office.supplier))
    registers(office, shade, (given(RightKind.OPERATION, office.stranger),))
    registers(office, trees, all_of(office.supplier)[:2])

    def listed(**said: Any) -> list[tuple[str, RightKind]]:
        page = office.read(rights_register, visible_to=ANONYMOUS, **said)
        assert page.total >= len(page.items)
        return [(one.slug, one.right.kind) for one in page.items]

    assert listed(kinds=frozenset({RightKind.OPERATION})) == [("shade", RightKind.OPERATION)]
    assert len(listed(kinds=frozenset({RightKind.OPERATION}), ended=True)) == 2
    assert listed(holder=office.stranger.party) == [("shade", RightKind.OPERATION)]
    assert len(listed(of=frozenset({trees.id}))) == 2
    page = office.read(rights_register, visible_to=ANONYMOUS, limit=2)
    assert (len(page.items), page.total) == (2, 3)
    assert listed(limit=2, after=page.next) == [("trees", RightKind.HOLDING)]
    with pytest.raises(Invalid):
        office.read(rights_register, visible_to=ANONYMOUS, after="x")
    through(office, office.submitted(office.read(resource, "shade"), _K.CANCELLATION))
    assert listed(holder=office.stranger.party, ended=True) == []
