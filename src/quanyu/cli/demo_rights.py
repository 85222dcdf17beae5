"""Rights, grades and the authorised operation of the demo, with what its operator sells."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from quanyu.agreements import approve, request_agreement
from quanyu.catalogue import (
    Conditions,
    Delivery,
    Mode,
    OperationDraft,
    Origin,
    ProductDraft,
    Proof,
    Right,
    RightKind,
    begin_operation,
    confirm_grading,
    draft_operation,
    draft_product,
    file_operation,
    grading_of,
    list_product,
    operations,
    propose_by_data,
    resource,
)
from quanyu.cli.data import Desk
from quanyu.cli.demo_parts import CYCLEWAYS
from quanyu.kernel import LocalText, PartyId, now, sha256_hex
from quanyu.market import put_forward
from quanyu.parties import ANONYMOUS, Caller

_CONTRACT = "示例授权书：仅供演示，不具法律效力。 Example: no legal effect.".encode()
_ZONE = "Asia/Shanghai"
_NAMED = "© OpenStreetMap contributors"
_LEVEL = LocalText(
    zh="示例：工作时间内 99 % 的请求在一秒内答复。",
    en="Example: in working hours 99 % of requests are answered within a second.",
)
_TERMS = {
    "@context": ["http://www.w3.org/ns/odrl.jsonld", {"quanyu": "urn:quanyu:ns:"}],
    "@type": "Offer",
    "permission": [
        {
            "action": "use",
            "constraint": [{"leftOperand": "count", "operator": "lteq", "rightOperand": 100_000}],
        }
    ],
}
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
        _sell(session, operator, people["bureau"], desk.settings.area_code)


def _sell(session: Session, operator: Caller, consumer: Caller, area: str) -> None:
    """The operator lists a product of what it operates, offers it, and has a first customer."""
    of = resource(session, _OPERATED)
    made = draft_product(
        session,
        ProductDraft(
            title=LocalText(zh="示例产品：便民服务点查询", en="Example product: services nearby"),
            provider=PartyId(str(operator.party)),
            delivery=Delivery.API,
            sources=(of.id,),
            abstract=LocalText(
                zh="按位置查询便民服务点。示例：授权运营的产品。",
                en="Everyday services near a place. Example of a product in authorised operation.",
            ),
            level=_LEVEL,
        ),
        operator,
        area=area,
    )
    list_product(session, made.id, operator, operates=lambda _of: False)
    priced = put_forward(
        session,
        operator,
        of.id,
        _TERMS,
        {
            "plan": {"kind": "per-use", "price": 20},
            "level": {"zh": _LEVEL.zh, "en": _LEVEL.en},
        },
    )
    asked = request_agreement(
        session,
        consumer,
        priced.offer,
        statement="示例：在市民热线中查询服务点 · Example: services for the city's hotline",
    )
    approve(session, operator, asked.id)
