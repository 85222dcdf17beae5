"""What the example parties say of the entries: corrections, a discussion, reuses, agreements."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from quanyu.agreements import offers, refuse, request_agreement
from quanyu.catalogue import (
    Correction,
    CorrectionDraft,
    Search,
    answer_correction,
    begin_discussion,
    close_correction,
    decide_reuse,
    file_correction,
    follow,
    propose_reuse,
    reply,
    resource,
    save_search,
)
from quanyu.kernel import Calendar, ResourceId
from quanyu.parties import Caller

ATENEUM = "way/8033120"
RIGHT_ADDRESS = "https://ateneum.fi/"
"""In the extract the museum's record has the web address of another house."""


@dataclass(frozen=True, slots=True)
class Voices:
    """Who speaks, and the node's calendar and terms for corrections."""

    people: Mapping[str, Caller]
    steward: Caller
    calendar: Calendar
    days: int
    fix_days: int
    address: str


def follow_and_save(session: Session, voices: Voices) -> None:
    """A follower of what is about to change, and a search that is about to have a new hit."""
    university = voices.people["university"]
    follow(session, _id(session, "helsinki-services"), university)
    follow(session, _id(session, "helsinki-buildings"), voices.people["enterprise"])
    save_search(session, Search(q="自行车"), university, name="示例：自行车 · Example: bicycles")


def accepted_correction(session: Session, voices: Voices) -> Correction:
    """The request that the second version of the services answers."""
    asked = _file(
        session,
        voices,
        "university",
        "helsinki-services",
        CorrectionDraft(
            wrong="示例：阿黛浓美术馆（Ateneum）的网址是另一座建筑的。\n"
            "Example: the web address of the Ateneum is that of another house.",
            right=RIGHT_ADDRESS,
            record=ATENEUM,
            field="website",
            evidence=RIGHT_ADDRESS,
            version=1,
        ),
    )
    return _answer(session, voices, asked, "department", accept=True)


def end_correction(session: Session, voices: Voices, asked: Correction, version: int) -> None:
    """Say in which version it was put right."""
    close_correction(
        session,
        asked.id,
        voices.people["department"],
        revision=asked.revision,
        version=version,
        answer="示例：已更正。 · Example: put right.",
    )


def other_corrections(session: Session, voices: Voices) -> None:
    """One accepted, one refused, one open."""
    unit = CorrectionDraft(
        wrong="示例：限速没有写明单位。 · Example: the speed limit says no unit.",
        right="km/h",
        field="maxspeed",
    )
    asked = _file(session, voices, "university", "helsinki-streets", unit)
    _answer(session, voices, asked, None, accept=True)
    borders = CorrectionDraft(
        wrong="示例：缺少行政区划边界。 · Example: the boundaries are missing."
    )
    asked = _file(session, voices, "enterprise", "china-divisions", borders)
    _answer(
        session,
        voices,
        asked,
        None,
        accept=False,
        answer="示例：本数据只有代码；边界请使用官方标准地图。\n"
        "Example: these are codes only; take boundaries from the official standard maps.",
    )
    height = CorrectionDraft(
        wrong="示例：该建筑有层数（7），但没有高度。\n"
        "Example: this building has levels (7) and no height.",
        record="way/34079465",
        field="height",
        version=1,
    )
    _file(session, voices, "enterprise", "helsinki-buildings", height)


def talk(session: Session, voices: Voices) -> None:
    """A question and its answer; a reuse that is shown and one that waits."""
    people, services = voices.people, _id(session, "helsinki-services")
    thread = begin_discussion(
        session,
        services,
        people["university"],
        title="示例：营业时间的写法 · Example: how opening hours are written",
        text="示例：“opening_hours”遵循什么规范？\nExample: which convention do they follow?",
    )
    reply(
        session,
        thread,
        people["department"],
        text="示例：OpenStreetMap 的 opening_hours 写法，未作改动。\n"
        "Example: that of OpenStreetMap's key opening_hours, unchanged.",
    )
    buildings = _id(session, "helsinki-buildings")
    shown = propose_reuse(
        session,
        buildings,
        people["university"],
        title="示例：本节点的三维地图 · Example: this node's map in 3D",
        url=f"{voices.address}/map?view=3d",
        kind="visualisation",
    )
    decide_reuse(session, shown.id, voices.steward, show=True)
    propose_reuse(
        session,
        buildings,
        people["enterprise"],
        title="示例：本数据集的笔记本 · Example: the notebook of this dataset",
        url=f"{voices.address}/resources/helsinki-buildings/notebook.ipynb",
        kind="notebook",
    )


def ask_for_agreements(session: Session, people: Mapping[str, Caller]) -> None:
    """One request that is refused and one that waits, beside the two that were approved."""
    by_age = sorted(offers(session, _id(session, "helsinki-services")), key=lambda one: one.id)
    research, siting = by_age[0], by_age[1]
    asked = request_agreement(
        session, people["enterprise"], research.id, statement="Example: siting, whole centre"
    )
    refuse(
        session,
        people["department"],
        asked.id,
        reason="示例：此合约仅供研究；选址请用另一份。 · Example: research only; take the other.",
    )
    request_agreement(
        session, people["university"], siting.id, statement="Example: teaching, with counts"
    )


def _id(session: Session, slug: str) -> ResourceId:
    return resource(session, slug).id


def _file(
    session: Session, voices: Voices, who: str, slug: str, draft: CorrectionDraft
) -> Correction:
    return file_correction(
        session,
        _id(session, slug),
        draft,
        voices.people[who],
        calendar=voices.calendar,
        days=voices.days,
    )


def _answer(
    session: Session,
    voices: Voices,
    asked: Correction,
    who: str | None,
    *,
    accept: bool,
    answer: str = "",
) -> Correction:
    return answer_correction(
        session,
        asked.id,
        voices.steward if who is None else voices.people[who],
        accept=accept,
        answer=answer,
        revision=asked.revision,
        calendar=voices.calendar,
        days=voices.fix_days,
    )
