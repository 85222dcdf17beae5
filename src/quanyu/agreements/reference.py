"""Reference pages made from the tables, so that nothing in them is undocumented.

:func:`write_reference` writes them; a test compares.
"""

from collections.abc import Mapping
from pathlib import Path

from quanyu.agreements.rules import RULES
from quanyu.agreements.terms import TERMS
from quanyu.agreements.vocabulary import ASKABLE, DUTIES, PARENTS
from quanyu.catalogue import CATALOGUE_RULES

_RULES = """\
# Rules that refuse

Every refusal names its rule. A rule of a policy is named `{agreement}#{rule}`: the `@id` of the
ODRL rule or constraint, or else its place, such as `permission.1.constraint.2`. All others are the
gate's own:

| rule | meaning |
|---|---|
"""

_CATALOGUE_RULES = """
## Of the catalogue

Rules about rights, grades and authorised operation, by which registrations, products and
authorisations are refused:

| rule | meaning |
|---|---|
"""

_TERMS = """\
# Terms of policies

Policies are ODRL 2.2 in JSON-LD, with the profile `urn:quanyu:ns:odrl-1` for what ODRL lacks
(prefix `quanyu`: `urn:quanyu:ns:`). Whatever is not in these tables is refused, by name.

## Constraints

| operand | operator | says | example of the right operand |
|---|---|---|---|
"""

_ACTIONS = """
## Actions

| action | included in | performed by faces of the node |
|---|---|---|
"""

_ALGEBRA = """
Constraints of one rule, refinements of its action among them, all hold together; `odrl:and` says
the same. `odrl:or`, `odrl:xone` and `odrl:andSequence` are read and written but not enforced, so
that a policy with them is not taken; most can be said with `isAnyOf` or with several permissions.

## How rules combine

1. A permission or prohibition is *meant* when its action includes the action asked, and the
   caller's purpose and party are among its purposes and recipients.
2. A prohibition that is meant and in force wins over every permission (`odrl:conflict` may only be
   `prohibit`). Alone, or with purposes, recipients and times, it refuses; with columns, rows or a
   region it takes those away. A purpose that is not stated counts as a prohibited one.
3. At least one permission must be meant. All that are meant must be in force, and narrow together.
4. Two permissions whose actions overlap have the same purposes and recipients, or none in common:
   else the policy is not taken. Therefore a further constraint on a permission never shows more.
5. Every count, volume and rate of the permissions meant is charged: all of them or none.
6. Columns that the catalogue does not describe are hidden as soon as a policy speaks of columns.
   Two different masks on one column hide it; two grids become the least that holds both.
7. A rate of *n* in a period is never passed in any period of that length: half of the requests may
   come at once, the rest evenly.
8. Terms of place and environment hold or the permission is refused. The address is that of the
   connection, or what a proxy of `QUANYU_TRUSTED_PROXIES` says; the division is the one that
   `QUANYU_NETWORKS_FILE` has for it. What is not established meets no condition. `node` is met by
   analyses, land checks and statistics; `tls` by encrypted requests.
9. With `quanyu:groupSize` or `quanyu:noise` no row is given, only statistics (`aggregate`); of two
   of them the larger group, or the greater noise, holds. Who may read rows may add them up.
10. The mask `mark` moves a number by less than two of its steps, so that a copy can be traced.
"""


def rules_document() -> str:
    """``docs/reference/rules.md``."""
    return _RULES + _rows(RULES) + _CATALOGUE_RULES + _rows(CATALOGUE_RULES)


def _rows(rules: Mapping[str, str]) -> str:
    return "".join(f"| `{rule}` | {meaning} |\n" for rule, meaning in rules.items())


def terms_document() -> str:
    """``docs/reference/policy-terms.md``."""
    rows = [
        f"| `{left}` | `{operator}` | {term.says} | `{term.example}` |\n"
        for (left, operator), term in TERMS.items()
    ]
    units = sorted({unit for term in TERMS.values() for unit in term.units})
    actions = [
        f"| `{action}` | {parent or ''} | {'yes' if action in ASKABLE else ''} |\n"
        for action, parent in PARENTS.items()
    ]
    return "".join(
        [
            _TERMS,
            *rows,
            f"\nUnits of a rate: {', '.join(f'`{unit}`' for unit in units)}.\n",
            _ACTIONS,
            *actions,
            f"\nDuties: {', '.join(f'`{duty}`' for duty in DUTIES)}. They stand over the use,",
            "\nand are no conditions before it.\n",
            _ALGEBRA,
        ]
    )


def write_reference(folder: Path) -> None:
    """Write both pages into ``folder``."""
    (folder / "rules.md").write_text(rules_document(), encoding="utf-8")
    (folder / "policy-terms.md").write_text(terms_document(), encoding="utf-8")
