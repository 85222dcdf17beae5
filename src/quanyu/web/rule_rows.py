"""A quality rule checked on the rows that a caller sees, with some that break it."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from quanyu.catalogue import Resource
from quanyu.kernel import NotFound, QuanyuError
from quanyu.operations import RuleSet, check_by, rule_set, rules_seen
from quanyu.spacetime import View
from quanyu.web.health_documents import result_document
from quanyu.web.node import node_of
from quanyu.web.serve_several import read_several
from quanyu.web.serve_use import ACTIONS, ask_of, look

_FACE = "features"


async def rows_of_rule(
    request: Request, slug: str, name: str, given: Mapping[str, str], limit: int
) -> tuple[dict[str, Any], list[str]]:
    """How the rule goes on what the caller sees and up to ``limit`` rows that break it; the uses
    that this was.

    Raises :class:`NotFound` for a rule that there is not, or that the caller may not know of, and
    what the gate raises.
    """
    node = node_of(request)

    def describe(view: View, of: Resource) -> tuple[Resource, RuleSet]:
        with node.control.read() as session:
            declared = rule_set(session, of.id)
        known = tuple(rule for rule in rules_seen(view, declared) if rule.name == name)
        if not known:
            raise NotFound("there is no rule {name}", field="name", name=name[:60])
        return of, RuleSet(of.id, declared.revision, known, declared.declared_at)

    of, rules = await look(request, slug, describe, given)
    check = rules.rules[0].check
    ask = ask_of(request, given, _FACE, ACTIONS[_FACE])
    wanted = {of.slug: ask}
    if check.dataset:
        wanted |= {check.dataset: ask_of(request, {}, _FACE, ACTIONS[_FACE])}

    def work(views: Mapping[str, View | QuanyuError]) -> tuple[dict[str, Any], int]:
        for view in views.values():
            if isinstance(view, QuanyuError):
                raise view

        def other(dataset: str) -> View:
            found = views[dataset]
            if isinstance(found, QuanyuError):
                raise found
            return found

        mine = other(of.slug)
        (result,) = check_by(mine, rules, other)
        broken = mine.wrong(check, other, limit) if limit else []
        return {"rule": result_document(result), "rows": broken}, len(broken)

    (document, _), uses = await read_several(
        request, wanted, work, lambda made: {of.slug: (max(1, made[1]), 0)}, asked=f"rule {name}"
    )
    return document, [str(use) for use in uses.values()]
