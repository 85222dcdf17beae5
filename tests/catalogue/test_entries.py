"""The life of an entry on both databases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import orjson
import pytest
from sqlalchemy import select

from quanyu.catalogue import (
    Access,
    Contact,
    FieldMeaning,
    Kind,
    Resource,
    ResourceChanged,
    State,
    StepKind,
    amend,
    derived,
    history,
    identifier_valid,
    publish,
    register,
    register_draft,
    resource,
    save_draft,
    sources,
    withdraw,
)
from quanyu.kernel import (
    Conflict,
    Invalid,
    LocalText,
    NotFound,
    Owed,
    QuanyuError,
    Refused,
    Unauthenticated,
    canonical,
    sha256_hex,
)
from quanyu.parties import ANONYMOUS, Role, Scope


def leaves(city) -> list[dict]:
    with city.store.read() as session:
        wanted = select(Owed.body).where(Owed.kind.startswith("resource.")).order_by(Owed.number)
        return [orjson.loads(body) for body in session.scalars(wanted)]


def test_registering_gives_an_identifier(city) -> None:
    first = city.register("one", city.supplier)
    second = city.register("two", city.supplier)
    model = city.register("three", city.supplier, kind=Kind.MODEL)
    other = city.register("four", city.stranger, provider=city.transport.id)
    # Characters 9 to 17 of the credit code are the organisation's own.
    assert first.code.startswith("110101400000624/D000001")
    assert second.code.startswith("110101400000624/D000002")
    assert model.code.startswith("110101400000624/F000001")
    assert other.code.startswith("110101P")
    assert all(identifier_valid(r.code) for r in (first, second, model, other))
    assert (first.state, first.revision) == (State.REGISTERED, 1)
    with city.store.read() as session:
        for name in (first.id, first.slug, first.code):
            assert resource(session, name) == first


def test_everything_said_is_kept(city) -> None:
    said = {
        "abstract": LocalText(zh="全市建筑物", en="All buildings"),
        "keywords": ("house", "塔"),
        "themes": ("housing", "geography"),
        "bbox": (24.9, 60.1, 25.0, 60.2),
        "fields": (FieldMeaning("height", "number", LocalText(zh="高度"), "m"),),
        "contact": Contact("Office", "office@example.org"),
        "generated": True,
    }
    made = city.register("full", city.supplier, **said)
    with city.store.read() as session:
        kept = resource(session, "full")
    assert kept == made
    assert {name: getattr(kept, name) for name in said} == said


def test_the_whole_life_is_recorded(city) -> None:
    heard: list[ResourceChanged] = []
    city.store.events.subscribe(ResourceChanged, heard.append)
    with city.store.begin() as session:
        draft = save_draft(session, city.draft, city.supplier)
        assert draft.code is None
    with city.store.begin() as session:
        coded = register_draft(session, draft.id, city.supplier)
        shown = publish(session, draft.id, city.supplier, reviewed=False)
        gone = withdraw(session, draft.id, city.supplier, note="wrong data", reviewed=False)
        back = publish(session, draft.id, city.operator)
    assert [r.state for r in (draft, coded, shown, gone, back)] == [
        State.DRAFT,
        State.REGISTERED,
        State.PUBLISHED,
        State.WITHDRAWN,
        State.PUBLISHED,
    ]
    assert coded.code == back.code
    with city.store.read() as session:
        steps = history(session, draft.id)
    kinds = ["drafted", "registered", "published", "withdrawn", "published"]
    assert [s.kind for s in steps] == kinds == [e.step for e in heard]
    assert [s.revision for s in steps] == [1, 2, 3, 4, 5]
    assert steps[3].note == "wrong data"
    assert steps[4].party == city.node.id
    assert [leaf["kind"] for leaf in leaves(city)] == [f"resource.{kind}" for kind in kinds]


def test_leaves_commit_to_the_description_without_the_contact(city) -> None:
    made = city.register("one", contact=Contact("Ann Lee", "ann@example.org"))
    (leaf,) = leaves(city)
    assert "Ann" not in str(leaf)
    with city.store.begin() as session:
        amend(session, made.id, replace(made, contact=None), city.supplier, revision=1)
    first, second = leaves(city)
    assert first["sha256"] == second["sha256"]
    assert second["changed"] == ["contact"]
    assert first["sha256"] != sha256_hex(canonical({}))


def test_amending_needs_the_revision_that_was_read(city) -> None:
    made = city.register("one")
    with city.store.begin() as session:
        new = replace(made, title=LocalText(zh="楼", en="Houses"), themes=("housing",))
        changed = amend(session, made.id, new, city.supplier, revision=1, note="clearer")
    assert (changed.revision, changed.title.en) == (2, "Houses")
    with pytest.raises(Conflict) as error, city.store.begin() as session:
        amend(session, made.id, replace(made, version="2"), city.supplier, revision=1)
    assert error.value.field == "revision"
    with city.store.begin() as session:
        assert amend(session, made.id, changed, city.supplier, revision=2) == changed
        (first, second) = history(session, made.id)
    assert (first.kind, second.kind) == (StepKind.REGISTERED, StepKind.AMENDED)
    assert set(second.changed) == {"title", "themes"}


def test_two_at_once_lose_nothing(city) -> None:
    made = city.register("one")

    def change(number: int) -> bool:
        try:
            with city.store.begin() as session:
                amend(
                    session, made.id, replace(made, version=str(number)), city.supplier, revision=1
                )
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(change, range(2, 10)))
    assert done.count(True) == 1
    with city.store.read() as session:
        assert resource(session, "one").version == str(done.index(True) + 2)


def test_serials_and_slugs_are_given_once(city) -> None:
    def add(number: int) -> str | None:
        try:
            return city.register(f"slug{number // 2}").code
        except Conflict as error:
            assert error.field == "slug"  # noqa: PT017
            return None

    with ThreadPoolExecutor(4) as pool:
        codes = [code for code in pool.map(add, range(12)) if code]
    assert len(codes) == len(set(codes)) == 6
    assert sorted(code[-8:-2] for code in codes) == [f"{n:06d}" for n in range(1, 7)]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"slug": "two"}, "slug"),
        ({"kind": Kind.MODEL}, "kind"),
        ({"lineage": ("res_none",)}, "lineage"),
        ({"bbox": (1, 2, 0, 3)}, "bbox"),
    ],
)
def test_wrong_amendments(city, wrong, field) -> None:
    made = city.register("one")
    with pytest.raises(Invalid) as error, city.store.begin() as session:
        amend(session, made.id, replace(made, **wrong), city.supplier, revision=1)
    assert error.value.field == field
    with city.store.read() as session:
        assert resource(session, "one") == made


def test_a_party_must_be_there(city) -> None:
    with pytest.raises(Invalid) as error:
        city.register("one", provider="pty_none")
    assert error.value.field == "provider"
    with pytest.raises(Invalid) as error, city.store.begin() as session:
        register(session, city.draft, city.supplier, area="1101")
    assert error.value.field == "area"


def test_nothing_comes_from_itself(city) -> None:
    a = city.publish("a")
    b = city.publish("b", lineage=(a.id,))
    c = city.publish("c", lineage=(b.id, a.id))
    for source in (a, b, c):
        with pytest.raises(Invalid) as error, city.store.begin() as session:
            amend(session, a.id, replace(a, lineage=(source.id,)), city.operator, revision=2)
        assert error.value.field == "lineage"
    with city.store.read() as session:
        assert sources(session, c.id, visible_to=ANONYMOUS) == [a, b]
        assert derived(session, a.id, visible_to=ANONYMOUS) == [b, c]
    with city.store.begin() as session:
        withdraw(session, b.id, city.operator)
    with city.store.read() as session:
        assert sources(session, c.id, visible_to=ANONYMOUS) == [a]
    with city.store.begin() as session:
        # What was noted as a source stays one, though it is out of sight by now.
        amend(session, c.id, replace(c, version="2"), city.operator, revision=2)


def test_sources_out_of_sight_do_not_exist(city) -> None:
    hidden = city.register("hidden")
    with pytest.raises(Invalid) as error:
        city.register("other", city.stranger, provider=city.transport.id, lineage=(hidden.id,))
    assert error.value.field == "lineage"


def test_steps_have_their_order(city) -> None:
    with city.store.begin() as session:
        draft = save_draft(session, city.draft, city.supplier)
    for step in (publish, withdraw):
        with pytest.raises(Conflict) as error, city.store.begin() as session:
            step(session, draft.id, city.supplier)
        assert error.value.field == "state"
    shown = city.publish("one")
    for step in (publish, register_draft):
        with pytest.raises(Conflict), city.store.begin() as session:
            step(session, shown.id, city.operator)
    with city.store.begin() as session:
        gone = withdraw(session, shown.id, city.operator)
    with pytest.raises(Conflict), city.store.begin() as session:
        amend(session, gone.id, gone, city.operator, revision=gone.revision)


def test_roles_decide_who_writes(city) -> None:
    made = city.publish("one")
    own = city.supplier

    def attempt(caller) -> None:
        with city.store.begin() as session:
            new = replace(made, version="2")
            amend(session, made.id, new, caller, revision=made.revision, reviewed=False)

    for caller in (
        replace(own, roles=frozenset({Role.CONSUMER, Role.REVIEWER, Role.OPERATOR})),
        replace(own, scopes=frozenset({Scope.READ})),
        city.stranger,
        replace(city.operator, roles=frozenset({Role.SUPPLIER, Role.AUDITOR})),
    ):
        with pytest.raises(Refused) as error:
            attempt(caller)
        assert error.value.rule == "catalogue.write"
        with pytest.raises(Refused), city.store.begin() as session:
            save_draft(session, replace(city.draft, slug="two"), caller)
    with pytest.raises(Unauthenticated):
        attempt(ANONYMOUS)
    attempt(replace(own, roles=frozenset({Role.STEWARD})))


def test_what_the_public_sees_changes_only_after_a_review(city) -> None:
    made = city.register("one")
    steps = (
        lambda s, e: publish(s, e.id, city.supplier),
        lambda s, e: amend(s, e.id, replace(e, version="2"), city.supplier, revision=e.revision),
        lambda s, e: withdraw(s, e.id, city.supplier),
    )
    for step in steps:
        with pytest.raises(Refused) as error, city.store.begin() as session:
            step(session, made)
        assert error.value.rule == "catalogue.review"
        assert "apply" in str(error.value.mend)
        with city.store.begin() as session:
            made = resource(session, made.id)
            if made.state is not State.PUBLISHED:
                made = publish(session, made.id, city.operator)
    with city.store.begin() as session:
        assert amend(session, made.id, made, city.supplier, revision=made.revision) == made


def test_who_sees_what(city) -> None:
    def seen(made: Resource) -> list[bool]:
        answers = []
        for caller in (ANONYMOUS, city.stranger, city.supplier, city.operator):
            try:
                with city.store.read() as session:
                    resource(session, made.slug, visible_to=caller)
            except NotFound:
                answers.append(False)
            else:
                answers.append(True)
        return answers

    made = city.register("one", access=Access.RESTRICTED)
    assert seen(made) == [False, False, True, True]
    # Whom an entry is hidden from is told that it is not there, not that writing is refused.
    for step in (publish, withdraw, register_draft):
        with pytest.raises(NotFound), city.store.begin() as session:
            step(session, made.id, city.stranger)
    with city.store.begin() as session:
        publish(session, made.id, city.operator)
    assert seen(made) == [True] * 4
    with city.store.begin() as session:
        withdraw(session, made.id, city.operator)
    assert seen(made) == [False, False, True, True]


def test_a_failed_step_leaves_nothing(city) -> None:
    made = city.register("one")
    with pytest.raises(QuanyuError), city.store.begin() as session:
        publish(session, made.id, city.operator, note="x" * 2001)
    with city.store.read() as session:
        assert resource(session, "one") == made
        assert len(history(session, made.id)) == 1
    assert len(leaves(city)) == 1
