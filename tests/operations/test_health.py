"""Health: rules on values, figures and their parts, what follows from a resource that is bad."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from health_world import LOOKING, RULES, World, found_world, house

from quanyu.agreements import (
    create_offer,
    overrule_withholding,
    request_agreement,
    sick,
    withheld,
)
from quanyu.catalogue import (
    Access,
    Distribution,
    HealthState,
    Kind,
    ResourceDraft,
    Search,
    Sort,
    UpdateCycle,
    amend,
    care_of,
    health_figures,
    note_data,
    publish,
    register,
    resource,
    search,
    unprofiled,
)
from quanyu.kernel import (
    Conflict,
    ControlStore,
    Invalid,
    LocalText,
    NotFound,
    Refused,
    leaves_of,
    now,
)
from quanyu.operations import (
    WEIGHTS,
    Aspect,
    Health,
    OrderMove,
    Outcome,
    Part,
    Source,
    SourceKind,
    WorkOrderDone,
    WorkOrderState,
    answer_done,
    check_by,
    check_new_rules,
    check_rules,
    combined,
    declare_rules,
    end_health_silence,
    health_changes,
    health_days,
    health_of,
    keep_health_day,
    latest_results,
    list_work_orders,
    look_at_health,
    move_work_order,
    note_run,
    probe_due,
    propose_rules,
    put_health,
    read_quality_rules,
    recheck,
    rule_set,
    rules_yaml,
    silence_health,
    work_order,
)
from quanyu.parties import ANONYMOUS, notices_of

OPEN = {"@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Offer",
        "permission": [{"action": "use"}]}  # fmt: skip


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("health")
    shutil.copy(sqlite_template, folder / "control.sqlite")
    control = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    made = found_world(folder, control)
    yield made
    made.store.close()
    control.close()


def declared(world: World, slug: str, text: str, who: str = "provider") -> None:
    with world.control.begin() as session:
        of = resource(session, slug)
        declare_rules(
            session, world.callers[who], of.id, read_quality_rules(text), world.store.view(slug)
        )


def outcomes(world: World, slug: str) -> dict[str, tuple[Outcome, int, int]]:
    with world.control.read() as session:
        of = resource(session, slug)
    results = check_rules(world.control, world.store, of)
    return {one.name: (one.outcome, one.checked, one.failing) for one in results}


def looked(world: World, slug: str) -> Health:
    look_at_health(world.control, LOOKING)
    with world.control.read() as session:
        return health_of(session, resource(session, slug).id)


def part(health: Health, aspect: Aspect) -> Part:
    return next(one for one in health.parts if one.aspect is aspect)


def test_each_rule_counts_the_rows_that_break_it(world: World) -> None:
    broken = [house(n) for n in range(20)]
    broken += [
        house(20, levels=None),
        house(21, levels=99),
        house(22, code="X1"),
        house(23, code="B-001"),
        house(24, use="castle"),
        house(25, lon=10.0),
        house(26, begun="2003-01-01"),
        house(27, begun=None),
    ]
    world.bring("broken", broken, Access.RESTRICTED, "provider")
    declared(world, "broken", RULES.replace("least: 10}", "least: 100}"))
    found = outcomes(world, "broken")
    assert found == {
        "levels-there": (Outcome.HOLDS, 28, 1),
        "levels-range": (Outcome.FAILS, 27, 1),
        "code-form": (Outcome.FAILS, 28, 1),
        "use-codes": (Outcome.FAILS, 28, 1),
        "code-unique": (Outcome.FAILS, 28, 2),
        "shapes": (Outcome.HOLDS, 28, 0),
        "inside": (Outcome.FAILS, 28, 1),
        "enough": (Outcome.FAILS, 1, 1),
        "begins-first": (Outcome.FAILS, 27, 1),
    }


def test_wrong_rows_are_shown_within_the_view_that_asks(world: World) -> None:
    world.bring(
        "shown", [*(house(n) for n in range(5)), house(5, levels=0)], Access.RESTRICTED, "provider"
    )
    declared(world, "shown", RULES)
    with world.control.read() as session:
        rules = rule_set(session, resource(session, "shown").id)
    by_name = {rule.name: rule.check for rule in rules.rules}
    view = world.store.view("shown")
    assert view.wrong(by_name["levels-range"], world.store.view) == [{"fid": "h5", "levels": "0"}]
    assert view.wrong(by_name["code-unique"], world.store.view) == []
    assert view.wrong(by_name["enough"], world.store.view) == []


def test_datasets_are_compared_with_others(world: World) -> None:
    owners = [house(n, code=f"K{n}", levels=n) for n in range(3)]
    world.bring("owners", owners, Access.RESTRICTED, "provider")
    mine = [house(n, code=f"K{n}", levels=n) for n in range(4)]
    mine += [house(4, code="K2", levels=5)]
    world.bring("mine", mine, Access.RESTRICTED, "provider")
    declared(
        world,
        "mine",
        """
