"""Two people at once, on real threads: one of them wins, nothing is done twice or lost."""

from collections.abc import Callable
from dataclasses import replace
from threading import Barrier, Thread
from typing import Any

import pytest
from registration_office import FAR, Office, found_office

from quanyu.catalogue import (
    Access,
    ApplicationKind,
    ApplicationState,
    Grade,
    Move,
    accept_application,
    advance_applications,
    application,
    application_steps,
    apply,
    approve_application,
    refuse_application,
    resource,
    revise_application,
)
from quanyu.kernel import Conflict, ControlStore, LocalText, QuanyuError, now

_K, _S = ApplicationKind, ApplicationState


@pytest.fixture
def office(any_store: ControlStore) -> Office:
    return found_office(any_store)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each gave or raised, all begun at the same moment."""
    gate = Barrier(len(works))
    answers: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        gate.wait(10)
        try:
            answers[place] = work()
        except QuanyuError as error:
            answers[place] = error

    threads = [Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def faults(answers: list[Any]) -> list[QuanyuError]:
    return [one for one in answers if isinstance(one, QuanyuError)]


def moves(office: Office, one: str) -> list[Move]:
    steps = office.read(application_steps, one, visible_to=office.ann)
    return [step.move for step in steps]


def test_two_editors_of_one_draft(office: Office) -> None:
    one = office.write(apply, office.entry().id, _K.FIRST, office.supplier)

    def edit(who: Any, title: str) -> Callable[[], Any]:
        new = replace(one.proposed, title=LocalText(en=title))
        return lambda: office.write(revise_application, one.id, new, who, revision=one.revision)

    answers = at_once(edit(office.supplier, "mine"), edit(office.colleague, "theirs"))
    (fault,) = faults(answers)
    assert isinstance(fault, Conflict)
    assert fault.field == "revision"
    (won,) = [a for a in answers if not isinstance(a, QuanyuError)]
    known = office.read(application, one.id, visible_to=office.supplier)
    assert known.proposed.title == won.proposed.title


def test_two_reviewers_take_one_application(office: Office) -> None:
    one = office.submitted(office.entry())
    answers = at_once(
        *(
            lambda who=who: office.write(
                accept_application, one.id, who, office.rules, revision=one.revision
            )
            for who in (office.ann, office.bob)
        )
    )
    assert len(faults(answers)) == 1
    assert moves(office, one.id).count(Move.ACCEPTED) == 1


def test_one_approves_and_one_refuses(office: Office) -> None:
    one = office.submitted(office.entry())
    taken = office.write(accept_application, one.id, office.ann, office.rules)
    answers = at_once(
        lambda: office.write(
            approve_application, one.id, office.ann, office.rules,
            checklist=office.ticks(_K.FIRST), revision=taken.revision,
        ),
        lambda: office.write(
            refuse_application, one.id, office.bob, office.rules, reason="no",
            revision=taken.revision,
        ),
    )  # fmt: skip
    assert len(faults(answers)) == 1
    seen = moves(office, one.id)
    assert (Move.REFUSED in seen) != (Move.APPROVED in seen)


def test_both_approvals_that_are_needed_count(office: Office) -> None:
    one = office.submitted(
        office.entry(grade=Grade.IMPORTANT, access=Access.RESTRICTED, licence="by-agreement")
    )
    office.write(accept_application, one.id, office.ann, office.rules)
    ticks = office.ticks(_K.FIRST)
    answers = at_once(
        *(
            lambda who=who: office.write(
                approve_application, one.id, who, office.rules, checklist=ticks
            )
            for who in (office.ann, office.bob)
        )
    )
    assert faults(answers) == []
    assert office.state(one) is _S.PUBLICISED
    assert moves(office, one.id).count(Move.PUBLICISED) == 1


def test_two_applications_for_one_entry(office: Office) -> None:
    entry = office.entry()
    answers = at_once(
        *(
            lambda who=who: office.write(apply, entry.id, _K.FIRST, who)
            for who in (office.supplier, office.colleague)
        )
    )
    (fault,) = faults(answers)
    assert isinstance(fault, Conflict)


def test_two_processes_end_one_publicity(office: Office) -> None:
    one = office.approved(office.submitted(office.entry()))
    at = now() + FAR
    answers = at_once(*(lambda: advance_applications(office.store, at) for _ in range(3)))
    assert sum(answers) == 1
    assert moves(office, one.id).count(Move.REGISTERED) == 1
    assert office.read(resource, "trees").code is not None
