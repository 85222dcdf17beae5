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
    REACHED,
    Judged,
    Judging,
    Memory,
    ReachedRow,
    Source,
    Verdict,
    enrol,
    judge_changes,
    judge_due,
    keep_judged,
    live_rules,
    standing,
    still_live,
    unenrolled,
)

AT_ONCE = 20_000
"""Observations that one turn judges."""
RESTING = -1
"""Where it stands while there is no live rule: what comes then is judged by none."""
_REACHED = select(ReachedRow.seq).where(ReachedRow.name == REACHED)
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

    ``newest`` is where the observations stand: a node that has never judged, or had no live rule
    when it last looked, begins there, or where its first rule went live since.
    """
    ends, seen = monotonic() + within, 0
    if not _begin(control, source, memory, newest):
        return 0
    while True:
        count, more = _turn(control, source, memory, zone, now())
        seen += count
        if not more or monotonic() >= ends:
            return seen


def judging_wanted(control: ControlStore, memory: Memory, newest: int) -> bool:
    """Whether :func:`judge_new` would do anything; a look that writes nothing."""
    with control.read() as session:
        stands = standing(session, memory, int(now().timestamp() * 1e6))
        if not stands.rules:
            return stands.reached not in {None, RESTING}
        if stands.reached != newest or stands.due:
            return True
        return bool(unenrolled(session, stands.rules, memory))


def _turn(
    control: ControlStore, source: Source, memory: Memory, zone: str, moment: datetime
) -> tuple[int, bool]:
    until = int(moment.timestamp() * 1e6)
    judged: list[Judged] = []
    verdicts: list[Verdict] = []
    with control.read() as session:
        reached = session.get_one(ReachedRow, REACHED)
        seq, turn = reached.seq, reached.turn
        if seq == RESTING:  # another process has found that there is no rule any more
            return 0, False
        rules = live_rules(session, memory)
        table, after = source.changes(seq, AT_ONCE)
        at = Judging(session, source, memory, zone, until)
        if table.num_rows and rules:
            judged, verdicts = judge_changes(at, rules, table)
        if not table.num_rows:
            judged, verdicts = judge_due(at, rules)
        strangers = unenrolled(session, rules, memory)
    if after == seq and not (judged or verdicts or strangers):
        return 0, False
    with control.begin() as session:
        if after != seq or judged or verdicts:
            if not _mine(session, after, turn):
                _log.warning("rules.turn_lost", turn=turn)
                return 0, False
            current = still_live(session, rules)
            keep_judged(session, [one for one in judged if one.rule in current])
            settle_verdicts(session, [one for one in verdicts if one.rule.key in current], moment)
        told = enrol(session, source, strangers)
    memory.enrolled |= told
    return table.num_rows, after != seq


def _begin(control: ControlStore, source: Source, memory: Memory, newest: int) -> bool:
    """Stand where observations are to be judged from; whether there is a rule to judge by."""
    with control.read() as session:
        reached = session.scalar(_REACHED)
        rules = live_rules(session, memory)
    if rules and reached in {None, RESTING}:
        first = _since(source, newest, min(one.at for one in rules))
        insert = sqlite.insert if control.dialect == "sqlite" else postgresql.insert
        with control.begin() as session:
            row = insert(ReachedRow).values(name=REACHED, seq=RESTING, turn=0)
            session.execute(row.on_conflict_do_nothing())
            _stand(session, RESTING, first)
    elif not rules and reached not in {None, RESTING}:
        with control.begin() as session:
            if not live_rules(session, memory):
                _stand(session, reached, RESTING)
    return bool(rules)


def _since(source: Source, newest: int, moment: datetime) -> int:
    """The last of the newest observations that came before a rule was there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table, _ = source.changes(max(0, newest - AT_ONCE), AT_ONCE)
    before = table.filter(pc.less(table["received"], pa.scalar(moment, table["received"].type)))
    if len(before) < len(table):
        return int(pc.max(before["seq"]).as_py() or max(0, newest - AT_ONCE))
    return newest


def _stand(session: Session, before: int | None, after: int) -> None:
    session.execute(
        update(ReachedRow)
        .where(ReachedRow.name == REACHED, ReachedRow.seq == before)
        .values(seq=after, turn=ReachedRow.turn + 1)
    )


def _mine(session: Session, after: int, turn: int) -> bool:
    """Whether nobody has judged since this turn began."""
    taken = session.execute(
        update(ReachedRow)
        .where(ReachedRow.name == REACHED, ReachedRow.turn == turn)
        .values(seq=after, turn=turn + 1)
        .returning(ReachedRow.name)
    )
    return taken.first() is not None


def judged_until(session: Session) -> int:
    """The number of the last observation that was judged."""
    return max(0, session.scalar(_REACHED) or 0)
