"""What an authorisation must satisfy: registered resources that the grantor may operate."""

import re
from dataclasses import replace

from sqlalchemy.orm import Session

from quanyu.catalogue.codes import THEMES, State
from quanyu.catalogue.entries import resource
from quanyu.catalogue.grading import check_offerable_grade
from quanyu.catalogue.model import Resource
from quanyu.catalogue.operating import Mode, OperationDraft
from quanyu.catalogue.property_rights import RightKind, rights_on
from quanyu.catalogue.rules import refused
from quanyu.catalogue.validate import check_text
from quanyu.kernel import Invalid, NotFound, PartyId, now
from quanyu.parties import Caller, party

MOST_RESOURCES = 1_000
_LONGEST_TITLE, _LONGEST_PLAN = 300, 20_000


def check_operation(
    session: Session, draft: OperationDraft, caller: Caller | None
) -> OperationDraft:
    """The draft with blanks cut and doubles removed; ``caller`` names what resources it knows.

    Raises :class:`Invalid`, and :class:`Refused` by ``operation.coded``, ``operation.holder``,
    ``operation.term``, ``grading.core`` and ``grading.unconfirmed``.
    """
    for name in ("grantor", "operator"):
        _check_party(session, getattr(draft, name), name)
    if draft.grantor == draft.operator:
        raise Invalid(
            "a party needs no authorisation for its own resources",
            field="operator",
            mend="name another party",
        )
    since, until = draft.term
    if since is None or until is None or until <= since:
        raise Invalid("a term has a beginning and a later end", field="term", mend="give both days")
    resources = tuple(dict.fromkeys(draft.resources))
    if not 1 <= len(resources) <= MOST_RESOURCES:
        raise Invalid(
            "an authorisation is for 1 to {most} resources",
            field="resources",
            mend="name them by their id",
            most=MOST_RESOURCES,
        )
    for one in resources:
        _check_resource(session, _known(session, one, caller), draft)
    _check_mode(draft)
    if draft.plan_sha256 and not re.fullmatch(r"[0-9a-f]{64}", draft.plan_sha256):
        raise Invalid(
            "a document is named with its SHA-256 and its length",
            field="plan_sha256",
            mend="give 64 hexadecimal digits, or upload the file",
        )
    return replace(
        draft,
        title=check_text(draft.title, "title", _LONGEST_TITLE),
        plan=check_text(draft.plan, "plan", _LONGEST_PLAN),
        scenario=draft.scenario and check_text(draft.scenario, "scenario", _LONGEST_TITLE),
        resources=resources,
    )


def _check_mode(draft: OperationDraft) -> None:
    if draft.mode is Mode.FIELD and draft.field not in THEMES:
        raise Invalid("there is no such field", field="field", mend="choose one of the list")
    if draft.mode is Mode.SCENARIO and draft.scenario is None:
        raise Invalid("a scenario is needed", field="scenario", mend="say what it is for")


def _known(session: Session, one: str, caller: Caller | None) -> Resource:
    try:
        return resource(session, one, visible_to=caller)
    except NotFound as error:
        raise Invalid(
            "there is no resource {id}",
            field="resources",
            mend="name resources of this catalogue by their id",
            id=one[:80],
        ) from error


def _check_party(session: Session, of: PartyId, field: str) -> None:
    try:
        party(session, of)
    except NotFound as error:
        raise Invalid(
            "there is no party {id}",
            field=field,
            mend="name a registered party by its id",
            id=of[:80],
        ) from error


def _check_resource(session: Session, of: Resource, draft: OperationDraft) -> None:
    if of.code is None or of.state is not State.PUBLISHED:
        raise refused(
            "operation.coded",
            "“{slug}” has not been registered and coded",
            "apply for its registration first",
            field="resources",
            slug=of.slug,
        )
    check_offerable_grade(session, of, "resources")
    mine = [
        right
        for right in rights_on(session, of.id, now())
        if right.kind is RightKind.OPERATION
        and right.holder == draft.grantor
        and right.operation is None
    ]
    if not mine:
        raise refused(
            "operation.holder",
            "the right to operate products of “{slug}” is not the grantor's",
            "let its holder authorise, or leave it out",
            field="resources",
            slug=of.slug,
        )
    ends = [right.term[1] for right in mine]
    until = draft.term[1]
    if None not in ends and until is not None and all(e is not None and until > e for e in ends):
        raise refused(
            "operation.term",
            "the grantor's right to operate products of “{slug}” ends before the authorisation",
            "give an earlier end",
            field="term",
            slug=of.slug,
        )
