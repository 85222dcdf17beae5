"""Which rules somebody may know of who sees data through a restriction.

Counts of the whole are for those from whom nothing is kept. Everybody else knows only of rules
about single rows whose columns they see as they are, and sees them checked on their own rows: a
rule on a hidden or masked column does not exist for them, nor does one on the number of rows.
"""

from quanyu.operations.health.model import QualityRule, RuleSet
from quanyu.spacetime import GEOMETRY, View


def sees_all(view: View) -> bool:
    """Whether nothing of the data is kept from who has this view."""
    return view.restriction.open


def rules_seen(view: View, rules: RuleSet) -> tuple[QualityRule, ...]:
    """The rules that who has this view may know of."""
    if sees_all(view):
        return rules.rules
    restriction = view.restriction
    if restriction.figures is not None:
        return ()
    plain = {field.name for field in view.fields}
    if restriction.columns is not None:
        plain &= {one.name for one in restriction.columns if one.mask is None}
    if restriction.region is None and restriction.grid_m is None:
        plain.add(GEOMETRY)
    return tuple(
        rule
        for rule in rules.rules
        if rule.check.of_rows and rule.check.touches <= plain and not rule.check.dataset
    )
