"""The annual report of an authorised operator 授权运营年度报告, made from evidence.

Every figure says where it comes from and names the leaves of the log that it was counted from, so
that whoever has the log can count again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.agreements.rules import refused
from quanyu.agreements.tables import AgreementRow
from quanyu.catalogue import (
    Operation,
    OperationReportRow,
    ProductState,
    check_operates,
    operation,
    products,
    resource,
)
from quanyu.evidence import Log
from quanyu.kernel import (
    Invalid,
    LeafId,
    LocalText,
    NotFound,
    canonical,
    day_in_zone,
    iso,
    new_id,
    now,
    owe,
    sha256_hex,
)
from quanyu.parties import Caller, party

TYPE = "quanyu-operation-report-1"
MOST_RECEIPTS = 1_000
"""Leaves that a figure names one by one; of more there is their number and digest."""

FIGURES: dict[str, LocalText] = {
    "resources": LocalText(zh="授权的数据资源", en="Resources authorised"),
    "products": LocalText(zh="在架的产品", en="Products on offer"),
    "agreements": LocalText(zh="本年签订的合约", en="Agreements signed in the year"),
    "parties": LocalText(zh="本年服务的主体", en="Parties served in the year"),
    "uses": LocalText(zh="本年的使用次数", en="Uses in the year"),
    "rows": LocalText(zh="本年提供的行数", en="Rows given in the year"),
    "bytes": LocalText(zh="本年提供的字节数", en="Bytes given in the year"),
    "steps": LocalText(zh="本年授权事项的变动", en="Steps of the authorisation in the year"),
}


@dataclass(frozen=True, slots=True)
class OperationReport:
    """A published report; ``document`` is RFC 8785 JSON whose digest is in ``leaf``."""

    id: str
    operation: str
    year: int
    at: datetime
    document: bytes
    digest: str
    leaf: LeafId


def operation_report(
    session: Session, log: Log, of: Operation, year: int, zone: str
) -> dict[str, Any]:
    """The report of a calendar year in the node's time zone, as a document.

    Uses are those under agreements that the operator gave on the authorised resources; the log is
    read from its first leaf. Raises :class:`Invalid` on ``year``.
    """
    if not 2000 <= year <= day_in_zone(now(), zone).year:
        raise Invalid("there is no report of that year", field="year", mend="give a year that was")
    begins, ends = (datetime(y, 1, 1, tzinfo=ZoneInfo(zone)) for y in (year, year + 1))
    signed = session.scalars(
        select(AgreementRow).where(
            AgreementRow.provider == of.operator,
            AgreementRow.resource.in_(list(of.resources)),
            AgreementRow.signed_at.is_not(None),
        )
    ).all()
    mine = {row.id: row for row in signed}
    seen = list(_leaves(log, begins, ends, frozenset(mine), of.id))
    uses = [leaf for leaf in seen if leaf["kind"] == "used"]
    approved = [leaf for leaf in seen if leaf["kind"] == "agreement.approved"]
    moves = [leaf for leaf in seen if leaf["subject"] == of.id]
    offered = _offered(session, of)
    served = {mine[leaf["agreement"]].consumer for leaf in uses}
    figures = [
        _figure("resources", len(of.resources), "catalogue", moves[-1:]),
        _figure("products", len(offered), "catalogue", []),
        _figure("agreements", len(approved), "log: agreement.approved", approved),
        _figure("parties", len(served), "log: used", uses),
        _figure("uses", len(uses), "log: used", uses),
        _figure("rows", sum(leaf["rows"] for leaf in uses), "log: used", uses),
        _figure("bytes", sum(leaf["bytes"] for leaf in uses), "log: used", uses),
        _figure("steps", len(moves), "log: operation.*", moves),
    ]
    return {
        "type": TYPE,
        "operation": of.id,
        "filing": of.filing,
        "title": _text(of.title),
        "mode": of.mode.value,
        "operator": _party(session, of.operator),
        "grantor": _party(session, of.grantor),
        "term": ["" if at is None else iso(at) for at in of.term],
        "year": year,
        "time_zone": zone,
        "log": {"origin": log.origin, "size": log.size},
        "resources": [_resource(session, one) for one in of.resources],
        "products": offered,
        "figures": figures,
    }


def check_reads_report(caller: Caller, of: Operation) -> None:
    """Raise :class:`Refused`, rule ``operation.report``, unless ``caller`` may have the figures
    counted before they are published: both sides and the node may, as the log is gone through."""
    if not (caller.runs_node or caller.party in (of.grantor, of.operator)):
        raise refused(
            "operation.report",
            "before it is published the report is for its two sides and the node",
            "see the reports that have been published",
        )


def publish_report(  # noqa: PLR0917 - of what, by whom, for when
    session: Session, log: Log, operation_id: str, caller: Caller, year: int, zone: str
) -> OperationReport:
    """Keep the report of a year and owe ``operation.reported`` with its digest.

    A supplier or steward of the operator does (:class:`Refused`, rule ``operation.operator``).
    """
    of = operation(session, operation_id, visible_to=caller)
    check_operates(caller, of)
    body = canonical(operation_report(session, log, of, year, zone))
    name, digest = new_id("operation_report"), sha256_hex(body)
    leaf = owe(
        session,
        "operation.reported",
        name,
        {"operation": of.id, "year": year, "operator": of.operator, "document": digest},
    )
    row = OperationReportRow(
        id=name,
        operation=of.id,
        year=year,
        at=now(),
        body=body.decode(),
        digest=digest,
        leaf=leaf,
    )
    session.add(row)
    session.flush()
    return _report(row)


def published_reports(session: Session, of: Operation) -> list[OperationReport]:
    """Every published report of an authorisation, the latest first."""
    rows = session.scalars(
        select(OperationReportRow)
        .where(OperationReportRow.operation == of.id)
        .order_by(OperationReportRow.id.desc())
    )
    return [_report(row) for row in rows]


def published_report(session: Session, report_id: str, caller: Caller) -> OperationReport:
    """A published report; :class:`NotFound` as for its authorisation."""
    row = session.get(OperationReportRow, report_id) if report_id.isprintable() else None
    if row is None:
        raise NotFound("there is no report {id}", id=report_id[:80])
    operation(session, row.operation, visible_to=caller)
    return _report(row)


def _leaves(
    log: Log, begins: datetime, ends: datetime, agreements: frozenset[str], of: str
) -> Iterator[dict[str, Any]]:
    """Leaves of the year that tell of these agreements or of the authorisation."""
    wanted: Mapping[str, Callable[[dict[str, Any]], bool]] = {
        "used": lambda leaf: leaf["agreement"] in agreements,
        "agreement.approved": lambda leaf: leaf["subject"] in agreements,
    }
    for data in log.leaves(0, log.size):
        leaf = orjson.loads(data)
        kind = leaf.get("kind", "")
        ours = leaf.get("subject") == of if kind.startswith("operation.") else False
        counts = ours or (kind in wanted and wanted[kind](leaf))
        if counts and begins <= datetime.fromisoformat(leaf["at"]) < ends:
            yield leaf


def _figure(
    name: str, value: int, source: str, leaves: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    ids = sorted(str(leaf["id"]) for leaf in leaves)
    return {
        "figure": name,
        "name": _text(FIGURES[name]),
        "value": value,
        "source": source,
        "leaves": len(ids),
        "leaves_sha256": sha256_hex("\n".join(ids).encode()) if ids else "",
        "receipts": ids[:MOST_RECEIPTS],
    }


def _offered(session: Session, of: Operation) -> list[dict[str, Any]]:
    """Products on offer that are made of nothing but the authorised resources."""
    page = products(
        session,
        visible_to=Caller(party=of.operator),
        provider=of.operator,
        states=frozenset({ProductState.LISTED}),
        limit=1_000,
    )
    return [
        {"id": one.id, "code": one.code or "", "title": _text(one.title)}
        for one in page.items
        if set(one.sources) <= set(of.resources)
    ]


def _resource(session: Session, one: str) -> dict[str, Any]:
    of = resource(session, one)
    return {"id": of.id, "code": of.code or "", "title": _text(of.title)}


def _party(session: Session, of: Any) -> dict[str, str]:
    found = party(session, of)
    return {"id": found.id, "credit_code": found.credit_code or "", **_text(found.name)}


def _text(said: LocalText) -> dict[str, str]:
    return {"zh": said.zh, "en": said.en}


def _report(row: OperationReportRow) -> OperationReport:
    return OperationReport(
        id=row.id,
        operation=row.operation,
        year=row.year,
        at=row.at,
        document=row.body.encode(),
        digest=row.digest,
        leaf=LeafId(row.leaf),
    )
