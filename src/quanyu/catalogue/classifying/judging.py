"""Rules applied: facts and sources in, a proposed class and level with its reasons out.

GB/T 43697-2024 asks that industry, group, region, precision, scale, depth and coverage be weighed,
that the strictest applicable counts, and that joins and aggregates be judged anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from quanyu.catalogue.grading import Facts, GradedSource, GradingTable, Level, Proposal, Subject
from quanyu.catalogue.harvest.reasons import because

_PERSONS = Level.L3
"""From this level on, a sign of users tells one person from others."""


def judge(facts: Facts, sources: Sequence[GradedSource], table: GradingTable) -> Proposal:
    """The class and level that the rules propose; the strictest rule counts.

    ``sources`` are what it was made from directly. A join of what tells of persons is one level
    higher, an aggregate one level lower than what it came from; neither makes or unmakes core data.
    """
    found = [*_signs(facts, table), *_subjects(facts, table)]
    persons = any(level >= _PERSONS and subject is Subject.USERS for level, subject, _ in found)
    found += _whereabouts(facts, table, persons=persons)
    fields = max((level for level, subject, _ in found if subject is Subject.USERS), default=None)
    found += _volumes(facts, fields, table)
    found += _inherited(facts, sources, table, persons=persons)
    found.sort(key=lambda one: -one[0].place)
    level = found[0][0] if found else Level.L1
    subjects = [subject for _, subject, _ in found if subject is not None]
    return Proposal(
        level=level,
        industry=facts.themes[0] if facts.themes else "",
        subject=subjects[0] if subjects else Subject.BUSINESS,
        persons=persons or any(s.persons for s in sources if not _aggregate(facts, s, table)),
        reasons=tuple({**why, "level": of.value} for of, _, why in found)
        or ({**because("no rule sees any harm"), "rule": "none", "level": Level.L1.value},),
    )


_Found = tuple[Level, Subject | None, Mapping[str, Any]]


def _signs(facts: Facts, table: GradingTable) -> list[_Found]:
    found: list[_Found] = []
    for field in facts.fields:
        for sign, why in zip(field.signs, field.why, strict=True):
            rule = table.signs.get(sign)
            level = rule.level if rule else table.sensitivities.get(sign)
            if level is not None:
                subject = rule.subject if rule else None
                if rule is None and level >= _PERSONS:
                    subject = Subject.USERS
                found.append((level, subject, {**why, "rule": sign, "of": field.name}))
    return found


def _whereabouts(facts: Facts, table: GradingTable, *, persons: bool) -> list[_Found]:
    """Exact places beside what tells one person from others are where that person is."""
    rule = table.signs.get("whereabouts")
    if rule is None or not persons or facts.metres is None or facts.metres > table.exact:
        return []
    why = because("places to {metres} m beside what tells of persons", metres=f"{facts.metres:.2g}")
    return [(rule.level, rule.subject, {**why, "rule": "whereabouts"})]


def _subjects(facts: Facts, table: GradingTable) -> list[_Found]:
    found: list[_Found] = []
    for name, rule in table.subjects.items():
        if rule.metres is not None and (facts.metres is None or facts.metres > rule.metres):
            continue
        if rule.km2 is not None and (facts.km2 is None or facts.km2 < rule.km2):
            continue
        match = rule.words.search(facts.text)
        if match is None:
            continue
        if rule.metres is None and rule.km2 is None:
            why = because("its description says “{word}”", word=match[0])
        else:
            why = because(
                "its description says “{word}”, with places to {metres} m over {km2} km²",
                word=match[0],
                metres="—" if facts.metres is None else f"{facts.metres:.2g}",
                km2="—" if facts.km2 is None else f"{facts.km2:.0f}",
            )
        found.append((rule.level, None, {**why, "rule": name}))
    return found


def _volumes(facts: Facts, fields: Level | None, table: GradingTable) -> list[_Found]:
    if fields is None or facts.rows is None:
        return []
    return [
        (
            rule.level,
            Subject.USERS,
            {**because("{rows} rows tell of persons", rows=facts.rows), "rule": name},
        )
        for name, rule in table.volumes.items()
        if fields >= rule.least and facts.rows >= rule.rows
    ]


def _inherited(
    facts: Facts, sources: Sequence[GradedSource], table: GradingTable, *, persons: bool
) -> list[_Found]:
    if not sources:
        return []
    found: list[_Found] = []
    for source in sources:
        if _aggregate(facts, source, table) and not persons:
            level = _beside(source.level, -1)
            why = because("an aggregate of “{slug}”, which is {level}", slug=source.slug,
                          level=source.level.value)  # fmt: skip
            found.append((level, None, {**why, "rule": "aggregate"}))
        else:
            why = because("made from “{slug}”, which is {level}", slug=source.slug,
                          level=source.level.value)  # fmt: skip
            found.append((source.level, None, {**why, "rule": "made-from"}))
    joined = [s for s in sources if s.persons and not _aggregate(facts, s, table)]
    if persons and len(joined) > 1:
        highest = max(source.level for source in joined)
        why = because("joins what {count} sources say of persons", count=len(joined))
        found.append((_beside(highest, +1), Subject.USERS, {**why, "rule": "join"}))
    return found


def _aggregate(facts: Facts, source: GradedSource, table: GradingTable) -> bool:
    """Whether so few rows are left that they cannot be those of the source."""
    known = facts.rows is not None and source.rows is not None
    return known and (facts.rows or 0) <= table.aggregate * (source.rows or 0)


def _beside(level: Level, step: int) -> Level:
    """The level above or below; core data are made and unmade by people only."""
    if level is Level.CORE:
        return level
    order = [one for one in Level if one is not Level.CORE]
    return order[min(max(order.index(level) + step, 0), len(order) - 1)]
