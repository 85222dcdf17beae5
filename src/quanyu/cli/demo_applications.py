"""Applications of the demo: one in each place where an application can stand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from quanyu.catalogue import (
    Application,
    ApplicationKind,
    Registration,
    Resource,
    Right,
    Tick,
    UpdateCycle,
    accept_application,
    apply,
    approve_application,
    items_for,
    object_to,
    resource,
    return_application,
    submit_application,
)
from quanyu.cli.demo_parts import BICYCLE_PARKING, CAFES, CYCLEWAYS, PARKS, TALL_BUILDINGS
from quanyu.cli.demo_rights import example_rights
from quanyu.kernel import LocalText
from quanyu.parties import Caller

_NOTE = "示例：演示用，此件不设公示期 · Example: this one without a period of publicity"
_OBJECTION = (
    "示例：数据只含摘录范围内完整的公园，被摘录边缘切断的公园不在其中，标题宜注明。\n"
    "Example: only parks that lie wholly in the extract are here; the title should say so."
)
_RETURNED = (
    "示例：请补充联系方式与信息项含义后再提交。\n"
    "Example: add a contact and what the fields mean, then submit it again."
)
_ON_FIELDS = {
    "abstract": "示例：摘要过短，请说明来源与范围。 · Example: say where they are from, and which.",
    "contact": "示例：缺少联系方式。 · Example: nobody can be asked.",
    "fields": "示例：信息项没有含义说明。 · Example: no field says what it means.",
}
_CHANGE = (
    "示例：更新周期由每季度改为每月，并补充关键词。\n"
    "Example: monthly in place of quarterly, and more keywords."
)


def make_applications(session: Session, people: Mapping[str, Caller], rules: Registration) -> None:
    """Submitted, accepted, returned, in publicity with an objection, registered, and a change."""
    supplier, reviewer = people["department"], people["reviewer"]
    at_once = replace(rules, publicity_days=0)

    rights = example_rights(people)

    done = _accepted(session, CYCLEWAYS.dataset, people, at_once, rights)
    _approve(session, done, reviewer, at_once, reason=_NOTE)

    shown = _accepted(session, PARKS.dataset, people, rules, rights[:2])
    _approve(session, shown, reviewer, rules)
    object_to(session, shown.id, people["university"], rules, text=_OBJECTION)

    _accepted(session, BICYCLE_PARKING.dataset, people, rules)
    _submitted(session, TALL_BUILDINGS.dataset, supplier, rules)

    back = _accepted(session, CAFES.dataset, people, rules)
    return_application(session, back.id, reviewer, rules, reason=_RETURNED, comments=_ON_FIELDS)

    services = resource(session, "helsinki-services")
    change = apply(
        session,
        services.id,
        ApplicationKind.CHANGE,
        supplier,
        proposed=_changed(services),
        reason=_CHANGE,
    )
    submit_application(session, change.id, supplier, rules)


def _changed(services: Resource) -> Resource:
    said = services.abstract
    assert said is not None  # noqa: S101 - the demo has given it one
    return replace(
        services,
        update_cycle=UpdateCycle.MONTHLY,
        keywords=(*services.keywords, "餐饮", "restaurants"),
        abstract=LocalText(zh=f"{said.zh}（示例变更）", en=f"{said.en} (Example of a change.)"),
    )


def _submitted(
    session: Session,
    slug: str,
    supplier: Caller,
    rules: Registration,
    rights: Sequence[Right] | None = None,
) -> Application:
    entry = resource(session, slug)
    made = apply(session, entry.id, ApplicationKind.FIRST, supplier, rights=rights)
    return submit_application(session, made.id, supplier, rules)


def _accepted(
    session: Session,
    slug: str,
    people: Mapping[str, Caller],
    rules: Registration,
    rights: Sequence[Right] | None = None,
) -> Application:
    made = _submitted(session, slug, people["department"], rules, rights)
    return accept_application(session, made.id, people["reviewer"], rules)


def _approve(
    session: Session, of: Application, reviewer: Caller, rules: Registration, *, reason: str = ""
) -> None:
    ticks = {item.id: Tick(holds=True) for item in items_for(of.kind, rules.checklist)}
    approve_application(session, of.id, reviewer, rules, checklist=ticks, reason=reason)
