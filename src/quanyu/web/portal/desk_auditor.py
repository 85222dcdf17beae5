"""The auditor's desk: how the log stands, what others say of it, what is in it; who administers."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import orjson
from fastapi import Request
from sqlalchemy.orm import Session

from quanyu.evidence import Log, behind, cosigned, parse_checkpoint, split_note, timestamps
from quanyu.kernel import day_in_zone, now
from quanyu.parties import ACTS, ActFilter, Caller, acts
from quanyu.web.node import Node, base_of
from quanyu.web.portal.drawn import Drawn, counted, stacked
from quanyu.web.portal.evidence_words import KINDS
from quanyu.web.portal.visit import say

_LEAVES = 4096
_DAYS = 14
_KINDS_SHOWN = 5
_ACTS = 6


def auditor(session: Session, request: Request, node: Node, caller: Caller) -> dict[str, Any]:
    """What the page shows to an auditor."""
    log, moment = node.log, now()
    late = behind(log)
    sizes = timestamps(log)
    seen = cosigned(log)
    key = str(log.keys[0])
    return {
        "at": moment,
        "counts": [
            counted(say(request, "Leaves in the log"), log.size, "/evidence"),
            counted(
                say(request, "Leaves that witnesses have seen"),
                parse_checkpoint(split_note(seen)[0]).size if seen else 0,
                "/log/checkpoint.cosigned" if seen else "/evidence",
            ),
            counted(
                say(request, "Leaves under a timestamp"),
                sizes[-1] if sizes else 0,
                "/log/timestamps",
            ),
        ],
        "behind": None if late == float("inf") else round(late),
        "leaves": _leaves(request, node, moment),
        "acts": [
            {"at": one.at, "kind": ACTS[one.kind], "sound": one.sound, "position": one.position}
            for one in acts(session, caller, ActFilter(limit=_ACTS)).acts
        ],
        "command": f"quanyu verify {base_of(request)}/log --key '{key}'",
    }


def _leaves(request: Request, node: Node, moment: datetime) -> Drawn:
    """Kinds of leaves by day, out of the newest."""
    cells: dict[tuple[str, str], int] = defaultdict(int)
    sums: dict[str, int] = defaultdict(int)
    zone = node.settings.time_zone
    for said in _newest(node.log):
        day = day_in_zone(datetime.fromisoformat(said["at"]), zone).isoformat()
        cells[day, said["kind"]] += 1
        sums[said["kind"]] += 1
    today = day_in_zone(moment, zone)
    days = [(today - timedelta(days=n)).isoformat() for n in range(_DAYS - 1, -1, -1)]
    most = sorted(sums, key=lambda kind: -sums[kind])
    kept, rest = most[:_KINDS_SHOWN], set(most[_KINDS_SHOWN:])
    names = {kind: say(request, KINDS.get(kind, kind)) for kind in kept}
    if rest:
        for day in days:
            cells[day, ""] = sum(cells[day, kind] for kind in rest)
        names[""] = say(request, "Others")
    parts = [(kind, name, "") for kind, name in names.items()]
    return Drawn(
        id="leaves",
        title=say(request, "What was written down"),
        option=stacked([(day, day[5:]) for day in days], parts, cells, lying=False),
        headers=(say(request, "Day"), *names.values()),
        rows=tuple(
            (day, *(cells[day, kind] for kind in names))
            for day in days
            if any(cells[day, kind] for kind in names)
        ),
        source=say(
            request, "The newest {count} leaves of the log", count=min(_LEAVES, node.log.size)
        ),
        at=moment,
        wide=True,
    )


def _newest(log: Log) -> list[dict[str, Any]]:
    found = []
    for leaf in log.leaves(max(0, log.size - _LEAVES)):
        said = orjson.loads(leaf)
        if isinstance(said.get("at"), str) and isinstance(said.get("kind"), str):
            found.append(said)
    return found
