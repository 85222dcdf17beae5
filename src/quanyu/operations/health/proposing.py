"""Rules proposed from a profile: what the values as they are now would keep.

A provider begins with them; they are declared only when it says so. Of guarded columns (those that
could harm somebody) no rule is proposed that would tell a value.
"""

import re
from collections.abc import Iterator
from typing import Any

from quanyu.operations.health.model import DIMENSION_OF, QualityRule, QualitySeverity
from quanyu.operations.health.rules_document import MOST_RULES
from quanyu.spacetime import CheckKind, FieldProfile, FieldType, Profile, ValueCheck

_FEW_CODES = 20
_MOST_MISSING = 0.05
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_KEYS = (FieldType.STRING, FieldType.INTEGER)


def propose_rules(profile: Profile) -> tuple[QualityRule, ...]:
    """Rules for data with this profile, in the order of their columns."""
    seen: dict[str, QualityRule] = {}
    for rule in _proposals(profile):
        seen.setdefault(rule.name, rule)
    return tuple(seen.values())[:MOST_RULES]


def _proposals(profile: Profile) -> Iterator[QualityRule]:
    if profile.rows:
        yield _proposed("row-count", CheckKind.ROWS, least=max(1, profile.rows // 2))
    for one in profile.fields:
        if one.count:
            yield from _of_field(one)
    if profile.geometry is not None and profile.geometry.missing == 0:
        yield _proposed("shape-valid", CheckKind.SHAPE)


def _of_field(one: FieldProfile) -> Iterator[QualityRule]:
    if one.complete >= 1 - _MOST_MISSING:
        share = 1.0 if one.missing == 0 else 1 - _MOST_MISSING
        yield _proposed(f"{one.name}-present", CheckKind.PRESENT, one.name, share=share)
    if one.guarded:
        return
    if one.unique and one.missing == 0 and one.type in _KEYS:
        yield _proposed(f"{one.name}-unique", CheckKind.UNIQUE, one.name)
    elif one.type is FieldType.STRING and len(one.common) == one.distinct <= _FEW_CODES:
        values = tuple(common.value for common in one.common)
        yield _proposed(f"{one.name}-codes", CheckKind.CODES, one.name, values)
    if one.type in _NUMBERS and one.mean is not None:
        low, high = float(one.least), float(one.most)
        room = (high - low) / 2
        yield _proposed(
            f"{one.name}-range",
            CheckKind.RANGE,
            one.name,
            least=float(f"{max(0.0, low - room) if low >= 0 else low - room:.3g}"),
            most=float(f"{high + room:.3g}"),
            severity=QualitySeverity.WARNING,
        )


def _proposed(
    name: str,
    kind: CheckKind,
    column: str = "",
    values: tuple[Any, ...] = (),
    *,
    least: float | None = None,
    most: float | None = None,
    share: float = 1.0,
    severity: QualitySeverity = QualitySeverity.ERROR,
) -> QualityRule:
    slug = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:60] or kind.value
    check = ValueCheck(
        kind=kind, columns=(column,) if column else (), values=values, least=least, most=most
    )
    return QualityRule(slug, check, DIMENSION_OF[kind], severity, share)
