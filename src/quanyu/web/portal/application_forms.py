"""Steps that forms send for an application: what each button does with what was typed."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from quanyu.catalogue import (
    Application,
    Registration,
    Tick,
    accept_application,
    answer_objection,
    application,
    approve_application,
    hand_over_application,
    items_for,
    rebase_application,
    recall_application,
    refuse_application,
    register_application,
    return_application,
    submit_application,
)
from quanyu.kernel import Invalid, MemberId
from quanyu.parties import Caller


@dataclass(frozen=True, slots=True)
class Sent:
    """A form for one application, sent by ``caller`` who saw it at ``revision``."""

    name: str
    caller: Caller
    rules: Registration
    form: FormData
    revision: int | None

    def said(self, field: str) -> str:
        """What was typed in a field."""
        return str(self.form.get(field, ""))


Step = Callable[[Session, Sent], Application]


def step_of(form: FormData, steps: dict[str, Step]) -> Step:
    """What the pressed button does; raises :class:`Invalid` for one that the page has not."""
    found = steps.get(str(form.get("step", "")))
    if found is None:
        raise Invalid("there is no such step", field="step", mend="use the buttons of the page")
    return found


def revision_of(text: str) -> int:
    """The revision that a form carries; raises :class:`Invalid`."""
    if not text.isdecimal() or len(text) > 9:
        raise Invalid("the form is incomplete", field="revision", mend="open the page again")
    return int(text)


def _submit(session: Session, sent: Sent) -> Application:
    return submit_application(session, sent.name, sent.caller, sent.rules, revision=sent.revision)


def _recall(session: Session, sent: Sent) -> Application:
    return recall_application(
        session, sent.name, sent.caller, reason=sent.said("reason"), revision=sent.revision
    )


def _rebase(session: Session, sent: Sent) -> Application:
    return rebase_application(session, sent.name, sent.caller, revision=sent.revision)


def _accept(session: Session, sent: Sent) -> Application:
    return accept_application(session, sent.name, sent.caller, sent.rules, revision=sent.revision)


def _approve(session: Session, sent: Sent) -> Application:
    return approve_application(
        session,
        sent.name,
        sent.caller,
        sent.rules,
        checklist=_ticks(sent.form),
        reason=sent.said("reason"),
        revision=sent.revision,
    )


def _approve_whole(session: Session, sent: Sent) -> Application:
    """Approve one of many, whose checklist has been said to hold for all of them."""
    if sent.said("all_hold") != "yes":
        raise Invalid(
            "say that the whole checklist holds for each of them",
            field="all_hold",
            mend="tick the box beside “Approve”, or open them one by one",
        )
    kind = application(session, sent.name, visible_to=sent.caller).kind
    return approve_application(
        session,
        sent.name,
        sent.caller,
        sent.rules,
        checklist={item.id: Tick(True) for item in items_for(kind, sent.rules.checklist)},
        reason=sent.said("reason"),
        revision=sent.revision,
    )


def _return(session: Session, sent: Sent) -> Application:
    return return_application(
        session,
        sent.name,
        sent.caller,
        sent.rules,
        reason=sent.said("reason"),
        comments=_comments(sent.form),
        checklist=_ticks(sent.form),
        revision=sent.revision,
    )


def _refuse(session: Session, sent: Sent) -> Application:
    return refuse_application(
        session,
        sent.name,
        sent.caller,
        sent.rules,
        reason=sent.said("reason"),
        checklist=_ticks(sent.form),
        revision=sent.revision,
    )


def _register(session: Session, sent: Sent) -> Application:
    return register_application(session, sent.name, sent.caller, revision=sent.revision)


def _hand_over(session: Session, sent: Sent) -> Application:
    return hand_over_application(
        session,
        sent.name,
        sent.caller,
        to=MemberId(sent.said("to")),
        reason=sent.said("reason"),
        revision=sent.revision,
    )


def _uphold(session: Session, sent: Sent) -> Application:
    return _answer(session, sent, uphold=True)


def _dismiss(session: Session, sent: Sent) -> Application:
    return _answer(session, sent, uphold=False)


def _answer(session: Session, sent: Sent, *, uphold: bool) -> Application:
    return answer_objection(
        session,
        sent.said("objection"),
        sent.caller,
        uphold=uphold,
        answer=sent.said("answer"),
        revision=sent.revision,
    )


def _ticks(form: FormData) -> dict[str, Tick]:
    """The checklist as it was sent: ``check/<item>`` is ``yes`` or ``no``, with a comment."""
    return {
        name.removeprefix("check/"): Tick(
            str(said) == "yes", str(form.get(f"comment/{name.removeprefix('check/')}", ""))
        )
        for name, said in form.items()
        if name.startswith("check/") and str(said) in {"yes", "no"}
    }


def _comments(form: FormData) -> dict[str, str]:
    return {
        name.removeprefix("on/"): str(text)
        for name, text in form.items()
        if name.startswith("on/") and str(text).strip()
    }


ONE: dict[str, Step] = {
    "submit": _submit,
    "recall": _recall,
    "rebase": _rebase,
    "accept": _accept,
    "approve": _approve,
    "return": _return,
    "refuse": _refuse,
    "register": _register,
    "hand-over": _hand_over,
    "uphold": _uphold,
    "dismiss": _dismiss,
}
"""The buttons of the page of one application."""

MANY: dict[str, Step] = {"accept": _accept, "approve": _approve_whole, "return": _return}
"""The buttons of the inbox."""
