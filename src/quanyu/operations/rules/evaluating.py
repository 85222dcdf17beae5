"""Rules judged as observations come in, each batch from where the one before ended.

What is known of a subject is kept twice: after its newest observation, and as of an older time. An
observation in order is folded onto the first; one that is late has its subject judged anew from the
second, with all that the store holds since. So the outcome does not depend on the order in which
observations came, as long as none is later than the rule's ``lateness``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.kernel import ResourceId, batched
from quanyu.operations.rules.backtesting import Episode, Subject
from quanyu.operations.rules.baseline import Kept
from quanyu.operations.rules.composing import Parts, judge_composite, newest_of, unknown
from quanyu.operations.rules.folding import NEVER, OPEN, Array, fresh
from quanyu.operations.rules.kept import to_kept
from quanyu.operations.rules.model import (
    Composite,
    Condition,
    Geofence,
    KeptRule,
    Missing,
    Rule,
    RuleState,
    Simple,
)
from quanyu.operations.rules.rows import (
    History,
    Look,
    Rows,
    accepted,
    newest,
    no_rows,
    rows_of,
)
from quanyu.operations.rules.signals import judge, lookback
from quanyu.operations.rules.tables import JudgedRow, ReachedRow, RuleRow
from quanyu.operations.rules.watching import concerns, subject_of, watched, whole_subjects
from quanyu.streams import WatchedStream, stream_revisions, watched_streams

if TYPE_CHECKING:
    import pyarrow as pa

REACHED = "observations"
"""Name of the place that was reached."""
MOST_TOGETHER = 100_000
"""Datastreams that one composite may judge together."""
_IDS = 500
_TOGETHER = 64
_MOST_DESCRIBED = 200_000


def _parts_of(when: Condition) -> list[Simple]:
    return [term.when for term in when.terms] if isinstance(when, Composite) else [when]


@dataclass(frozen=True, slots=True)
class Source:
    """Where observations come from.

    changes   those after a sequence number, at most so many, and the number reached.
    history   see :data:`~quanyu.operations.rules.rows.History`.
    latest    the latest observation of each of some datastreams that has one.
    placed    the same observations with the places of their features, columns ``lon`` and ``lat``.
    """

    def history_for(self, rule: Rule) -> History:
        """Where a rule's observations come from: with places, for conditions that ask for them,
        and without those whose flags the rule ignores."""
        placed = any(isinstance(one, Geofence) for one in _parts_of(rule.when))

        def history(ids: Sequence[int], start: int, end: int) -> "pa.Table":
            found = accepted(self.history(ids, start, end), rule.ignore_flags)
            return self.placed(found) if placed else found

        return history if placed or rule.ignore_flags else self.history

    changes: Callable[[int, int], "tuple[pa.Table, int]"]
    history: History
    latest: "Callable[[Sequence[int]], pa.Table]"
    placed: "Callable[[pa.Table], pa.Table]"


@dataclass(slots=True)
class Memory:
    """What a process need not look up again: derived, and forgotten when there is too much.

    ``enrolled`` says at which revision of their stream rules were last told of its datastreams.
    """

    rules: dict[tuple[str, int], KeptRule] = field(default_factory=dict)
    streams: dict[int, WatchedStream] = field(default_factory=dict)
    revisions: dict[ResourceId, int] = field(default_factory=dict)
    baselines: Kept = field(default_factory=dict)
    enrolled: dict[tuple[str, int], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judging:
    """What a batch is judged with: ``zone`` is the node's time zone (IANA), ``until`` the present
    in microseconds since 1970 UTC."""

    session: Session
    source: Source
    memory: Memory
    zone: str
    until: int

    def look(self, subjects: Sequence[int], history: History, until: int | None = None) -> Look:
        """What judging those datastreams may need."""
        end = self.until if until is None else until
        return Look(subjects, history, self.zone, end, self.memory.baselines)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a subject after a batch; to be kept with :func:`keep_judged`."""

    rule: str
    subject: str
    base_at: int
    base: Any
    head_at: int
    head: Any
    due_at: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The episodes of a subject that a batch touched.

    of         a datastream that stands for the subject.
    since      microseconds: of episodes that ended before nothing is said.
    newest     time of the newest observation, at which an episode that was wrong is over.
    """

    rule: KeptRule
    subject: str
    of: WatchedStream
    datastreams: tuple[int, ...]
    episodes: tuple[Episode, ...]
    since: int
    newest: int


def live_rules(session: Session, memory: Memory) -> list[KeptRule]:
    """The rules that are looked at, parsed once for each version."""
    query = select(RuleRow.id, RuleRow.version).where(RuleRow.state == RuleState.LIVE.value)
    keys = [(key, version) for key, version in session.execute(query)]
    new = [key for key, version in keys if (key, version) not in memory.rules]
    for row in session.scalars(select(RuleRow).where(RuleRow.id.in_(new))):
        memory.rules[row.id, row.version] = to_kept(row)
    memory.rules = {key: memory.rules[key] for key in keys if key in memory.rules}
    memory.enrolled = {key: at for key, at in memory.enrolled.items() if key in memory.rules}
    return list(memory.rules.values())


def still_live(session: Session, rules: Sequence[KeptRule]) -> frozenset[str]:
    """Those of ``rules`` that are live in the version that was judged, by key."""
    query = select(RuleRow.id, RuleRow.version).where(RuleRow.state == RuleState.LIVE.value)
    now_live = {(key, version) for key, version in session.execute(query)}
    return frozenset(one.key for one in rules if (one.key, one.version) in now_live)


def is_missing(rule: KeptRule) -> bool:
    """Whether a rule is about data that do not come."""
    return isinstance(rule.rule.when, Missing)


def judge_changes(
    at: Judging, rules: Sequence[KeptRule], table: "pa.Table"
) -> tuple[list[Judged], list[Verdict]]:
    """Judge a batch of changes by the rules that watch what changed; writes nothing."""
    touched = np.unique(table["datastream"].to_numpy()).tolist()
    known = _described(at.session, touched, at.memory)
    by_stream: dict[str, list[WatchedStream]] = {}
    for one in known:
        by_stream.setdefault(one.resource, []).append(one)
    kept: list[Judged] = []
    verdicts: list[Verdict] = []
    for rule in rules:
        mine = [one for one in by_stream.get(rule.resource, ()) if concerns(rule.rule, one)]
        if not mine:
            continue
        if isinstance(rule.rule.when, Composite):
            subjects = whole_subjects(at.session, rule.resource, rule.rule, mine, MOST_TOGETHER)
            made = _composites(at, rule, subjects, mine, table)
        else:
            made = _simples(at, rule, mine, table)
        kept += made[0]
        verdicts += made[1]
    return kept, verdicts


@dataclass(frozen=True, slots=True)
class Standing:
    """How judging stands: the rules that are live, the number reached (``None`` before it was
    ever), whether data of a subject are missing by now."""

    rules: tuple[KeptRule, ...]
    reached: int | None
    due: bool


def standing(session: Session, memory: Memory, until: int) -> Standing:
    """How judging stands, in one question; ``until`` is microseconds since 1970 UTC."""
    reached = select(ReachedRow.seq).where(ReachedRow.name == REACHED).scalar_subquery()
    due = select(JudgedRow.rule).where(JudgedRow.due_at <= until).exists()
    live = RuleRow.state == RuleState.LIVE.value
    rows = session.execute(select(RuleRow.id, RuleRow.version, reached, due).where(live)).all()
    if not rows:
        return Standing((), session.scalar(select(reached)), False)
    keys = [(key, version) for key, version, _, _ in rows]
    if any(key not in memory.rules for key in keys):
        live_rules(session, memory)
    rules = tuple(memory.rules[key] for key in keys if key in memory.rules)
    return Standing(rules, rows[0][2], bool(rows[0][3]))


def judged_anew_from(
    session: Session, subjects: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """From when on late observations have subjects judged anew, microseconds since 1970 UTC, by
    rule and subject; those that are not judged are left out."""
    wanted = set(subjects)
    rows = session.execute(
        select(JudgedRow.rule, JudgedRow.subject, JudgedRow.base_at).where(
            JudgedRow.rule.in_({rule for rule, _ in wanted}),
            JudgedRow.subject.in_({subject for _, subject in wanted}),
        )
    )
    return {(rule, subject): at for rule, subject, at in rows if (rule, subject) in wanted}


def judge_due(
    at: Judging, rules: Sequence[KeptRule], limit: int = 5_000
) -> tuple[list[Judged], list[Verdict]]:
    """Judge subjects whose data are missing by now; writes nothing."""
    rows = at.session.execute(
        select(JudgedRow.rule, JudgedRow.subject)
        .where(JudgedRow.due_at <= at.until)
        .order_by(JudgedRow.due_at)
        .limit(limit)
    ).all()
    due: dict[str, list[str]] = {}
    for key, subject in rows:
        due.setdefault(key, []).append(subject)
    kept: list[Judged] = []
    verdicts: list[Verdict] = []
    for rule in rules:
        subjects = due.get(rule.key, [])
        if not subjects:
            continue
        if isinstance(rule.rule.when, Composite):
            touched = _standing(at.session, rule, subjects)
            whole = whole_subjects(at.session, rule.resource, rule.rule, touched, MOST_TOGETHER)
            made = _composites(at, rule, whole, touched, None)
        else:
            mine = _described(at.session, [int(one) for one in subjects], at.memory)
            made = _simples(at, rule, mine, None)
        judged = {one.subject for one in made[0]}
        # What is there no more is due no more.
        kept += [
            Judged(rule.key, subject, 0, [], 0, [], None)
            for subject in subjects
            if subject not in judged
        ]
        kept += made[0]
        verdicts += made[1]
    return kept, verdicts


def unenrolled(
    session: Session, rules: Sequence[KeptRule], memory: Memory
) -> list[tuple[KeptRule, int]]:
    """Rules about missing data whose streams have changed since they were told of datastreams, and
    the revision that those stand at."""
    waiting = [one for one in rules if is_missing(one)]
    if not waiting:
        return []
    revisions = stream_revisions(session)
    found = [(one, revisions.get(one.resource, 0)) for one in waiting]
    return [(one, at) for one, at in found if memory.enrolled.get((one.key, one.version)) != at]


def enrol(
    session: Session,
    source: Source,
    rules: Sequence[tuple[KeptRule, int]],
    limit: int = 5_000,
) -> dict[tuple[str, int], int]:
    """Tell rules about missing data of datastreams that they have not been told of: from its latest
    observation on, or from when the rule became live where there is none.

    ``rules`` are those of :func:`unenrolled`; of more than ``limit`` datastreams the rest is told
    next time. What is returned is for ``Memory.enrolled``, once it is written.
    """
    told: dict[tuple[str, int], int] = {}
    for rule, revision in rules:
        row = session.get(RuleRow, rule.key)
        if row is None or row.version != rule.version or not isinstance(rule.rule.when, Missing):
            continue
        found = watched(session, rule.resource, rule.rule, after=row.enrolled, limit=limit)
        if len(found) < limit:
            told[rule.key, rule.version] = revision
        if not found:
            continue
        live = int(rule.at.timestamp() * 1e6)
        table = source.latest([one.number for one in found])
        rows = rows_of(table, [one.number for one in found])
        at = np.full(len(found), live)
        at[rows.subject] = rows.time
        keep_judged(
            session,
            [_enrolled(rule, one.number, moment) for one, moment in zip(found, at, strict=True)],
            fresh_only=True,
        )
        row.enrolled = found[-1].number
    return told


def _enrolled(rule: KeptRule, number: int, at: int) -> Judged:
    state = fresh(1)
    state["at"] = at
    said, lasts = _said(state[0]), rule.rule.when.lasts
    return Judged(rule.key, str(number), int(at), said, int(at), said, int(at) + lasts)


def keep_judged(session: Session, judged: Sequence[Judged], *, fresh_only: bool = False) -> None:
    """Write down what is known; with ``fresh_only`` only of subjects of which nothing was. Those
    without a base are forgotten."""
    for one in judged:
        if not one.base:
            session.execute(
                delete(JudgedRow).where(
                    JudgedRow.rule == one.rule, JudgedRow.subject == one.subject
                )
            )
    judged = [one for one in judged if one.base]
    if not judged:
        return
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(JudgedRow)
    if fresh_only:
        statement = statement.on_conflict_do_nothing()
    else:
        names = ("base_at", "base", "head_at", "head", "due_at")
        statement = statement.on_conflict_do_update(
            index_elements=["rule", "subject"],
            set_={name: statement.excluded[name] for name in names},
        )
    fields = ("rule", "subject", "base_at", "base", "head_at", "head", "due_at")
    session.execute(statement, [{name: getattr(one, name) for name in fields} for one in judged])


def _simples(
    at: Judging, rule: KeptRule, mine: Sequence[WatchedStream], table: "pa.Table | None"
) -> tuple[list[Judged], list[Verdict]]:
    when, lateness = rule.rule.when, rule.rule.lateness
    assert not isinstance(when, Composite)  # noqa: S101
    ids = [one.number for one in mine]
    history = at.source.history_for(rule.rule)
    if isinstance(when, Geofence) and table is not None:
        table = at.source.placed(table)
    batch = rows_of(table, ids) if table is not None else no_rows()
    oldest = np.full(len(ids), OPEN)
    np.minimum.at(oldest, batch.subject, batch.time)
    base_at, base, head, new = _states(at.session, rule, ids, oldest)
    overdue = np.maximum(head["at"], base_at) - base_at > 2 * lateness
    slow = np.flatnonzero(((oldest <= head["at"]) | overdue | new) & (oldest != OPEN))
    fast = np.setdiff1d(np.arange(len(ids)), slow)
    after, episodes = head.copy(), []
    since = head["at"].copy()
    if len(fast):
        part = [ids[place] for place in fast]
        judged_by = table if table is None else accepted(table, rule.rule.ignore_flags)
        rows = rows_of(judged_by, part) if judged_by is not None else no_rows()
        if lookback(when) and len(rows):
            first, last = int(rows.time.min()), int(rows.time.max())
            rows = rows_of(history(part, first - lookback(when), last + 1), part)
        look = at.look(part, history)
        after[fast], found = judge(when, head[fast], rows, look)
        episodes.append(_placed(found, fast))
    if len(slow):
        part = [ids[place] for place in slow]
        start = int(base_at[slow].min()) + 1 - lookback(when)
        rows = rows_of(history(part, start, OPEN), part)
        look = at.look(part, history)
        moved = overdue[slow]
        cut = np.where(moved, newest(rows, len(part)) - lateness, base_at[slow])
        cut = np.maximum(cut, base_at[slow])
        since[slow] = base_at[slow]
        base[slow], after[slow], found = _anew(when, base[slow], rows, look, cut)
        base_at[slow] = cut
        episodes.append(_placed(found, slow))
    found = np.concatenate(episodes) if episodes else np.empty(0, [("subject", "i8")])
    told: dict[int, list[Episode]] = {}
    for subject, begin, end, _, peak in found.tolist():
        told.setdefault(subject, []).append(_episode(str(ids[subject]), begin, end, peak))
    due = _due(when, after)
    judged = [
        Judged(
            rule.key,
            str(number),
            int(base_at[place]),
            _said(base[place]),
            int(after["at"][place]),
            _said(after[place]),
            due[place],
        )
        for place, number in enumerate(ids)
    ]
    late = set(slow.tolist())
    verdicts = [
        Verdict(
            rule,
            str(one.number),
            one,
            (one.number,),
            tuple(told.get(place, ())),
            int(since[place]),
            int(after["at"][place]),
        )
        for place, one in enumerate(mine)
        if place in told or place in late or head["raised"][place]
    ]
    return judged, verdicts


def _anew(
    when: Simple, base: Array, rows: Rows, look: Look, cut: Array
) -> tuple[Array, Array, Array]:
    """The states at ``cut`` and at the end, and all episodes since ``base``."""
    old = rows.where(rows.time <= cut[rows.subject]) if len(rows) else rows
    # Until a time long ago nothing is missing: of that the second part decides.
    early = Look(look.subjects, look.history, look.zone, 0, look.kept)
    middle, first = judge(when, base, old, early)
    last, second = judge(when, middle, rows, look)
    return middle, last, np.concatenate([first[first["end"] != OPEN], second])


def _composites(
    at: Judging,
    rule: KeptRule,
    subjects: Sequence[Subject],
    touched: Sequence[WatchedStream],
    table: "pa.Table | None",
) -> tuple[list[Judged], list[Verdict]]:
    when, lateness = rule.rule.when, rule.rule.lateness
    assert isinstance(when, Composite)  # noqa: S101
    history = at.source.history_for(rule.rule)
    stands = {subject_of(rule.rule, one): one for one in touched}
    stored = _stored(at.session, rule.key, [one.key for one in subjects])
    first = _firsts(rule, touched, table)
    back = max(lookback(term.when) for term in when.terms)
    kept: list[Judged] = []
    verdicts: list[Verdict] = []
    for some in batched(subjects, _TOGETHER):
        known = [one for one in some if one.key in stands]
        part = [one for one in known if one.key in stored or one.key in first]
        ids = sorted({number for one in part for ids in one.members.values() for number in ids})
        starts = [_base_at(one, stored, first, lateness) for one in part]
        if not ids:
            continue
        found = history(ids, min(starts) + 1 - back, OPEN)
        for one in part:
            row = stored.get(one.key)
            base_at = _base_at(one, stored, first, lateness)
            parts = _parts(when, one, row.base if row else None, base_at)
            rows = {
                name: rows_of(found, list(members)) if members else no_rows()
                for name, members in one.members.items()
            }
            last = max((int(r.time.max()) for r in rows.values() if len(r)), default=base_at)
            cut = max(base_at, last - lateness) if last - base_at > 2 * lateness else base_at
            early = {name: r.where(r.time <= cut) for name, r in rows.items()}
            look = at.look((), history, cut)
            middle, before = judge_composite(when, parts, early, look)
            look = at.look((), history)
            after, second = judge_composite(when, middle, rows, look)
            episodes = np.concatenate([before[before["end"] != OPEN], second])
            kept.append(
                Judged(
                    rule.key,
                    one.key,
                    cut,
                    _parts_said(middle),
                    last,
                    [],
                    _due_of_parts(when, after),
                )
            )
            verdicts.append(
                Verdict(
                    rule,
                    one.key,
                    stands[one.key],
                    tuple(sorted({n for ids in one.members.values() for n in ids})),
                    tuple(_episode(one.key, b, e, p) for _, b, e, _, p in episodes.tolist()),
                    base_at,
                    max(newest_of(after), base_at),
                )
            )
    return kept, verdicts


def _firsts(
    rule: KeptRule, touched: Sequence[WatchedStream], table: "pa.Table | None"
) -> dict[str, int]:
    """Time of the first observation of each subject in a batch."""
    if table is None:
        return {}
    rows = rows_of(table, [one.number for one in touched])
    oldest = np.full(len(touched), OPEN)
    np.minimum.at(oldest, rows.subject, rows.time)
    found: dict[str, int] = {}
    for one, at in zip(touched, oldest.tolist(), strict=True):
        key = subject_of(rule.rule, one)
        found[key] = min(at, found.get(key, OPEN))
    return found


def _base_at(
    one: Subject, stored: Mapping[str, JudgedRow], first: Mapping[str, int], lateness: int
) -> int:
    return stored[one.key].base_at if one.key in stored else first[one.key] - 1 - lateness


def _standing(session: Session, rule: KeptRule, subjects: Sequence[str]) -> list[WatchedStream]:
    wanted = set(subjects)
    found = watched(session, rule.resource, rule.rule, limit=MOST_TOGETHER)
    return [one for one in found if subject_of(rule.rule, one) in wanted]


def _described(session: Session, numbers: Sequence[int], memory: Memory) -> list[WatchedStream]:
    revisions = stream_revisions(session)
    if revisions != memory.revisions:
        # Things have come, gone or moved: what was known of their streams may be wrong.
        stale = {key for key, at in memory.revisions.items() if revisions.get(key) != at}
        memory.streams = {n: one for n, one in memory.streams.items() if one.resource not in stale}
        memory.revisions = revisions
    missing = [number for number in numbers if number not in memory.streams]
    if missing:
        if len(memory.streams) + len(missing) > _MOST_DESCRIBED:
            memory.streams.clear()
            missing = list(numbers)
        memory.streams.update(watched_streams(session, missing))
    return [memory.streams[number] for number in numbers if number in memory.streams]


def _stored(session: Session, key: str, subjects: Sequence[str]) -> dict[str, JudgedRow]:
    found: dict[str, JudgedRow] = {}
    for part in batched(subjects, _IDS):
        rows = session.scalars(
            select(JudgedRow).where(JudgedRow.rule == key, JudgedRow.subject.in_(part))
        )
        found |= {row.subject: row for row in rows}
    return found


def _states(
    session: Session, kept: KeptRule, ids: Sequence[int], oldest: Array
) -> tuple[Array, Array, Array, Array]:
    """Times and states at the base, states at the head, and which subjects are new.

    A new subject's base is as long before its first observation as another may come late.
    """
    stored = _stored(session, kept.key, [str(number) for number in ids])
    base_at = np.where(oldest == OPEN, 0, oldest - 1 - kept.rule.lateness)
    base, head = fresh(len(ids)), fresh(len(ids))
    if not isinstance(kept.rule.when, Missing):
        base["at"] = head["at"] = base_at
    new = np.ones(len(ids), bool)
    for place, number in enumerate(ids):
        row = stored.get(str(number))
        if row is not None:
            new[place], base_at[place] = False, row.base_at
            base[place], head[place] = _state(row.base), _state(row.head)
    return base_at, base, head, new


def _state(said: Sequence[Any]) -> tuple[Any, ...]:
    at, latched, since, raised, begin, weight, peak = said
    return (
        at,
        latched,
        since,
        raised,
        begin,
        -math.inf if weight is None else weight,
        math.nan if peak is None else peak,
    )


def _said(state: Any) -> list[Any]:
    at, latched, since, raised, begin, weight, peak = state.tolist()
    return [
        at,
        latched,
        since,
        raised,
        begin,
        weight if math.isfinite(weight) else None,
        peak if math.isfinite(peak) else None,
    ]


def _parts(when: Composite, one: Subject, said: Any, base_at: int) -> Parts:
    parts = unknown(one.members)
    parts.whole["at"] = base_at
    for term in when.terms:
        state = parts.terms[term.name]
        if not isinstance(term.when, Missing):
            state["at"] = base_at
        known = said["terms"].get(term.name, {}) if said else {}
        for place, number in enumerate(one.members[term.name]):
            if str(number) in known:
                state[place] = _state(known[str(number)])
    if said:
        parts.whole[0] = _state(said["whole"])
    return parts


def _parts_said(parts: Parts) -> dict[str, Any]:
    return {
        "whole": _said(parts.whole[0]),
        "terms": {
            name: {
                str(number): _said(state[place]) for place, number in enumerate(parts.members[name])
            }
            for name, state in parts.terms.items()
        },
    }


def _due(when: Simple, state: Array) -> list[int | None]:
    if not isinstance(when, Missing):
        return [None] * len(state)
    pairs = zip(state["at"].tolist(), state["raised"].tolist(), strict=True)
    return [None if raised or at == NEVER else at + when.lasts for at, raised in pairs]


def _due_of_parts(when: Composite, parts: Parts) -> int | None:
    found = [
        due
        for term in when.terms
        for due in _due(term.when, parts.terms[term.name])
        if due is not None
    ]
    return min(found, default=None)


def _placed(episodes: Array, places: Array) -> Array:
    moved = episodes.copy()
    moved["subject"] = places[episodes["subject"]]
    return moved


def _episode(key: str, begin: int, end: int, peak: float) -> Episode:
    return Episode(key, begin, None if end == OPEN else end, peak if math.isfinite(peak) else None)