rules:
- {name: known, kind: reference, columns: code, dataset: owners, theirs: code}
- {name: same, kind: agrees, columns: [code, levels], dataset: owners, theirs: [code, levels]}
- {name: near, kind: agrees, columns: [code, levels], dataset: owners, theirs: [code, levels],
   tolerance: 3}
""",
    )
    assert outcomes(world, "mine") == {
        "known": (Outcome.FAILS, 5, 1),
        "same": (Outcome.FAILS, 4, 1),
        "near": (Outcome.HOLDS, 4, 0),
    }


def test_rules_tell_nobody_of_rows_of_another_provider(world: World) -> None:
    world.bring("hidden", [house(n) for n in range(3)], Access.RESTRICTED, "other")
    text = "rules: [{name: peek, kind: reference, columns: code, dataset: DS, theirs: code}]"
    with pytest.raises(Refused) as refusal:
        declared(world, "houses", text.replace("DS", "hidden"))
    assert refusal.value.rule == "quality.reference"
    with pytest.raises(Refused):  # one that there is not is refused alike
        declared(world, "houses", text.replace("DS", "nowhere"))
    world.bring("free", [house(n) for n in range(3)], Access.OPEN, "other")
    declared(world, "houses", text.replace("DS", "free"))
    with world.control.begin() as session:
        free = resource(session, "free")
        closed = replace(free, access=Access.CLOSED, licence="by-agreement")
        amend(
            session,
            free.id,
            closed,
            world.callers["other"],
            revision=free.revision,
            reviewed=False,
        )
    assert outcomes(world, "houses")["peek"] == (Outcome.UNCHECKED, 0, 0)


@pytest.mark.parametrize("who", ["node", "other", "user"])
def test_only_the_provider_declares_rules(world: World, who: str) -> None:
    with pytest.raises(Refused) as refusal:
        declared(world, "houses", RULES, who)
    assert refusal.value.rule == "quality.declare"


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ("{name: a, kind: range, columns: nothing, least: 1}", "columns"),
        ("{name: a, kind: range, columns: owner, least: 1}", "columns"),
        ("{name: a, kind: range, columns: levels, least: x}", "least"),
        ("{name: a, kind: range, columns: levels}", "least"),
        ("{name: a, kind: pattern, columns: code, pattern: '(?=x)'}", "pattern"),
        ("{name: a, kind: codes, columns: use}", "values"),
        ("{name: a, kind: recent, columns: code, age: P1D}", "columns"),
        ("{name: a, kind: inside, bbox: [1, 2, 3]}", "bbox"),
        ("{name: a, kind: reference, columns: code, dataset: houses}", "theirs"),
        ("{name: a, kind: condition, condition: 'levels <'}", "filter"),
        ("{name: a, kind: magic}", "kind"),
        ("{name: a, kind: rows, least: 1, colour: red}", "colour"),
        ("{name: 'A b', kind: rows, least: 1}", "name"),
        ("{name: a, kind: rows, least: 1, share: 2}", "share"),
        ("{name: a, kind: rows, least: 1}, {name: a, kind: rows, most: 9}", "name"),
    ],
)
def test_a_wrong_rule_is_named(world: World, rule: str, field: str) -> None:
    with pytest.raises(Invalid) as error:
        declared(world, "houses", f"rules: [{rule}]")
    assert str(error.value.field).rpartition(".")[2] == field


def test_rules_are_written_as_they_are_read() -> None:
    rules = read_quality_rules(RULES)
    assert read_quality_rules(rules_yaml(rules)) == rules


def test_rules_are_declared_in_evidence_and_not_over_each_other(world: World) -> None:
    world.bring("leafy", [house(n) for n in range(20)], Access.RESTRICTED, "provider")
    declared(world, "leafy", RULES)
    with world.control.begin() as session:
        of = resource(session, "leafy")
        assert len(leaves_of(session, of.id, ["quality.rules-declared"])) == 1
        with pytest.raises(Conflict):
            declare_rules(session, world.callers["provider"], of.id, read_quality_rules(RULES),
                          world.store.view("leafy"), revision=0)  # fmt: skip


def test_rules_are_proposed_that_the_values_keep(world: World) -> None:
    world.bring("typical", [house(n) for n in range(40)], Access.RESTRICTED, "provider")
    view = world.store.view("typical")
    rules = propose_rules(view.profile(frozenset({"owner"})))
    names = {rule.name for rule in rules}
    assert {"row-count", "code-unique", "use-codes", "levels-range", "shape-valid"} <= names
    assert not any(name.startswith("owner-") and "present" not in name for name in names)
    with world.control.begin() as session:
        of = resource(session, "typical")
        kept = declare_rules(session, world.callers["provider"], of.id, rules, view)
    assert all(one.outcome is Outcome.HOLDS for one in check_by(view, kept, world.store.view))


def test_rules_are_checked_on_what_comes_new(world: World) -> None:
    world.bring("renewed", [house(n) for n in range(20)], Access.RESTRICTED, "provider")
    declared(world, "renewed", RULES)
    while check_new_rules(world.control, world.store):
        pass
    assert looked(world, "renewed").state is HealthState.GOOD
    from quanyu import app as composition

    of = world.bring("renewed", [house(n, levels=99) for n in range(20)], Access.RESTRICTED,
                     "provider")  # fmt: skip
    while True:
        with world.control.read() as session:
            if not unprofiled(session):
                break
        composition._look(world.control, world.store)  # the duty itself
    with world.control.read() as session:
        newest = latest_results(session, [of.id])[of.id]
    assert {one.version for one in newest} == {2}
    assert looked(world, "renewed").state is HealthState.BAD


def figure(*scores: tuple[Aspect, int | None]) -> tuple[HealthState, int | None]:
    return combined([Part(aspect, score, "", {}) for aspect, score in scores], WEIGHTS)


def test_a_figure_is_never_better_than_its_worst_part_allows() -> None:
    assert figure() == (HealthState.UNKNOWN, None)
    assert figure((Aspect.QUALITY, None)) == (HealthState.UNKNOWN, None)
    assert figure((Aspect.FRESHNESS, 100), (Aspect.QUALITY, 100)) == (HealthState.GOOD, 100)
    assert figure((Aspect.FRESHNESS, 100), (Aspect.QUALITY, None)) == (HealthState.GOOD, 100)
    assert figure((Aspect.FRESHNESS, 100), (Aspect.REACH, None)) == (HealthState.UNKNOWN, None)
    assert figure((Aspect.FRESHNESS, 60), (Aspect.QUALITY, 100)) == (HealthState.WARNING, 79)
    assert figure((Aspect.FRESHNESS, 100), (Aspect.QUALITY, 0)) == (HealthState.BAD, 49)
    assert figure((Aspect.FRESHNESS, 0), (Aspect.REACH, None)) == (HealthState.BAD, 0)


def test_age_is_judged_by_what_was_promised(world: World) -> None:
    of = world.bring("aged", [house(n) for n in range(12)], Access.OPEN, "provider")
    assert [one.aspect for one in looked(world, "aged").parts] == [Aspect.QUALITY]
    with world.control.begin() as session:
        amend(
            session,
            of.id,
            replace(of, update_cycle=UpdateCycle.DAILY),
            world.callers["provider"],
            revision=of.revision,
            reviewed=False,
        )
    assert part(looked(world, "aged"), Aspect.FRESHNESS).score == 100
    for days, score, state in (
        (1.2, 85, HealthState.GOOD),
        (2, 60, HealthState.WARNING),
        (4, 20, HealthState.BAD),
    ):
        with world.control.begin() as session:
            from quanyu.catalogue.quality.tables import CareRow

            row = session.query(CareRow).where(CareRow.resource == of.id).one()
            row.data_at = now() - timedelta(days=days)
            note_data(session, of.id, row.data_at + timedelta(seconds=1), version=1)
        found = looked(world, "aged")
        assert (part(found, Aspect.FRESHNESS).score, found.state) == (score, state)


def test_a_resource_that_is_bad_is_called_withheld_and_comes_back(world: World) -> None:
    provider, user = world.callers["provider"], world.callers["user"]
    world.bring("ill", [house(n) for n in range(20)], Access.RESTRICTED, "provider")
    with world.control.begin() as session:
        of = resource(session, "ill")
        put = create_offer(session, provider, of.id, OPEN)
        signed = request_agreement(session, user, put.id, statement="to plan")
        from quanyu.agreements import approve

        approve(session, provider, signed.id)
    declared(world, "ill", RULES.replace("least: 10}", "least: 100}"))
    assert outcomes(world, "ill")["enough"][0] is Outcome.FAILS
    for _ in range(2):  # looked at again nothing is opened or told twice
        found = looked(world, "ill")
        assert found.state is HealthState.BAD
        assert found.order is not None
        with world.control.begin() as session:
            from quanyu.catalogue import want_health

            want_health(session, [of.id])
    with world.control.begin() as session:
        assert sick(session, of.id)
        for attempt in (
            lambda: create_offer(session, provider, of.id, OPEN),
            lambda: request_agreement(session, world.callers["other"], put.id, statement="me"),
        ):
            with pytest.raises(Refused) as refusal:
                attempt()
            assert refusal.value.rule in ("resource.sick", "agreement.request")
        with pytest.raises(Refused):
            overrule_withholding(session, user, of.id, "I need it")
        told = notices_of(session, user, limit=50).notices
        assert sum("not well" in one.message for one in told) == 1
        assert len(leaves_of(session, of.id, ["health.failing"])) == 1
        orders = list_work_orders(session, provider).items
        assert sum(one.resource == of.id for one in orders) == 1
    with world.control.begin() as session:
        overrule_withholding(session, provider, of.id, "the rule is too strict for this quarter")
        assert not sick(session, of.id)
        assert len(leaves_of(session, of.id, ["offer.overruled"])) == 1
        create_offer(session, provider, of.id, OPEN)
    declared(world, "ill", RULES)
    outcomes(world, "ill")
    found = looked(world, "ill")
    assert found.state is HealthState.GOOD
    assert found.order is None
    with world.control.read() as session:
        assert withheld(session, [of.id]) == {}
        orders = [one for one in list_work_orders(session, provider).items if one.resource == of.id]
        assert [one.state for one in orders] == [WorkOrderState.CLOSED]
        assert len(leaves_of(session, of.id, ["health.recovered"])) == 1
        states = [one.state for one in health_changes(session, of.id)[0]]
        assert states[:2] == [HealthState.GOOD, HealthState.BAD]


def test_an_order_that_is_done_is_checked_and_opened_again_or_closed(world: World) -> None:
    provider = world.callers["provider"]
    world.bring("mended", [house(n) for n in range(5)], Access.RESTRICTED, "provider")
    declared(world, "mended", RULES)
    outcomes(world, "mended")
    order = looked(world, "mended").order
    assert order is not None

    def finish() -> None:
        with world.control.begin() as session:
            for move in (OrderMove.ACCEPT, OrderMove.START, OrderMove.FINISH):
                one = work_order(session, order, provider)
                try:
                    move_work_order(session, order, provider, move, revision=one.revision)
                except (Conflict, Refused):
                    continue

    def answered() -> WorkOrderState:
        with world.control.read() as session:
            of = resource(session, "mended")
        done = WorkOrderDone(order, Source(SourceKind.HEALTH, of.id))
        answer_done(world.control, world.store, done, LOOKING, every=timedelta(minutes=30))
        with world.control.read() as session:
            return work_order(session, order, provider).state

    finish()
    assert answered() not in (WorkOrderState.DONE, WorkOrderState.CLOSED)
    world.bring("mended", [house(n) for n in range(15)], Access.RESTRICTED, "provider")
    finish()
    assert answered() is WorkOrderState.CLOSED


def test_nobody_is_called_during_planned_maintenance(world: World) -> None:
    provider = world.callers["provider"]
    of = world.bring("planned", [house(n) for n in range(5)], Access.RESTRICTED, "provider")
    looked(world, "planned")
    with world.control.begin() as session:
        for until, reason, field in (
            (now() - timedelta(hours=1), "moving house", "until"),
            (now() + timedelta(days=400), "moving house", "until"),
            (now() + timedelta(hours=1), " ", "reason"),
        ):
            with pytest.raises(Invalid) as error:
                silence_health(session, provider, of.id, until, reason)
            assert error.value.field == field
        with pytest.raises(Refused):
            silence_health(session, world.callers["user"], of.id, now() + timedelta(hours=1), "x")
        silence_health(session, provider, of.id, now() + timedelta(hours=1), "moving house")
    declared(world, "planned", RULES)
    outcomes(world, "planned")
    found = looked(world, "planned")
    assert found.state is HealthState.BAD
    assert found.order is None
    assert found.silence is not None
    with world.control.begin() as session:
        assert sick(session, of.id)
        end_health_silence(session, provider, of.id)
    assert looked(world, "planned").order is not None


class Asked:
    """A service that answers as it is told."""

    def __init__(self) -> None:
        import threading
        from http.server import BaseHTTPRequestHandler, HTTPServer

        outer = self
        self.status = 200

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"


def test_services_elsewhere_are_asked(world: World) -> None:
    service = Asked()
    provider = world.callers["provider"]
    assert provider.party is not None
    with world.control.begin() as session:
        draft = ResourceDraft(
            slug="geocoder",
            kind=Kind.SERVICE,
            title=LocalText(zh="地理编码", en="Geocoder"),
            abstract=LocalText(zh="地址服务", en="Addresses"),
            provider=provider.party,
            licence="by-agreement",
            access=Access.SHARED,
            distributions=(Distribution(service.url, api=True),),
        )
        of = register(session, draft, provider)
        of = publish(session, of.id, provider, reviewed=False)
        from quanyu.catalogue.quality.care import put_care
        from quanyu.catalogue.tables import ResourceRow

        put_care(session, session.query(ResourceRow).where(ResourceRow.id == of.id).one())
    assert part(looked(world, "geocoder"), Aspect.REACH).score is None

    def ask() -> Health:
        return recheck(world.control, world.store, of, LOOKING, every=timedelta(minutes=30),
                       allow_private=True)  # fmt: skip

    assert probe_due(world.control, world.store, timedelta(minutes=30), allow_private=True) == 1
    assert looked(world, "geocoder").state is HealthState.GOOD
    service.status = 500
    assert ask().state is not HealthState.BAD  # once is no outage
    found = ask()
    assert (found.state, part(found, Aspect.REACH).score) == (HealthState.BAD, 0)
    service.status = 401
    assert part(ask(), Aspect.REACH).score == 50
    service.server.shutdown()
    service.server.server_close()


def test_runs_that_fail_count(world: World) -> None:
    of = world.bring("counted", [house(n) for n in range(3)], Access.OPEN, "provider")
    with world.control.begin() as session:
        for failed in (False, False, True, False):
            note_run(session, of.id, failed=failed)
    found = part(looked(world, "counted"), Aspect.JOBS)
    # Everybody may read how many jobs failed in a hundred, and nobody how many there are.
    assert (found.score, dict(found.params)) == (75, {"share": "25.0"})


def test_search_filters_sorts_and_counts_by_health(world: World) -> None:
    look_at_health(world.control, LOOKING)
    with world.control.read() as session:
        asked = Search(sort=Sort.SICKNESS, limit=100)
        page = search(session, asked, visible_to=ANONYMOUS)
        figures = health_figures(session, [hit.id for hit in page.hits])
        scores = [figures[hit.id].score for hit in page.hits]
        known = [score for score in scores if score is not None]
        assert known == sorted(known)
        assert known
        assert all(score is None for score in scores[len(known) :])
        counts = {fact.value: fact.count for fact in page.facets["healths"]}
        bad = search(session, Search(healths=frozenset({"bad"}), limit=100), visible_to=ANONYMOUS)
        assert bad.total == counts.get("bad", 0)
        assert {figures[hit.id].state for hit in bad.hits} <= {HealthState.BAD}
        first = search(session, replace(asked, limit=2), visible_to=ANONYMOUS)
        rest = search(session, replace(asked, limit=100, after=first.next), visible_to=ANONYMOUS)
        assert [h.id for h in (*first.hits, *rest.hits)] == [h.id for h in page.hits]
        with pytest.raises(Invalid):
            search(session, Search(healths=frozenset({"fine"})), visible_to=ANONYMOUS)


def test_days_are_counted_by_provider(world: World) -> None:
    look_at_health(world.control, LOOKING)
    assert keep_health_day(world.control, "Asia/Shanghai") >= 1
    keep_health_day(world.control, "Asia/Shanghai")
    with world.control.read() as session:
        since = (datetime.now(UTC) - timedelta(days=2)).date()
        (day,) = health_days(session, since)
        mine = health_days(session, since, world.callers["other"].party)
        page = search(session, Search(limit=100), visible_to=ANONYMOUS)
        assert sum(day.counts.values()) == page.total
        assert sum(mine[0].counts.values()) < page.total
        assert care_of(session, [page.hits[0].id])
    with world.control.read() as session, pytest.raises(NotFound):
        resource(session, "no-such-thing")


def test_flags_of_a_day_are_the_quality_of_a_stream(world: World) -> None:
    import pyarrow as pa

    from quanyu import app as composition
    from quanyu.operations import Looking, liveness_by
    from quanyu.streams import DatastreamDraft, declared_checks, ensure_datastreams, flagged

    provider = world.callers["provider"]
    assert provider.party is not None
    observations = composition.open_observations(world.settings, world.control)
    looking = Looking(WEIGHTS, liveness_by(observations))
    tests = {"gross_range_test": {"suspect_span": [0, 50], "fail_span": [-10, 100]}}
    with world.control.begin() as session:
        draft = ResourceDraft(
            slug="noise",
            kind=Kind.STREAM,
            title=LocalText(zh="噪声", en="Noise"),
            abstract=LocalText(zh="监测", en="Measured"),
            provider=provider.party,
            licence="by-agreement",
            access=Access.SHARED,
        )
        of = register(session, draft, provider)
        of = publish(session, of.id, provider, reviewed=False)
        plain = DatastreamDraft(thing="s", name="L", observed_property="L", unit="dB")
        tested = DatastreamDraft(
            thing="s", name="Leq", observed_property="Leq", unit="dB",
            properties={"qartod": tests},
        )  # fmt: skip
        number, untested = ensure_datastreams(session, of.id, [tested, plain])
        checks = declared_checks(session, [number, untested])

    def quality() -> Part:
        with world.control.begin() as session:
            (found,) = put_health(session, [resource(session, "noise")], looking)
        return part(found, Aspect.QUALITY)

    def seen(hours: float, values: list[float], of: int = number) -> Part:
        at = now() - timedelta(hours=hours)
        starts = [at + timedelta(seconds=n) for n in range(len(values))]
        table = pa.table(
            {
                "datastream": pa.array([of] * len(values), pa.int64()),
                "start": pa.array(starts, pa.timestamp("us", "UTC")),
                "number": pa.array(values, pa.float64()),
            }
        )
        observations.append(flagged(table, checks, observations))
        return quality()

    # What is old, and what nobody tests, counts for nothing; few tell too much of each.
    assert seen(30, [999.0] * 40).score is None
    assert seen(1, [999.0] * 40, untested).score is None
    assert seen(2, [10.0] * 19).score is None
    assert seen(3, [10.0] * 71).score == 100
    found = seen(4, [999.0] * 5 + [60.0] * 5)
    assert (found.score, found.state) == (85, HealthState.GOOD)
    assert dict(found.params) == {"failed": "5.0", "suspect": "5.0"}
    assert seen(5, [-99.0] * 25).state is HealthState.BAD
    observations.close()


def test_streams_live_while_they_observe_as_promised(world: World) -> None:
    import pyarrow as pa

    from quanyu import app as composition
    from quanyu.catalogue.quality.care import put_care
    from quanyu.catalogue.tables import ResourceRow
    from quanyu.operations import Looking, liveness_by
    from quanyu.streams import DatastreamDraft, ensure_datastreams

    provider = world.callers["provider"]
    assert provider.party is not None
    observations = composition.open_observations(world.settings, world.control)
    looking = Looking(WEIGHTS, liveness_by(observations))
    with world.control.begin() as session:
        draft = ResourceDraft(
            slug="air",
            kind=Kind.STREAM,
            title=LocalText(zh="空气", en="Air"),
            abstract=LocalText(zh="监测", en="Measured"),
            provider=provider.party,
            licence="by-agreement",
            access=Access.SHARED,
            update_cycle=UpdateCycle.REAL_TIME,
        )
        of = register(session, draft, provider)
        of = publish(session, of.id, provider, reviewed=False)
        put_care(session, session.query(ResourceRow).where(ResourceRow.id == of.id).one())
        drafts = [
            DatastreamDraft(thing=f"s{n}", name="PM2.5", observed_property="PM2.5", unit="ug/m3")
            for n in range(4)
        ]
        slow = DatastreamDraft(
            thing="s4", name="PM2.5", observed_property="PM2.5", unit="ug/m3",
            properties={"cadence": "P1D"},
        )  # fmt: skip
        numbers = ensure_datastreams(session, of.id, [*drafts, slow])

    def seen(hours: float, streams: list[int]) -> Part:
        at = now() - timedelta(hours=hours)
        observations.append(
            pa.table(
                {
                    "datastream": pa.array(streams, pa.int64()),
                    "start": pa.array([at] * len(streams), pa.timestamp("us", "UTC")),
                    "number": pa.array([1.0] * len(streams), pa.float64()),
                }
            )
        )
        with world.control.begin() as session:
            (found,) = put_health(session, [resource(session, "air")], looking)
        return part(found, Aspect.LIVENESS)

    # One of them promises but one observation a day.
    assert seen(5, numbers).score == 20
    assert seen(1, numbers[:3]).score == 80
    live = seen(0.1, numbers)
    assert (live.score, live.state) == (100, HealthState.GOOD)
    observations.close()
