"""Applications for registration: the whole life, who may do what, deadlines, objections."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from registration_office import FAR, Office, found_office

from quanyu.catalogue import (
    APPLICATION_KINDS,
    Access,
    ApplicationKind,
    ApplicationMoved,
    ApplicationState,
    Grade,
    Move,
    ObjectionState,
    Resource,
    State,
    Tick,
    accept_application,
    advance_applications,
    amend,
    answer_objection,
    application,
    application_counts,
    application_steps,
    applications,
    apply,
    approve_application,
    differences,
    each_application,
    hand_over_application,
    object_to,
    objections,
    overdue_applications,
    publicised,
    publicised_application,
    rebase_application,
    recall_application,
    refuse_application,
    register_application,
    resource,
    return_application,
    revise_application,
    submit_application,
)
from quanyu.kernel import (
    Conflict,
    ControlStore,
    Invalid,
    LocalText,
    NotFound,
    QuanyuError,
    Refused,
    TooMany,
    Unauthenticated,
    now,
)
from quanyu.parties import ANONYMOUS, Caller, Role, Scope, notices_of, set_roles

_K, _S = ApplicationKind, ApplicationState


@pytest.fixture
def office(any_store: ControlStore) -> Office:
    return found_office(any_store)


def test_the_whole_life_of_a_first_registration(office: Office) -> None:
    heard: list[ApplicationMoved] = []
    office.store.events.subscribe(ApplicationMoved, heard.append)
    entry = office.entry()
    one = office.submitted(entry)
    assert one.state is _S.SUBMITTED
    assert one.deadline is not None
    office.approved(one)
    shown = office.read(publicised)
    assert [item.id for item in shown.items] == [one.id]
    assert office.read(resource, "trees").state is State.DRAFT
    assert advance_applications(office.store, now()) == 0
    assert advance_applications(office.store, now() + FAR) == 1
    assert advance_applications(office.store, now() + FAR) == 0
    known = office.read(resource, "trees", visible_to=ANONYMOUS)
    assert known.state is State.PUBLISHED
    assert known.code is not None
    assert known.code.startswith("110101")
    steps = office.read(application_steps, one.id, visible_to=office.supplier)
    moves = [step.move for step in steps]
    assert moves == [
        Move.DRAFTED,
        Move.SUBMITTED,
        Move.ACCEPTED,
        Move.APPROVED,
        Move.REVIEWED,
        Move.PUBLICISED,
        Move.REGISTERED,
    ]
    assert [h.move for h in heard] == moves
    leaves = office.leaves()
    assert [leaf["kind"] for leaf in leaves] == [f"application.{move}" for move in moves]
    assert [leaf["id"] for leaf in leaves] == [step.leaf for step in steps]
    assert "because" not in str(leaves)
    assert "parks@" not in str(leaves)
    assert set(steps[3].checklist) == set(office.ticks(_K.FIRST))
    assert steps[6].party is None


def test_a_public_entry_stays_as_it_is_while_a_change_is_under_way(office: Office) -> None:
    entry = office.registered()
    new = replace(entry, title=LocalText(zh="行道树", en="Street trees"))
    one = office.submitted(entry, _K.CHANGE, proposed=new)
    office.approved(one)
    assert office.read(resource, "trees").title == entry.title
    (title, _) = differences(one.base, one.proposed)
    assert (title.field, title.old) == ("title", "树木")
    advance_applications(office.store, now() + FAR)
    assert office.read(resource, "trees").title == new.title
    assert office.read(resource, "trees").code == entry.code


def test_cancellation_takes_the_entry_from_sight(office: Office) -> None:
    entry = office.registered()
    office.approved(office.submitted(entry, _K.CANCELLATION))
    advance_applications(office.store, now() + FAR)
    assert office.read(resource, "trees").state is State.WITHDRAWN
    again = office.submitted(office.read(resource, "trees"), _K.FIRST)
    office.approved(again)
    advance_applications(office.store, now() + FAR)
    back = office.read(resource, "trees")
    assert (back.state, back.code) == (State.PUBLISHED, entry.code)


def test_returned_with_words_on_fields_mended_and_sent_again(office: Office) -> None:
    one = office.submitted(office.entry())
    with pytest.raises(Invalid, match="reason"):
        office.write(return_application, one.id, office.ann, office.rules, reason="  ")
    back = office.write(
        return_application,
        one.id,
        office.ann,
        office.rules,
        reason="see below",
        comments={"abstract": "say until when", "title": " "},
        checklist={"complete": Tick(False, "no period")},
    )
    assert (back.state, back.comments) == (_S.RETURNED, {"abstract": "say until when"})
    new = replace(one.proposed, abstract=LocalText(en="Street trees until 2026"))
    mended = office.write(revise_application, one.id, new, office.supplier, revision=back.revision)
    again = office.write(
        submit_application, one.id, office.supplier, office.rules, revision=mended.revision
    )
    assert (again.state, again.comments, again.approvals) == (_S.SUBMITTED, {}, ())
    office.approved(again)
    advance_applications(office.store, now() + FAR)
    assert office.read(resource, "trees").abstract == new.abstract


def test_refused_for_good_and_recalled(office: Office) -> None:
    one = office.submitted(office.entry())
    office.write(refuse_application, one.id, office.ann, office.rules, reason="no data")
    with pytest.raises(Conflict):
        office.write(submit_application, one.id, office.supplier, office.rules)
    two = office.submitted(office.read(resource, "trees"))
    gone = office.write(recall_application, two.id, office.supplier)
    assert gone.state is _S.RECALLED
    assert office.read(resource, "trees").state is State.DRAFT
    assert office.submitted(office.read(resource, "trees")).state is _S.SUBMITTED


def test_important_data_need_two_reviewers_and_core_data_are_not_offered(office: Office) -> None:
    entry = office.entry(grade=Grade.IMPORTANT, access=Access.RESTRICTED, licence="by-agreement")
    one = office.submitted(entry)
    assert one.approvals_needed == 2
    half = office.approved(one, office.ann)
    assert (half.state, len(half.approvals)) == (_S.ACCEPTED, 1)
    with pytest.raises(Conflict, match="approved this already"):
        office.approved(half, office.ann)
    assert office.approved(half, office.bob).state is _S.PUBLICISED
    core = office.entry("core", grade=Grade.CORE, access=Access.CLOSED, licence="by-agreement")
    made = office.write(apply, core.id, _K.FIRST, office.supplier)
    with pytest.raises(Refused) as error:
        office.write(submit_application, made.id, office.supplier, office.rules)
    assert error.value.rule == "applications.core"


def test_an_approval_needs_the_whole_checklist(office: Office) -> None:
    one = office.submitted(office.entry())
    office.write(accept_application, one.id, office.ann, office.rules)
    full = office.ticks(_K.FIRST)
    for ticks in (
        {},
        {**full, "grade": Tick(False, "too low")},
        {**full, "nothing": Tick(True)},
        {**full, "grade": Tick(True, "x" * 501)},
    ):
        with pytest.raises(Invalid) as error:
            office.write(approve_application, one.id, office.ann, office.rules, checklist=ticks)
        assert error.value.field == "checklist"
    assert office.state(one) is _S.ACCEPTED


def test_nobody_reviews_what_they_applied_for(office: Office) -> None:
    entry = office.entry()
    made = office.write(apply, entry.id, _K.FIRST, office.bob)
    one = office.write(submit_application, made.id, office.bob, office.rules)
    with pytest.raises(Refused) as error:
        office.write(accept_application, one.id, office.bob, office.rules)
    assert error.value.rule == "applications.four-eyes"
    assert office.write(accept_application, one.id, office.ann, office.rules).state is _S.ACCEPTED


def test_the_only_reviewer_may_review_their_own(office: Office) -> None:
    assert office.ann.member is not None
    office.write(set_roles, office.ann.member, [Role.AUDITOR])
    made = office.write(apply, office.entry().id, _K.FIRST, office.bob)
    one = office.write(submit_application, made.id, office.bob, office.rules)
    assert office.write(accept_application, one.id, office.bob, office.rules).state is _S.ACCEPTED


def test_handed_over_to_another_reviewer(office: Office) -> None:
    one = office.submitted(office.entry())
    office.write(accept_application, one.id, office.ann, office.rules)
    given = office.write(hand_over_application, one.id, office.ann, to=office.bob.member)
    assert given.assigned == office.bob.member
    for other in (office.supplier.member, office.steward.member, "mbr_nobody"):
        with pytest.raises(Invalid) as error:
            office.write(hand_over_application, one.id, office.ann, to=other)
        assert error.value.field == "to"
    page = office.read(applications, office.bob, assigned=office.bob.member)
    assert [item.id for item in page.items] == [one.id]


def test_an_objection_stops_the_clock_until_it_is_answered(office: Office) -> None:
    one = office.approved(office.submitted(office.entry()))
    said = office.write(object_to, one.id, office.stranger, office.rules, text="twice collected")
    assert said.state is ObjectionState.OPEN
    assert advance_applications(office.store, now() + FAR) == 0
    with pytest.raises(Conflict, match="objection is open"):
        office.write(register_application, one.id, office.ann)
    with pytest.raises(Invalid, match="reason"):
        office.write(answer_objection, said.id, office.ann, uphold=False, answer="")
    paused = office.read(publicised_application, one.id)
    after = office.write(
        answer_objection, said.id, office.ann, uphold=False, answer="another register"
    )
    assert after.paused_at is None
    assert paused.publicity_until is not None
    assert after.publicity_until is not None
    assert after.publicity_until > paused.publicity_until
    assert after.deadline == after.publicity_until
    with pytest.raises(Conflict, match="answered already"):
        office.write(answer_objection, said.id, office.ann, uphold=True, answer="no")
    assert advance_applications(office.store, now() + FAR) == 1
    (told,) = office.read(objections, one.id, visible_to=ANONYMOUS)
    assert (told.state, told.answer) == (ObjectionState.DISMISSED, "another register")


def test_an_objection_that_is_upheld_returns_the_application(office: Office) -> None:
    one = office.approved(office.submitted(office.entry()))
    said = office.write(
        object_to, one.id, ANONYMOUS, office.rules, text="not theirs", contact="a@example.org"
    )
    other = office.write(object_to, one.id, office.stranger, office.rules, text="late")
    back = office.write(answer_objection, said.id, office.ann, uphold=True, answer="right")
    assert (back.state, back.paused_at) == (_S.RETURNED, None)
    seen = office.read(objections, one.id, visible_to=office.ann)
    assert [(o.state, o.contact) for o in seen] == [
        (ObjectionState.UPHELD, "a@example.org"),
        (ObjectionState.LAPSED, ""),
    ]
    public = office.read(objections, one.id, visible_to=ANONYMOUS)
    assert [(o.id, o.contact) for o in public] == [(said.id, "")]
    assert other.id not in {o.id for o in public}
    assert "example.org" not in str(office.leaves())


def test_what_is_no_objection(office: Office) -> None:
    one = office.submitted(office.entry())
    with pytest.raises(NotFound):
        office.write(object_to, one.id, office.stranger, office.rules, text="early")
    office.approved(one)
    for caller, said, field in (
        (ANONYMOUS, {"text": "who am I"}, "contact"),
        (office.stranger, {"text": " "}, "text"),
        (office.stranger, {"text": "x" * 2_001}, "text"),
        (ANONYMOUS, {"text": "x", "contact": "y" * 201}, "contact"),
        (office.stranger, {"text": "a\x00b"}, "text"),
    ):
        with pytest.raises(Invalid) as error:
            office.write(object_to, one.id, caller, office.rules, **said)
        assert error.value.field == field
    office.write(object_to, one.id, office.stranger, office.rules, text="once")
    with pytest.raises(Conflict, match="already"):
        office.write(object_to, one.id, office.stranger, office.rules, text="twice")
    for number in range(49):
        office.write(object_to, one.id, ANONYMOUS, office.rules, text="n", contact=f"{number}")
    with pytest.raises(TooMany):
        office.write(object_to, one.id, ANONYMOUS, office.rules, text="n", contact="last")


def test_without_publicity_registered_at_once(office: Office) -> None:
    none = replace(office, rules=replace(office.rules, publicity_days=0))
    assert none.approved(none.submitted(none.entry())).state is _S.REGISTERED
    assert none.read(resource, "trees").state is State.PUBLISHED


def test_changes_of_others_are_kept_when_they_touch_other_fields(office: Office) -> None:
    entry = office.registered()
    new = replace(entry, title=LocalText(en="All trees"))
    one = office.approved(office.submitted(entry, _K.CHANGE, proposed=new))
    fresh = replace(entry, version="2026-11")
    office.write(amend, entry.id, fresh, office.steward, revision=entry.revision)
    assert advance_applications(office.store, now() + FAR) == 1
    known = office.read(resource, "trees")
    assert (known.title, known.version) == (new.title, "2026-11")
    assert office.state(one) is _S.REGISTERED


def test_a_clash_returns_it_and_is_mended_by_taking_in_what_changed(office: Office) -> None:
    entry = office.registered()
    new = replace(entry, title=LocalText(en="All trees"), keywords=("trees",))
    one = office.approved(office.submitted(entry, _K.CHANGE, proposed=new))
    theirs = replace(entry, title=LocalText(en="Some trees"), version="3")
    office.write(amend, entry.id, theirs, office.steward, revision=entry.revision)
    assert advance_applications(office.store, now() + FAR) == 1
    back = office.read(application, one.id, visible_to=office.supplier)
    assert back.state is _S.RETURNED
    assert set(back.comments) == {"title"}
    assert office.read(resource, "trees").title == theirs.title
    with pytest.raises(Conflict, match="title"):
        office.write(submit_application, one.id, office.supplier, office.rules)
    merged = office.write(rebase_application, one.id, office.supplier)
    assert (merged.proposed.title, merged.proposed.version) == (new.title, "3")
    again = office.write(submit_application, one.id, office.supplier, office.rules)
    office.approved(again)
    advance_applications(office.store, now() + FAR)
    assert office.read(resource, "trees").title == new.title


def test_many_at_once_an_answer_for_each(office: Office) -> None:
    good = [office.submitted(office.entry(f"good-{n}")) for n in range(3)]
    bad = office.submitted(office.entry("bad"))
    office.write(accept_application, bad.id, office.bob, office.rules)
    before = len(office.leaves())
    ids = [good[0].id, bad.id, "app_none", good[1].id, good[2].id]
    with office.store.begin() as session:
        outcomes = each_application(
            session, ids, lambda one: accept_application(session, one, office.ann, office.rules)
        )
    assert [o.id for o in outcomes] == ids
    assert [type(o.error) for o in outcomes] == [
        type(None),
        Conflict,
        NotFound,
        type(None),
        type(None),
    ]
    assert all(office.state(one) is _S.ACCEPTED for one in good)
    assert len(office.leaves()) == before + 3
    for none in ([], [f"app_{n}" for n in range(201)]):
        with pytest.raises(Invalid):
            office.write(each_application, none, lambda _: None)


def test_deadlines_pass_and_are_told_once(office: Office) -> None:
    one = office.submitted(office.entry())

    def told() -> list[str]:
        with office.store.read() as session:
            page = notices_of(session, office.ann, topic="deadline")
            return [one.message for one in page.notices]

    assert told() == []
    assert one.deadline is not None
    for moment in (one.deadline - timedelta(hours=5), one.deadline - timedelta(hours=1)):
        advance_applications(office.store, moment)
        assert len(told()) == 1
    for hours in (1, 30):
        advance_applications(office.store, one.deadline + timedelta(hours=hours))
        assert len(told()) == 2
    assert office.read(overdue_applications, office.ann) == 0


def test_lists_filter_sort_and_page(office: Office) -> None:
    made = [office.submitted(office.entry(f"e-{n}")) for n in range(5)]
    office.write(accept_application, made[0].id, office.ann, office.rules)
    for sort in ("newest", "deadline"):
        seen, after = [], None
        while True:
            page = office.read(applications, office.ann, sort=sort, limit=2, after=after)
            assert page.total == 5
            seen += [item.id for item in page.items]
            after = page.next
            if after is None:
                break
        expected = [m.id for m in reversed(made)] if sort == "newest" else None
        assert sorted(seen) == sorted(m.id for m in made)
        assert expected is None or seen == expected
        if sort == "deadline":
            assert seen[-1] == made[0].id
    accepted = office.read(applications, office.ann, states=frozenset({_S.ACCEPTED}))
    assert [item.id for item in accepted.items] == [made[0].id]
    assert office.read(application_counts, office.ann)[_S.SUBMITTED] == 4
    assert office.read(applications, office.stranger).total == 0
    for wrong in ({"sort": "x"}, {"limit": 0}, {"after": "zz"}, {"after": "\x00"}):
        with pytest.raises(Invalid):
            office.read(applications, office.ann, **wrong)


_READ_ONLY = frozenset({Scope.READ})


def test_who_may_do_what(office: Office) -> None:
    draft = office.write(apply, office.entry("a").id, _K.FIRST, office.supplier)
    sent = office.submitted(office.entry("b"))
    public = office.approved(office.submitted(office.entry("c")))
    weak = replace(office.ann, scopes=_READ_ONLY)
    supplier, ann = office.supplier, office.ann
    consumer = replace(supplier, roles=frozenset({Role.CONSUMER}))
    rules = office.rules
    matrix: list[tuple[Any, tuple[Any, ...], dict[str, Any], str, list[tuple[Caller, type]]]] = [
        (submit_application, (rules,), {}, draft.id, [
            (ANONYMOUS, NotFound), (office.stranger, NotFound), (ann, NotFound),
            (consumer, Refused), (replace(supplier, scopes=_READ_ONLY), Refused),
        ]),
        (recall_application, (), {}, sent.id, [
            (ANONYMOUS, NotFound), (office.stranger, NotFound), (ann, Refused), (consumer, Refused),
        ]),
        (accept_application, (rules,), {}, sent.id, [
            (ANONYMOUS, NotFound), (office.stranger, NotFound), (supplier, Refused),
            (office.steward, Refused), (weak, Refused),
        ]),
        (approve_application, (rules,), {"checklist": {}}, sent.id, [
            (supplier, Refused), (office.steward, Refused), (ann, Conflict),
        ]),
        (return_application, (rules,), {"reason": "x"}, sent.id, [
            (supplier, Refused), (office.steward, Refused), (office.stranger, NotFound),
        ]),
        (refuse_application, (rules,), {"reason": "x"}, sent.id, [
            (supplier, Refused), (office.steward, Refused), (office.stranger, NotFound),
        ]),
        (hand_over_application, (), {"to": ann.member}, sent.id, [
            (supplier, Refused), (office.steward, Refused), (office.stranger, NotFound),
        ]),
        (register_application, (), {}, public.id, [
            (supplier, Refused), (office.steward, Refused), (office.stranger, NotFound),
            (ann, Conflict),
        ]),
    ]  # fmt: skip
    before = office.leaves()
    for act, more, said, one, callers in matrix:
        for caller, error in callers:
            with pytest.raises(error):
                office.write(act, one, caller, *more, **said)
    with pytest.raises(Unauthenticated):
        office.write(answer_objection, "obj_1", ANONYMOUS, uphold=True, answer="x")
    with pytest.raises(NotFound):
        office.write(answer_objection, "obj_1", ann, uphold=True, answer="x")
    assert office.leaves() == before
    for caller, sees in ((office.colleague, True), (ann, False), (office.stranger, False)):
        if sees:
            office.read(application, draft.id, visible_to=caller)
        else:
            with pytest.raises(NotFound):
                office.read(application, draft.id, visible_to=caller)


def test_what_cannot_be_applied_for(office: Office) -> None:
    entry = office.registered()
    draft = office.entry("other")
    cases: list[tuple[Resource, ApplicationKind, dict[str, Any], type[QuanyuError]]] = [
        (entry, _K.FIRST, {}, Conflict),
        (draft, _K.CHANGE, {}, Conflict),
        (draft, _K.CANCELLATION, {}, Conflict),
        (entry, _K.CORRECTION, {"proposed": replace(entry, access=Access.SHARED)}, Invalid),
        (entry, _K.CANCELLATION, {"proposed": replace(entry, version="9")}, Invalid),
        (entry, _K.CHANGE, {"proposed": replace(entry, slug="mine")}, Invalid),
        (entry, _K.CHANGE, {"proposed": replace(entry, licence="nope")}, Invalid),
        (entry, _K.CHANGE, {"reason": "x" * 2_001}, Invalid),
        (entry, _K.CHANGE, {"proposed": replace(entry, lineage=("res_none",))}, Invalid),
        (entry, _K.CHANGE, {"proposed": replace(entry, lineage=(entry.id,))}, Invalid),
        (entry, _K.CHANGE, {"revision": 1}, Conflict),
    ]
    for of, kind, said, error in cases:
        with pytest.raises(error):
            office.write(apply, of.id, kind, office.supplier, **said)
    one = office.write(apply, entry.id, _K.CHANGE, office.supplier)
    with pytest.raises(Conflict, match="under way"):
        office.write(apply, entry.id, _K.CANCELLATION, office.supplier)
    with pytest.raises(Invalid, match="nothing is proposed"):
        office.write(submit_application, one.id, office.supplier, office.rules)
    new = replace(entry, version="2")
    office.write(revise_application, one.id, new, office.supplier, revision=one.revision)
    with pytest.raises(Invalid, match="reason"):
        office.write(submit_application, one.id, office.supplier, office.rules)
    for unknown in ("app_none", "", "a\x00b", "x" * 500):
        with pytest.raises(NotFound):
            office.read(application, unknown, visible_to=office.supplier)
    assert set(APPLICATION_KINDS) == set(_K)
