"""The duty that judges: what came in since the last time, in turns, each one transaction.

Effects and the place that was reached are written together, and only by who was the last to begin:
a process that lost its lease changes nothing.
"""

from datetime import datetime
from time import monotonic

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from quanyu.kernel import ControlStore, now
from quanyu.operations.alerts.raising import settle_verdicts
from quanyu.operations.rules import (
    Judged,
    Judging,
    Memory,
    ReachedRow,
    Source,
    Verdict,
    enrol,
    is_missing,
    judge_changes,
    judge_due,
    keep_judged,
    live_rules,
    still_live,
)

AT_ONCE = 20_000
"""Observations that one turn judges."""
_NAME = "observations"
_log = structlog.get_logger(__name__)


def judge_new(
    control: ControlStore,
    source: Source,
    memory: Memory,
    zone: str,
    *,
    within: float = 20.0,
    newest: int = 0,
) -> int:
    """Judge what came in since the last time, for ``within`` seconds; how many observations.

    ``newest`` is where the observations stand: a node that has never judged begins there.
    """
    ends, seen = monotonic() + within, 0
    _begin(control, newest)
    while True:
        count, more = _turn(control, source, memory, zone, now())
        seen += count
        if not more or monotonic() >= ends:
            return seen


def _turn(
    control: ControlStore, source: Source, memory: Memory, zone: str, moment: datetime
) -> tuple[int, bool]:
    until = int(moment.timestamp() * 1e6)
    judged: list[Judged] = []
    verdicts: list[Verdict] = []
    with control.read() as session:
        reached = session.get_one(ReachedRow, _NAME)
        seq, turn = reached.seq, reached.turn
        rules = live_rules(session, memory)
        table, after = source.changes(seq, AT_ONCE)
        at = Judging(session, source, memory, zone, until)
        if table.num_rows and rules:
            judged, verdicts = judge_changes(at, rules, table)
        if not table.num_rows:
            judged, verdicts = judge_due(at, rules)
    if after == seq and not (judged or verdicts or any(is_missing(one) for one in rules)):
        return 0, False
    with control.begin() as session:
        if after != seq or judged or verdicts:
            if not _mine(session, after, turn):
                _log.warning("rules.turn_lost", turn=turn)
                return 0, False
            current = still_live(session, rules)
            keep_judged(session, [one for one in judged if one.rule in current])
            settle_verdicts(session, [one for one in verdicts if one.rule.key in current], moment)
        enrol(session, source, rules)
    return table.num_rows, after != seq


def _begin(control: ControlStore, newest: int) -> None:
    with control.read() as session:
        if session.get(ReachedRow, _NAME) is not None:
            return
    insert = sqlite.insert if control.dialect == "sqlite" else postgresql.insert
    with control.begin() as session:
        session.execute(
            insert(ReachedRow).values(name=_NAME, seq=newest, turn=0).on_conflict_do_nothing()
        )


def _mine(session: Session, after: int, turn: int) -> bool:
    """Whether nobody has judged since this turn began."""
    taken = session.execute(
        update(ReachedRow)
        .where(ReachedRow.name == _NAME, ReachedRow.turn == turn)
        .values(seq=after, turn=turn + 1)
        .returning(ReachedRow.name)
    )
    return taken.first() is not None


def judged_until(session: Session) -> int:
    """The number of the last observation that was judged."""
    return session.scalar(select(ReachedRow.seq).where(ReachedRow.name == _NAME)) or 0
