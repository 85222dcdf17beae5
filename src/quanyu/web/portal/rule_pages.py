"""Rules: the list, and every change of one."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.catalogue import resource
from quanyu.operations import RuleState, change_rule_state, may_keep_rules, rule_versions
from quanyu.web.alert_documents import rule_document, version_document
from quanyu.web.portal.alert_words import KINDS, alert_words
from quanyu.web.portal.rule_editor import rule_streams, yaml_of
from quanyu.web.portal.visit import (
    Member,
    TheNode,
    Visitor,
    go,
    local,
    reading,
    show,
    writing,
)
from quanyu.web.rules import seen_rule, seen_rules, sight_for, state_of
from quanyu.web.who import check_csrf_of

router = APIRouter(include_in_schema=False)


@router.get("/rules")
async def rules_page(request: Request, node: TheNode, caller: Visitor) -> Response:
    """Rules of the streams that the visitor may read."""

    def read(session: Session) -> dict[str, Any]:
        rules = seen_rules(session, node, caller)
        found = sight_for(session, node, caller).resources
        names = {key: (one.slug, local(request, one.title)) for key, one in found.items()}
        return {
            "rules": rules,
            "streams": names,
            "keeps": bool(rule_streams(session, request, caller)),
        }

    found = await reading(node, read)
    twin = {"rules": [rule_document(one) for one in found["rules"]]}
    context = found | alert_words(request) | {"kinds": list(KINDS)}
    return show(request, "rules.html", context, twin=twin)


@router.get("/rules/{key}")
async def rule_page(request: Request, node: TheNode, caller: Visitor, key: str) -> Response:
    """A rule and every change of it; its editor for who keeps it."""

    def read(session: Session) -> dict[str, Any]:
        one = seen_rule(session, node, caller, key)
        of = resource(session, one.resource)
        return {
            "kept": one,
            "stream": of,
            "versions": rule_versions(session, one.key),
            "keeps": may_keep_rules(caller, of),
        }

    found = await reading(node, read)
    document = rule_document(found["kept"])
    twin = document | {"versions": [version_document(one) for one in found["versions"]]}
    context = found | alert_words(request) | {"text": yaml_of(found["kept"].rule.document)}
    return show(request, "rule.html", context, twin=twin)


@router.post("/rules/{key}/state")
async def rule_state(request: Request, node: TheNode, caller: Member, key: str) -> Response:
    """Live, paused or removed."""
    await check_csrf_of(request)
    form = await request.form()
    state = state_of(str(form.get("state", ""))) or RuleState.PAUSED
    await writing(node, lambda s: change_rule_state(s, caller, key, state))
    return go("/rules" if state is RuleState.REMOVED else f"/rules/{key}")
