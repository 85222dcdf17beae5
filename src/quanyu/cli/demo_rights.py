"""Rights and grades of the demo: what its parties have registered, what its reviewer confirmed."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from quanyu.catalogue import (
    Conditions,
    Mode,
    OperationDraft,
    Origin,
    Proof,
    Right,
    RightKind,
    begin_operation,
    confirm_grading,
    draft_operation,
    file_operation,
    grading_of,
    operations,
    propose_by_data,
    resource,
)
from quanyu.cli.data import Desk
from quanyu.cli.demo_parts import CYCLEWAYS
from quanyu.kernel import LocalText, PartyId, now, sha256_hex
from quanyu.parties import ANONYMOUS, Caller

_CONTRACT = "示例授权书：仅供演示，不具法律效力。 Example: no legal effect.".encode()
_ZONE = "Asia/Shanghai"
_NAMED = "© OpenStreetMap contributors"
_GRADED = ("helsinki-services", "helsinki-buildings", CYCLEWAYS.dataset)
_OPERATED = "helsinki-services"
_CONFIRMED = ("helsinki-buildings", CYCLEWAYS.dataset)


def example_rights(people: Mapping[str, Caller]) -> tuple[Right, ...]:
    """The department holds and processes; the enterprise operates products for five years."""
    department, enterprise = (PartyId(str(people[w].party)) for w in ("department", "enterprise"))
    return (
        *(
            Right(
                kind=kind,
                holder=department,
                origin=Origin.DERIVED,
                basis="示例：由公开数据加工 · Example: made out of open data",
                conditions=Conditions(attribution=_NAMED),
            )
            for kind in (RightKind.HOLDING, RightKind.PROCESSING)
        ),
        Right(
            kind=RightKind.OPERATION,
            holder=enterprise,
            origin=Origin.CONTRACT,
            scope=LocalText(zh="面向骑行服务的产品", en="Products for cycling services"),
            term=(None, datetime(now().year + 6, 1, 1, tzinfo=ZoneInfo(_ZONE))),
            basis="示例授权书 1 号 · Example authorisation no. 1",
            conditions=Conditions(transferable=False, attribution=_NAMED, share=2_000),
            proofs=(Proof("example-authorisation.txt", sha256_hex(_CONTRACT), len(_CONTRACT)),),
        ),
    )


def grade_city(desk: Desk, people: Mapping[str, Caller]) -> None:
    """Have three datasets looked at; the reviewer confirms two of the proposals."""
    for slug in _GRADED:
        view = desk.store.view(slug)
        with desk.control.read() as session:
            of = resource(session, slug)
        propose_by_data(desk.control, of, view.version.number, view)
    with desk.control.begin() as session:
        for slug in _CONFIRMED:
            of = resource(session, slug)
            proposed, confirmed = grading_of(session, of.id)
            if proposed is not None and confirmed is None:
                confirm_grading(
                    session,
                    of.id,
                    people["reviewer"],
                    level=proposed.level,
                    industry=proposed.industry,
                    subject=proposed.subject,
                )


def authorise(desk: Desk, people: Mapping[str, Caller]) -> None:
    """The department authorises the enterprise to operate the services dataset by scenario."""
    department, operator = people["department"], people["enterprise-2"]
    year = now().year
    term = tuple(datetime(at, 1, 1, tzinfo=ZoneInfo(_ZONE)) for at in (year, year + 4))
    with desk.control.begin() as session:
        if operations(session, visible_to=ANONYMOUS):
            return
        of = resource(session, _OPERATED)
        made = draft_operation(
            session,
            OperationDraft(
                title=LocalText(
                    zh="示例：便民服务数据授权运营", en="Example: services data in operation"
                ),
                mode=Mode.SCENARIO,
                grantor=of.provider,
                operator=PartyId(str(operator.party)),
                resources=(of.id,),
                term=(term[0], term[1]),
                plan=LocalText(
                    zh="示例方案：加工为选址与无障碍出行产品，按需供给；不转授权。",
                    en="Example of a plan: products for siting and for step-free routes, supplied "
                    "on demand; nothing is passed on.",
                ),
                scenario=LocalText(zh="便民生活圈", en="Everyday services within reach"),
            ),
            department,
        )
        file_operation(session, made.id, people["reviewer"], filing=f"DEMO-{year}-001")
        begin_operation(session, made.id, operator)
