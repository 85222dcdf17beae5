"""Classes and grades: proposed by rules, confirmed by reviewers, binding from then on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from registration_office import Office, found_office
from sqlalchemy import select

from quanyu.catalogue import (
    Access,
    Delivery,
    Facts,
    FieldMeaning,
    Grade,
    GradedSource,
    Level,
    ProductDraft,
    Resource,
    Sensed,
    Sensitivity,
    Subject,
    amend,
    confirm_grading,
    confirmed_levels,
    draft_product,
    grading_history,
    grading_of,
    grading_table,
    grading_waits,
    gradings_waiting,
    judge,
    list_product,
    note_data,
    profile_new_data,
    propose_by_data,
    propose_grading,
    propose_missing,
    resource,
    use_grading,
    withdraw,
)
from quanyu.catalogue.classifying.sensing import area_km2, exactness
from quanyu.kernel import Conflict, ControlStore, Invalid, LocalText, Owed, Refused, now
from quanyu.spacetime import IngestOptions, Store, ingest


@pytest.fixture
def office(any_store: ControlStore) -> Office:
    return found_office(any_store)


@pytest.fixture
def small(store: ControlStore) -> Office:
    """On SQLite alone: for what does not depend on the database."""
    return found_office(store)


def facts(*signs: str, **rest: Any) -> Facts:
    fields = tuple(Sensed(f"f{n}", (sign,), ({},)) for n, sign in enumerate(signs))
    return Facts(**({"fields": fields, "text": ""} | rest))


def source(level: Level, rows: int | None = None, **rest: Any) -> GradedSource:
    return GradedSource(**({"slug": "s", "level": level, "rows": rows, "persons": False} | rest))


@pytest.mark.parametrize(
    ("told", "level", "rule"),
    [
        (facts(), Level.L1, "none"),
        (facts("nation"), Level.L2, "nation"),
        (facts("plate", "inner"), Level.L3, "plate"),
        (facts("identity", "mobile"), Level.L4, "identity"),
        (facts("mobile", rows=99_999), Level.L3, "mobile"),
        (facts("mobile", rows=100_000), Level.L4, "many-persons"),
        (facts("mobile", rows=10_000_000), Level.L5, "very-many-persons"),
        (facts("identity", rows=1_000_000), Level.L5, "many-sensitive"),
        (facts("sensitive"), Level.L4, "sensitive"),
        (facts(text="国防工程"), Level.CORE, "defence"),
        (facts(text="燃气管网"), Level.L1, "none"),
        (facts(text="燃气管线", metres=111.0), Level.L1, "none"),
        (facts(text="燃气管线", metres=1.1), Level.L4, "utilities"),
        (facts(text="Gas mains", metres=1.1, km2=5_000), Level.L5, "utilities-wide"),
    ],
)
def test_the_strictest_rule_counts_and_is_named(told: Facts, level: Level, rule: str) -> None:
    found = judge(told, (), grading_table())
    assert (found.level, found.reasons[0]["rule"]) == (level, rule)


def test_joins_raise_and_aggregates_lower() -> None:
    table = grading_table()
    persons = [source(Level.L3, 1_000, persons=True), source(Level.L3, 1_000, persons=True)]
    joined = judge(facts("mobile", rows=1_000), persons, table)
    assert (joined.level, joined.reasons[0]["rule"]) == (Level.L4, "join")
    assert judge(facts("mobile", rows=1_000), persons[:1], table).level is Level.L3
    counted = judge(facts(rows=100), persons, table)
    assert (counted.level, counted.persons) == (Level.L2, False)
    assert counted.reasons[0]["rule"] == "aggregate"
    # As many rows as before is no aggregate, nor are few rows with persons in them.
    assert judge(facts(rows=101), persons, table).level is Level.L3
    assert judge(facts("plate", rows=10), persons, table).level is Level.L3
    # People alone make core data, and unmake them.
    core = [source(Level.CORE, 1_000)]
    assert judge(facts(rows=1), core, table).level is Level.CORE
    highest = [source(Level.L5, 10, persons=True)] * 2
    assert judge(facts("identity", rows=10), highest, table).level is Level.L5


LEVELS = st.sampled_from(Level)
SOURCES = st.lists(
    st.builds(source, LEVELS, st.none() | st.integers(0, 10**7), persons=st.booleans()), max_size=3
)
SIGNS = st.lists(st.sampled_from(sorted(grading_table().signs)), max_size=3)


@given(SIGNS, SIGNS, SOURCES, st.none() | st.integers(0, 10**8))
def test_more_signs_never_lower_a_level(
    few: list[str], more: list[str], sources: list[GradedSource], rows: int | None
) -> None:
    table = grading_table()
    one = judge(facts(*few, rows=rows), sources, table)
    two = judge(facts(*few, *more, rows=rows), sources, table)
    assert two.level >= one.level
    assert one.reasons
    # What came from core data is core, whatever is made of it; nothing else becomes core.
    assert (one.level is Level.CORE) == any(s.level is Level.CORE for s in sources)


def test_a_node_adds_rules_of_its_own(tmp_path: Path) -> None:
    own = tmp_path / "rules.toml"
    own.write_text('[[subject]]\nid = "bees"\nwords = "bees"\nlevel = "L5"\n', "utf-8")
    shipped = grading_table().digest
    try:
        use_grading(own)
        assert judge(facts(text="All bees"), (), grading_table()).level is Level.L5
        assert judge(facts(text="国防"), (), grading_table()).level is Level.CORE
        assert grading_table().digest != shipped
        for broken in ("[[subject]]\nid='x'\n", "not toml", "[[sign]]\nid='a'\nlevel='L9'\n"):
            own.write_text(broken, "utf-8")
            with pytest.raises(Invalid) as fault:
                use_grading(own)
            assert fault.value.field == "grading_file"
    finally:
        use_grading(None)
    assert grading_table().digest == shipped


def test_how_exact_places_are_and_how_large_extents() -> None:
    assert exactness(np.empty(0)) is None
    assert exactness(np.array([24.0, 60.0])) == 111_320.0
    assert exactness(np.array([24.93, 60.17])) == pytest.approx(1_113.2)
    assert exactness(np.array([24.9384123, 60.1699])) == pytest.approx(111_320 / 10**6)
    assert area_km2(None) is None
    assert area_km2((0, 0, 1, 1)) == pytest.approx(12_364, rel=1e-3)


def identity(serial: int) -> str:
    """A well-formed number of nobody: the birth date lies in the future."""
    body = f"11010120991231{serial:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    rest = sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11
    return body + "10X98765432"[rest]


def test_values_of_new_data_are_looked_at_once_and_not_kept(small: Office, tmp_path: Path) -> None:
    office, control = small, small.store
    entry = office.registered("people", access=Access.RESTRICTED, licence="by-agreement")
    numbers = [identity(n) for n in range(30)]
    lines = [f"{n},{n % 7},{24.9 + n / 1e4:.4f},{60.1 + n / 1e4:.4f}" for n in range(30)]
    file = tmp_path / "people.csv"
    rows = [f"{number},{line}" for number, line in zip(numbers, lines, strict=True)]
    file.write_text("\n".join(["a1,n,kind,lon,lat", *rows]), "utf-8")
    store = Store(control, str(tmp_path / "tables"), tmp_path / "cache", engine_threads=1)
    try:
        report = ingest(store, file, "people", IngestOptions())
        with control.begin() as session:
            note_data(session, entry.id, now(), version=report.version.number)
        done = profile_new_data(
            control, store, lambda of, number, view: propose_by_data(control, of, number, view)
        )
    finally:
        store.close()
    assert done == 1
    proposed, confirmed = office.read(grading_of, entry.id)
    assert (proposed.level, proposed.subject, confirmed) == (Level.L4, Subject.USERS, None)
    assert proposed.rows == 30
    assert {reason["rule"] for reason in proposed.reasons} == {"identity", "whereabouts"}
    kept = orjson.dumps([dict(reason) for reason in proposed.reasons]).decode()
    assert not any(number in kept for number in numbers)


def test_a_reviewer_confirms_or_says_why_not(office: Office) -> None:
    entry = office.entry("trees", fields=(FieldMeaning("手机", "string"),))
    office.submitted(entry)
    assert propose_missing(office.store) == 1
    assert propose_missing(office.store) == 0
    (waiting,) = office.read(gradings_waiting).items
    assert (waiting.slug, waiting.proposed.level) == ("trees", Level.L3)
    said: dict[str, Any] = {"level": Level.L3, "industry": "", "subject": Subject.USERS}
    for who in (office.supplier, office.stranger, office.steward):
        with pytest.raises(Refused):
            office.write(confirm_grading, entry.id, who, **said)
    with pytest.raises(Invalid) as fault:
        office.write(confirm_grading, entry.id, office.ann, **(said | {"level": Level.L1}))
    assert fault.value.field == "reason"
    with pytest.raises(Invalid):
        office.write(confirm_grading, entry.id, office.ann, **(said | {"industry": "magic"}))
    done = office.write(confirm_grading, entry.id, office.ann, **said)
    assert done.leaf is not None
    assert office.read(gradings_waiting).total == 0
    assert office.read(confirmed_levels, [entry.id]) == {entry.id: Level.L3}
    # L3 is not for everybody: the access is narrowed, and cannot be widened by hand.
    narrowed = office.read(resource, "trees")
    assert narrowed.access is Access.SHARED
    with pytest.raises(Refused) as refusal:
        office.write(
            amend, entry.id, replace(narrowed, access=Access.OPEN), office.supplier,
            revision=narrowed.revision,
        )  # fmt: skip
    assert refusal.value.rule == "grading.confirmed"
    because = "numbers of offices, not of persons"
    office.write(
        confirm_grading, entry.id, office.ann, reason=because,
        **(said | {"level": Level.L1, "subject": Subject.BUSINESS}),
    )  # fmt: skip
    history = office.read(grading_history, entry.id)
    assert [one.confirmed for one in history] == [True, True, False]
    assert (history[0].reason, history[0].level) == (because, Level.L1)
    with office.store.read() as session:
        rows = session.scalars(select(Owed).where(Owed.kind == "grading.confirmed")).all()
    bodies = [orjson.loads(row.body) for row in rows]
    assert [(body["level"], body["proposed"]) for body in bodies] == [("L3", "L3"), ("L1", "L3")]
    assert because not in str(bodies)
    # A proposal like the one before asks nobody again; another one does.
    office.write(propose_grading, office.read(resource, "trees"))
    assert not office.read(grading_waits, entry.id)
    now_there = office.read(resource, "trees")
    more = replace(now_there, fields=(*now_there.fields, FieldMeaning("身份证号", "string")))
    office.write(amend, entry.id, more, office.supplier, revision=now_there.revision)
    office.write(propose_grading, office.read(resource, "trees"))
    assert office.read(grading_waits, entry.id)


def confirmed(office: Office, entry: Resource, level: Level) -> None:
    office.write(
        confirm_grading, entry.id, office.ann, level=level, industry="", subject=Subject.BUSINESS,
        reason="as decided",
    )  # fmt: skip


def test_what_is_confirmed_as_core_is_closed_to_all(office: Office) -> None:
    entry = office.registered("trees")
    confirmed(office, entry, Level.CORE)
    known = office.read(resource, "trees")
    assert (known.grade, known.access) == (Grade.CORE, Access.CLOSED)
    with pytest.raises(Refused) as refusal:
        office.write(
            amend, entry.id, replace(known, grade=Grade.GENERAL), office.steward,
            revision=known.revision,
        )  # fmt: skip
    assert refusal.value.rule == "grading.confirmed"
    confirmed(office, entry, Level.L2)
    assert office.read(resource, "trees").grade is Grade.GENERAL


def test_products_of_core_or_unconfirmed_important_data_are_refused(office: Office) -> None:
    entry = office.registered(
        "trees", grade=Grade.IMPORTANT, access=Access.RESTRICTED, licence="by-agreement"
    )
    draft = ProductDraft(
        title=LocalText(en="Index"),
        provider=entry.provider,
        delivery=Delivery.API,
        sources=(entry.id,),
    )
    made = office.write(draft_product, draft, office.supplier)
    with pytest.raises(Refused) as refusal:
        office.write(list_product, made.id, office.supplier, operates=lambda _: True)
    assert refusal.value.rule == "grading.unconfirmed"
    confirmed(office, entry, Level.L5)
    office.write(list_product, made.id, office.supplier, operates=lambda _: True)
    confirmed(office, entry, Level.CORE)
    again = office.write(draft_product, draft, office.supplier)
    with pytest.raises(Refused) as refusal:
        office.write(list_product, again.id, office.supplier, operates=lambda _: True)
    assert refusal.value.rule == "grading.core"


def test_levels_come_down_from_sources_that_were_confirmed(office: Office) -> None:
    trees = office.registered("trees", access=Access.RESTRICTED, licence="by-agreement")
    confirmed(office, trees, Level.L4)
    shade = office.entry("shade", lineage=(trees.id,))
    proposed = office.write(propose_grading, shade)
    assert (proposed.level, proposed.reasons[0]["rule"]) == (Level.L4, "made-from")
    # Who graded what was made of it looks again when its source is graded higher.
    confirmed(office, shade, Level.L4)
    confirmed(office, trees, Level.L2)
    assert not office.read(grading_waits, shade.id)
    confirmed(office, trees, Level.L5)
    assert office.read(grading_waits, shade.id)
    office.write(withdraw, trees.id, office.steward)
    with pytest.raises(Conflict):
        confirmed(office, trees, Level.L1)


def test_declared_sensitivity_counts_too(small: Office) -> None:
    entry = small.entry("x", fields=(FieldMeaning("f", "string", None, "", Sensitivity.PERSONAL),))
    assert small.write(propose_grading, entry).level is Level.L3
