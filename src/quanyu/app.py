"""The composition root: the one place where rooms are wired to one another.

The web is imported where it is wired: most commands open a store or the log and need none of it.
"""

import asyncio
import faulthandler
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.orm import Session

from quanyu.agreements import Gate, chase_obligations, sick, users_of
from quanyu.catalogue import (
    Resource,
    advance_applications,
    check_links,
    escalate_corrections,
    forget_member,
    index_missing,
    load_dictionaries,
    profile_new_data,
    propose_by_data,
    propose_missing,
    resource,
    run_due,
    score_unscored,
    tell_changes,
    tell_new_hits,
    use_classes,
    use_extensions,
    use_grading,
    use_synonyms,
)
from quanyu.compute import (
    DataRead,
    RunEnded,
    Workers,
    fail_silent,
    fail_silent_runs,
    forget_expired,
    forget_expired_runs,
    forget_jobs_of,
    forget_runs_of,
)
from quanyu.evidence import (
    Journal,
    Log,
    Sequencer,
    Witness,
    authority_over_http,
    gather,
    load_or_create_sm2,
    over_http,
    parse_cosigners,
    parse_key,
    timestamp,
)
from quanyu.federation import (
    ProcessChanged,
    Told,
    carry,
    check_kit,
    connector_of,
    due_now,
    follow_due,
    forget_files,
    here_of,
    push_due,
)
from quanyu.kernel import (
    ControlStore,
    Duty,
    Events,
    NotFound,
    Settings,
    Signer,
    Unavailable,
    configure_logs,
    do_duties,
    do_if_due,
    load_or_create_ed25519,
    load_settings,
    now,
    open_control,
    read_calendar,
)
from quanyu.land import forget_checks_of
from quanyu.market import cover_prepaid, meter_log, settle_due
from quanyu.operations import (
    Memory,
    WorkOrderDone,
    answer_done,
    check_new_rules,
    check_rules,
    drop_old_alerts,
    escalate_due,
    escalate_work_orders,
    escalation_wanted,
    forget_allocations_of,
    forget_orders_of,
    judge_new,
    judging_wanted,
    keep_health_day,
    lapse_allocations,
    look_at_health,
    looking_by,
    looks_by,
    note_run,
    observed,
    open_due_maintenance,
    probe_due,
    settle_maintenance,
    use_service_levels,
    use_sick,
    work_done,
)
from quanyu.parties import Callers, MemberErased, deliver_mail, deliver_webhooks, erase_due
from quanyu.spacetime import Store, View, fold_due, load_engines
from quanyu.streams import (
    REPLAY_FILE,
    Intake,
    Observations,
    Streams,
    clear_gone,
    move,
    move_wanted,
    play_on,
    read_replay,
    settle_streams,
    sort_a_month,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

    from quanyu.web import Node

TURN_S = 0.0005
"""How long a thread may keep the interpreter while another waits for it."""
METERED_AT_ONCE = 200_000
"""Leaves that one round of metering reads at most."""
LOOK_S = 0.5
"""How long what became due of itself (a message to try again) may wait to be looked at."""


def open_store(settings: Settings, control: ControlStore) -> Store:
    """The space-time store over the node's tables."""
    return Store(
        control,
        settings.tables_url,
        settings.dir / "cache",
        engine_memory=settings.engine_memory,
        engine_threads=settings.engine_threads,
        cache_bytes=settings.cache_bytes,
        tile_bytes=settings.tile_cache_bytes,
        cluster=settings.cluster,
    )


def open_observations(settings: Settings, control: ControlStore) -> Observations:
    """The store of observations: the newest beside the control store, the others in a table."""
    return Observations(
        control,
        settings.dir,
        settings.tables_url,
        memory=settings.engine_memory,
        threads=settings.engine_threads,
        zone=settings.time_zone,
    )


def open_log(settings: Settings) -> Log:
    """The node's verifiable log, its keys made on first use."""
    keys = settings.dir / "keys"
    signers: list[Signer] = [load_or_create_ed25519(keys / "ed25519.pem")]
    if settings.signature == "ed25519+sm2":
        signers.append(load_or_create_sm2(keys / "sm2.pem"))
    return Log(settings.dir / "log", settings.node_name, signers)


def open_witness(settings: Settings) -> Witness:
    """The node as a witness of others' logs; its key, made on first use, signs nothing else."""
    signer = load_or_create_ed25519(settings.dir / "keys" / "witness.pem")
    return Witness(settings.node_name, signer, tuple(map(parse_key, settings.witnessed_logs)))


def open_node(settings: Settings) -> "Node":
    """Everything that one process of a node holds."""
    from quanyu.web import Node

    use_extensions(settings.schemas_dir)
    use_classes(settings.classes_file)
    use_grading(settings.grading_file)
    use_sick(sick)
    use_service_levels(settings)
    events = Events()
    control = open_control(settings, events)
    events.subscribe(MemberErased, lambda erased: _forget(control, erased))
    events.subscribe(WorkOrderDone, lambda done: work_done(control, done))
    use_synonyms(settings.synonyms)
    log = open_log(settings)
    journals = settings.dir / "journal"
    observations = open_observations(settings, control)
    node = Node(
        settings=settings,
        control=control,
        store=open_store(settings, control),
        observations=observations,
        streams=Streams(control, observations),
        intake=Intake(control, observations),
        journal=Journal(journals, settings.node_name),
        log=log,
        callers=Callers(control),
        gate=Gate(control, connector_of=lambda member: connector_of(control, member)),
        events=events,
        workers=Workers(settings.compute_workers, settings.compute_memory_bytes),
        witness=open_witness(settings),
        looking=looking_by(settings.health_weights, *looks_by(observations)),
        sequencer=Sequencer(control, journals, log),
    )
    events.subscribe(RunEnded, lambda ended: _note_run(control, ended))
    events.subscribe(DataRead, lambda read: _note_read(control, read))
    events.subscribe(WorkOrderDone, lambda done: _answer(node, done))
    return node


def _note_run(control: ControlStore, ended: RunEnded) -> None:
    with control.begin() as session:
        note_run(session, ended.resource, failed=ended.failed)


def _note_read(control: ControlStore, read: DataRead) -> None:
    with control.begin() as session:
        for slug in sorted(read.collections):
            with suppress(NotFound):  # its entry has gone meanwhile
                note_run(session, resource(session, slug).id, failed=read.failed)


def _answer(node: "Node", done: WorkOrderDone) -> None:
    """Somebody says that a resource is mended: look at once, beside the request that said so."""
    settings = node.settings
    threading.Thread(
        target=answer_done,
        args=(node.control, node.store, done, node.looking),
        kwargs={
            "every": timedelta(minutes=settings.probe_minutes),
            "allow_private": settings.allow_private_urls,
        },
        name="recheck",
        daemon=True,
    ).start()


def _forget(control: ControlStore, erased: MemberErased) -> None:
    with control.begin() as session:
        forget_member(session, erased.member)
        forget_checks_of(session, erased.member)
        forget_jobs_of(session, erased.member)
        forget_runs_of(session, erased.member)
        forget_orders_of(session, erased.member)
        forget_allocations_of(session, erased.member)


def close_node(node: "Node") -> None:
    """Write out what is pending and give everything back."""
    node.workers.close()
    node.journal.close()
    node.gate.close()
    node.observations.close()
    node.store.close()
    node.control.close()


def duties(node: "Node") -> list[Duty]:
    """What the node does again and again, whichever process comes to it first."""
    from quanyu.web import tell_webhooks, webhooks_wanted

    control, settings, store = node.control, node.settings, node.store
    return [
        *_log_duties(node),
        Duty("notices.mail", timedelta(seconds=10), lambda: deliver_mail(control, settings)),
        Duty("notices.webhooks", timedelta(seconds=5), lambda: deliver_webhooks(control, settings)),
        Duty("applications", timedelta(minutes=1), lambda: advance_applications(control)),
        Duty("obligations", timedelta(minutes=10), lambda: chase_obligations(control)),
        Duty("changes.told", timedelta(seconds=10), lambda: tell_changes(control, users_of)),
        Duty("corrections.overdue", timedelta(minutes=5), lambda: _escalate(control)),
        Duty(
            "work-orders.overdue",
            timedelta(minutes=1),
            lambda: _within(control, escalate_work_orders),
        ),
        Duty("allocations.lapsed", timedelta(seconds=20), lambda: _lapse(control, settings)),
        Duty("assets.maintenance", timedelta(minutes=1), lambda: _maintain(control, settings)),
        Duty("quality.profiles", timedelta(seconds=15), lambda: _look(control, store)),
        Duty("health.rules", timedelta(seconds=15), lambda: check_new_rules(control, store)),
        Duty(
            "health.figures", timedelta(seconds=10), lambda: look_at_health(control, node.looking)
        ),
        Duty(
            "health.probes",
            timedelta(seconds=30),
            lambda: probe_due(
                control,
                store,
                timedelta(minutes=settings.probe_minutes),
                allow_private=settings.allow_private_urls,
            ),
        ),
        Duty(
            "health.days",
            timedelta(minutes=30),
            lambda: keep_health_day(control, settings.time_zone),
        ),
        Duty("grading.proposals", timedelta(seconds=15), lambda: propose_missing(control)),
        Duty("edits.folded", timedelta(seconds=30), lambda: fold_due(store)),
        Duty("search.index", timedelta(minutes=1), lambda: index_missing(control, 5_000)),
        Duty("search.new-hits", timedelta(minutes=1), lambda: tell_new_hits(control)),
        Duty("quality.scores", timedelta(minutes=1), lambda: score_unscored(control)),
        Duty(
            "quality.links",
            timedelta(minutes=1),
            lambda: check_links(control, allow_private=settings.allow_private_urls),
        ),
        Duty(
            "harvest",
            timedelta(seconds=5),
            lambda: run_due(control, settings, within=20.0),
            lease=timedelta(minutes=5),
        ),
        Duty("jobs.silent", timedelta(seconds=10), lambda: _within(control, fail_silent)),
        Duty("jobs.expired", timedelta(minutes=10), lambda: _within(control, forget_expired)),
        Duty("market.metering", timedelta(seconds=5), lambda: _meter(node)),
        Duty(
            "market.settling",
            timedelta(hours=1),
            lambda: settle_due(control, settings.time_zone),
            lease=timedelta(minutes=30),
        ),
        Duty("runs.silent", timedelta(seconds=10), lambda: _within(control, fail_silent_runs)),
        Duty("runs.expired", timedelta(minutes=10), lambda: _within(control, forget_expired_runs)),
        *_alert_duties(node),
        *_replay_duties(node),
        Duty(
            "observations.moved",
            timedelta(seconds=1),
            lambda: move(node.observations),
            wanted=lambda: move_wanted(node.observations),
        ),
        Duty("observations.sorted", timedelta(minutes=1), lambda: sort_a_month(node.observations)),
        # Whoever is killed while it tells is followed soon: news may be told twice.
        Duty(
            "observations.told",
            timedelta(seconds=1),
            lambda: tell_webhooks(node),
            lease=timedelta(seconds=20),
            wanted=lambda: webhooks_wanted(node),
        ),
        Duty(
            "observations.gone",
            timedelta(seconds=10),
            lambda: clear_gone(control, node.observations),
        ),
        Duty("streams.settled", timedelta(days=1), lambda: _within(control, settle_streams)),
        Duty("observations.tidied", timedelta(hours=6), node.observations.tidy),
        Duty("federation.agreements", timedelta(seconds=5), lambda: follow_due(control)),
        Duty(
            "federation.files",
            timedelta(minutes=10),
            lambda: forget_files(control, here_of(settings)),
        ),
        Duty("people.erasure", timedelta(hours=1), lambda: _erase(control)),
    ]


def _alert_duties(node: "Node") -> list[Duty]:
    """What comes in is judged by rules, and people are told of what is wrong."""
    control, observations, zone = node.control, node.observations, node.settings.time_zone
    source, memory = observed(control, observations), Memory()

    def judge() -> None:
        judge_new(control, source, memory, zone, newest=observations.newest())

    def wanted() -> bool:
        return judging_wanted(control, memory, observations.newest())

    return [
        Duty("rules.judged", timedelta(seconds=1), judge, wanted=wanted),
        Duty(
            "alerts.escalated",
            timedelta(seconds=2),
            lambda: escalate_due(control),
            wanted=lambda: escalation_wanted(control),
        ),
        Duty(
            "alerts.dropped",
            timedelta(hours=6),
            lambda: drop_old_alerts(control, node.settings.alert_days),
        ),
    ]


def _replay_duties(node: "Node") -> list[Duty]:
    """What is played back, where the node's folder holds a replay."""
    path = node.settings.dir / REPLAY_FILE
    if not path.is_file():
        return []
    replay = cache(read_replay)
    return [
        Duty(
            "observations.replayed",
            timedelta(seconds=5),
            lambda: play_on(node.observations, replay(path), now()),
        )
    ]


def _log_duties(node: "Node") -> list[Duty]:
    """What others are asked to say of the log, where they are set."""
    settings, found = node.settings, []
    if settings.witnesses:
        cosigners = parse_cosigners(settings.witnesses)
        post = over_http(settings.allow_private_urls)
        found.append(
            Duty(
                "log.witnesses",
                timedelta(seconds=10),
                lambda: gather(node.log, cosigners, post),
            )
        )
    if settings.timestamp_url:
        url, send = settings.timestamp_url, authority_over_http(settings.allow_private_urls)
        every = timedelta(minutes=settings.timestamp_minutes)
        found.append(Duty("log.timestamps", every, lambda: timestamp(node.log, url, send)))
    return found


def _within(control: ControlStore, work: Callable[[Session], object]) -> None:
    with control.begin() as session:
        work(session)


def _meter(node: "Node") -> None:
    zone = node.settings.time_zone
    meter_log(node.control, node.log, zone, METERED_AT_ONCE)
    cover_prepaid(node.control, zone)


def _look(control: ControlStore, store: Store) -> None:
    def look(of: Resource, number: int, view: View) -> None:
        propose_by_data(control, of, number, view)
        check_rules(control, store, of, view)

    profile_new_data(control, store, look)


def _lapse(control: ControlStore, settings: Settings) -> None:
    lapse_allocations(control, read_calendar(settings.holidays_file, settings.time_zone))


def _maintain(control: ControlStore, settings: Settings) -> None:
    calendar = read_calendar(settings.holidays_file, settings.time_zone)
    with control.begin() as session:
        settle_maintenance(session, calendar)
        open_due_maintenance(session, calendar)


def _escalate(control: ControlStore) -> None:
    with control.begin() as session:
        escalate_corrections(session)


def _erase(control: ControlStore) -> None:
    with control.begin() as session:
        erase_due(session)


def create() -> "FastAPI":
    """The application of one server process; settings come from the environment."""
    from quanyu.web import create_app, runs_over, serve_messages

    settings = load_settings()
    configure_logs(settings.log_format, settings.log_level)
    node = open_node(settings)
    with node.control.read() as session:
        check_kit(session, settings)
    application = create_app(node)
    # What a member or a peer has just done goes on at once, not with the next look.
    changed = threading.Event()
    node.events.subscribe(ProcessChanged, lambda _: changed.set())

    @asynccontextmanager
    async def lifespan(_app: "FastAPI") -> AsyncIterator[None]:
        # Duties compute beside requests, which shall not wait five milliseconds for each turn.
        sys.setswitchinterval(TURN_S)
        # For whoever looks after a server that stands still: kill -USR1 shows what it waits for.
        faulthandler.register(signal.SIGUSR1, all_threads=True)
        load_engines()
        # Every process offers to sequence; a file lock lets one of them do it at a time.
        stopping = threading.Event()
        thread = threading.Thread(
            target=_sequence, args=(node.sequencer, stopping), name="sequencer", daemon=True
        )
        thread.start()
        keeper = threading.Thread(
            target=do_duties,
            args=(node.control, duties(node), stopping),
            name="duties",
            daemon=True,
        )
        keeper.start()
        courier = threading.Thread(
            target=_carry, args=(node, changed, stopping), name="courier", daemon=True
        )
        courier.start()
        pusher = threading.Thread(
            target=_push,
            args=(node, application, asyncio.get_running_loop(), stopping),
            name="pusher",
            daemon=True,
        )
        pusher.start()
        # The first who searches shall not wait for the dictionaries, nor shall the start.
        threading.Thread(target=load_dictionaries, name="dictionaries", daemon=True).start()
        messages = asyncio.create_task(serve_messages(node), name="messages")
        yield
        messages.cancel()
        await asyncio.gather(messages, return_exceptions=True)
        stopping.set()
        changed.set()
        node.workers.close()
        await runs_over()
        thread.join(10)
        keeper.join(10)
        courier.join(10)
        pusher.join(10)
        close_node(node)

    application.router.lifespan_context = lifespan
    return application


def _carry(node: "Node", changed: threading.Event, stopping: threading.Event) -> None:
    """Deal with peers as soon as something changes here, and look by itself each half second."""
    log = structlog.get_logger()
    here = here_of(node.settings)
    holder = f"{socket.gethostname()}:{os.getpid()}:courier"
    # Whoever is killed while it carries is followed soon: a message sent twice is taken once.
    duty = Duty(
        "federation.messages",
        timedelta(),
        lambda: carry(node.control, here),
        lease=timedelta(seconds=5),
    )
    while not stopping.is_set():
        changed.wait(LOOK_S)
        changed.clear()
        try:
            # One process of the node carries at a time; to look costs no write.
            if due_now(node.control):
                do_if_due(node.control, duty, holder)
        except Exception:  # the control store may be away for a while
            log.exception("duty.not_taken", duty=duty.name)


def _push(
    node: "Node", app: "FastAPI", loop: asyncio.AbstractEventLoop, stopping: threading.Event
) -> None:
    """Push to peers what is due, a file at a time; what was begun elsewhere is claimed there."""
    from quanyu.web import answer_into

    log = structlog.get_logger()
    here = here_of(node.settings)

    def read(path: str, headers: Mapping[str, str], file: Path, go_on: Callable[[], None]) -> Told:
        answer = asyncio.run_coroutine_threadsafe(answer_into(app, path, headers, file), loop)
        try:
            while True:
                try:
                    return answer.result(LOOK_S)
                except TimeoutError:
                    if answer.done():
                        raise
                    go_on()
                    if stopping.is_set():
                        raise Unavailable("the node is stopping", mend="wait") from None
        finally:
            answer.cancel()

    while not stopping.wait(1):
        try:
            push_due(node.control, here, read)
        except Exception:  # the control store may be away for a while
            log.exception("transfers.not_pushed")


def _sequence(sequencer: Sequencer, stopping: threading.Event) -> None:
    log = structlog.get_logger()
    while not stopping.is_set():
        try:
            sequencer.run(stopping)
        except Exception:  # whatever it was, evidence must go on being sequenced
            log.exception("the sequencer stopped and starts again")
            stopping.wait(1)
