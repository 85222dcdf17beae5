"""The terms of an offer, as a form has them and as a policy has them, both ways.

Every term that the form asks for is a constraint on each permission, so that no two permissions
stand under different conditions.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from quanyu.agreements import Constraint, Policy, PolicyType, Rule, Terms, compile_policy
from quanyu.kernel import Invalid
from quanyu.web.portal import offer_values as values
from quanyu.web.portal.identities import PURPOSES

Said: TypeAlias = Mapping[str, Any]
"""What was typed: a text for each field; lists for ``actions``, ``purposes`` and ``duties``;
``columns`` and ``steps`` by the name of the column."""

DUTIES: dict[str, str] = {
    "odrl:attribute": "name the source wherever the data are shown",
    "odrl:delete": "delete the data",
    "odrl:inform": "inform the provider of the use",
}
_BOUND = re.compile(r"constraint\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class _Term:
    """A term of the form: ``field`` is where its errors point."""

    field: str
    left: str
    operator: str
    read: Callable[[Said, str], Any]
    show: Callable[[Any, str], dict[str, Any]]


def _simple(
    field: str, left: str, operator: str, kind: tuple[Callable[..., Any], Callable[..., str]]
) -> _Term:
    """A term of one field; ``kind`` reads a text of that field, and shows a value as one."""
    read, show = kind

    def reading(said: Said, zone: str) -> Any:
        text = str(said.get(field, "")).strip()
        return read(text, field, zone) if text else None

    return _Term(field, left, operator, reading, lambda value, zone: {field: show(value, zone)})


def _purposes(said: Said, _zone: str) -> list[str] | None:
    typed = values.words(str(said.get("other_purposes", "")))
    return [*said.get("purposes", ()), *typed] or None


def _show_purposes(value: Any, _zone: str) -> dict[str, Any]:
    named = [value] if isinstance(value, str) else list(value)
    return {
        "purposes": [one for one in named if one in PURPOSES],
        "other_purposes": ", ".join(one for one in named if one not in PURPOSES),
    }


def _hidden(said: Said) -> list[str]:
    return [name for name, how in said.get("columns", {}).items() if how == "hide"]


def _only(said: Said, _zone: str) -> list[str] | None:
    """Columns by name where one is hidden and those to come shall be too."""
    if not _hidden(said) or said.get("later"):
        return None
    return [name for name, how in said["columns"].items() if how != "hide"]


def _without(said: Said, _zone: str) -> list[str] | None:
    return (_hidden(said) or None) if said.get("later") else None


def _masks(said: Said, _zone: str) -> list[dict[str, Any]] | None:
    found = []
    for name, how in said.get("columns", {}).items():
        if how not in ("show", "hide"):
            one: dict[str, Any] = {"column": name, "mask": how}
            step = str(said.get("steps", {}).get(name, "")).strip()
            found.append(one | ({"step": values.number(step, "columns", "")} if step else {}))
    return found or None


def _show_masks(value: Any, _zone: str) -> dict[str, Any]:
    each = value if isinstance(value, list) else [value]
    return {
        "columns": {one["column"]: one["mask"] for one in each},
        "steps": {one["column"]: f"{one['step']:g}" for one in each if "step" in one},
    }


def _interval(said: Said, zone: str) -> str | None:
    start, end = (str(said.get(name, "")).strip() for name in ("valid_from", "valid_until"))
    if not start and not end:
        return None
    first = values.day(start, "valid_from", zone) if start else ".."
    return f"{first}/{values.day_after(end, 'valid_until', zone) if end else '..'}"


def _show_interval(value: Any, zone: str) -> dict[str, Any]:
    start, _, end = str(value).partition("/")
    return {
        "valid_from": "" if start in ("", "..") else values.show_day(start, zone),
        "valid_until": "" if end in ("", "..") else values.show_day_before(end, zone),
    }


def _noise(said: Said, _zone: str) -> dict[str, Any] | None:
    loss, budget, bounds = (
        str(said.get(name, "")).strip() for name in ("epsilon", "budget", "bounds")
    )
    if not (loss or budget or bounds):
        return None
    return {
        "epsilon": values.number(loss, "epsilon", ""),
        "budget": values.number(budget, "budget", ""),
        "bounds": values.bounds(bounds),
    }


def _show_noise(value: Any, _zone: str) -> dict[str, Any]:
    return {
        "epsilon": f"{value['epsilon']:g}",
        "budget": f"{value['budget']:g}",
        "bounds": values.show_bounds(value.get("bounds", [])),
    }


_TEXT = (values.text, values.show_text)
_WHOLE = (values.whole, values.show_text)
_NUMBER = (values.number, values.show_number)
_WORDS = (values.several, values.show_several)
_TERMS = (
    _Term("purposes", "odrl:purpose", "odrl:isAnyOf", _purposes, _show_purposes),
    _simple("not_purposes", "odrl:purpose", "odrl:isNoneOf", _WORDS),
    _simple("kind", "odrl:recipient", "odrl:isA", _TEXT),
    _simple("from", "odrl:dateTime", "odrl:gteq", (values.day, values.show_day)),
    _simple("until", "odrl:dateTime", "odrl:lt", (values.day_after, values.show_day_before)),
    _Term("columns", "quanyu:columns", "odrl:isAnyOf", _only, lambda v, _: {"only": list(v)}),
    _Term(
        "columns",
        "quanyu:columns",
        "odrl:isNoneOf",
        _without,
        lambda v, _: {"columns": dict.fromkeys(v, "hide"), "later": "yes"},
    ),
    _Term("columns", "quanyu:mask", "odrl:eq", _masks, _show_masks),
    _simple("rows", "quanyu:rows", "odrl:isPartOf", (values.text, values.show_filter)),
    _simple("region", "odrl:spatial", "odrl:isPartOf", (values.region, values.show_region)),
    _Term("valid_from", "quanyu:interval", "odrl:isPartOf", _interval, _show_interval),
    _simple("grid", "quanyu:grid", "odrl:gteq", _NUMBER),
    _simple("version", "quanyu:version", "odrl:isAnyOf", (values.wholes, values.show_several)),
    _simple("most_requests", "odrl:count", "odrl:lteq", _WHOLE),
    _simple("most_rows", "quanyu:rowCount", "odrl:lteq", _WHOLE),
    _simple("most_bytes", "quanyu:byteCount", "odrl:lteq", _WHOLE),
    _simple("rate", "quanyu:rate", "odrl:lteq", _WHOLE),
    _simple("group", "quanyu:groupSize", "odrl:gteq", _WHOLE),
    _Term("epsilon", "quanyu:noise", "odrl:eq", _noise, _show_noise),
    _simple("networks", "quanyu:network", "odrl:isAnyOf", _WORDS),
    _simple("divisions", "quanyu:division", "odrl:isPartOf", _WORDS),
    _simple("environment", "quanyu:environment", "odrl:eq", _TEXT),
    _simple("release", "quanyu:release", "odrl:eq", _TEXT),
    _simple("output_group", "quanyu:outputGroup", "odrl:gteq", _WHOLE),
)


_ALSO = {
    ("odrl:purpose", "odrl:eq"): ("odrl:purpose", "odrl:isAnyOf"),
    ("odrl:purpose", "odrl:neq"): ("odrl:purpose", "odrl:isNoneOf"),
    ("odrl:spatial", "odrl:eq"): ("odrl:spatial", "odrl:isPartOf"),
    ("quanyu:version", "odrl:eq"): ("quanyu:version", "odrl:isAnyOf"),
}
"""Terms that say of one value what another says of several."""


def policy_of(said: Said, zone: str) -> Policy:
    """The policy that a form describes; days are those of the time ``zone``.

    Raises :class:`Invalid`, naming the form's field, for what cannot be read or is not taken.
    """
    found: list[tuple[str, Constraint]] = []
    for term in _TERMS:
        value = term.read(said, zone)
        if value is not None:
            unit = str(said.get("rate_unit")) if term.field == "rate" else None
            found.append((term.field, Constraint(term.left, term.operator, value, unit)))
    actions = list(said.get("actions", ()))
    if not actions:
        raise Invalid(
            "an offer allows something", field="actions", mend="choose what may be done with it"
        )
    constraints = tuple(one for _, one in found)
    to = str(said.get("assignee", "")).strip()
    policy = Policy(
        type=PolicyType.OFFER,
        permissions=tuple(Rule(action, constraints) for action in actions),
        obligations=tuple(_duty(said, name, zone) for name in said.get("duties", ())),
        assignee=to or None,
    )
    try:
        compile_policy(policy)
    except Invalid as error:
        place = _BOUND.search(error.field or "")
        if place is not None and "permission" in str(error.field):
            error.field = found[int(place[1])][0]
        raise
    return policy


def said_of(policy: Policy, columns: tuple[str, ...], zone: str) -> tuple[dict[str, Any], bool]:
    """What a form would have to say for a policy on a resource of these ``columns``, and whether
    that is all: a policy may hold terms that the form has no field for."""
    said: dict[str, Any] = {"columns": {}, "steps": {}}
    first = policy.permissions[0].constraints if policy.permissions else ()
    whole = True
    for one in first:
        term = next(
            (
                term
                for term in _TERMS
                if isinstance(one, Constraint)
                and (term.left, term.operator)
                == _ALSO.get((one.left, one.operator), (one.left, one.operator))
            ),
            None,
        )
        if term is None or not isinstance(one, Constraint):
            whole = False
            continue
        shown = term.show(one.right, zone)
        for name in ("columns", "steps"):
            shown[name] = said[name] | shown.get(name, {})
        said |= shown
        if one.unit is not None:
            said["rate_unit"] = one.unit
    only = said.pop("only", None)
    if only is not None:
        said["columns"] = dict.fromkeys((c for c in columns if c not in only), "hide") | {
            name: how for name, how in said["columns"].items() if how != "hide"
        }
    said["columns"] = {name: said["columns"].get(name, "show") for name in columns}
    said["actions"] = [rule.action for rule in policy.permissions]
    said["duties"] = [rule.action for rule in policy.obligations]
    for rule in policy.obligations:
        for due in rule.constraints:
            if isinstance(due, Constraint):
                said[f"by/{rule.action}"] = values.show_day_before(due.right, zone)
    said["assignee"] = (policy.assignee or "").removeprefix("urn:quanyu:")
    return said, whole and _same(said, policy, zone)


def _duty(said: Said, name: str, zone: str) -> Rule:
    by = str(said.get(f"by/{name}", "")).strip()
    if not by:
        return Rule(name)
    until = values.day_after(by, f"by/{name}", zone)
    return Rule(name, (Constraint("odrl:dateTime", "odrl:lt", until),))


def _same(said: Said, policy: Policy, zone: str) -> bool:
    """Whether the form says exactly what the policy says."""
    try:
        again = compile_policy(policy_of(said, zone))
    except Invalid:
        return False
    return _meaning(again) == _meaning(compile_policy(policy))


def _meaning(terms: Terms) -> tuple[Any, ...]:
    """What counts of a compiled policy, whatever its rules are called."""
    clauses = [
        (
            clause.action,
            replace(clause.whole, quotas=()),
            sorted((one.measure, one.limit, one.period or 0) for one in clause.whole.quotas),
        )
        for clause in (*terms.permissions, *terms.prohibitions)
    ]
    return clauses, len(terms.prohibitions), sorted((o.action, str(o.due)) for o in terms.owed)
