"""No sequence of steps leads where it may not; each that succeeds is noted and owed just once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from registration_office import FAR, Office, found_office

from quanyu.catalogue import (
    Application,
    ApplicationKind,
    ApplicationState,
    ObjectionState,
    State,
    accept_application,
    advance_applications,
    answer_objection,
    application,
    application_steps,
    apply,
    approve_application,
    hand_over_application,
    object_to,
    objections,
    recall_application,
    refuse_application,
    register_application,
    resource,
    return_application,
    revise_application,
    submit_application,
)
from quanyu.kernel import Conflict, ControlStore, NotFound, now
from quanyu.parties import ANONYMOUS

_S = ApplicationState
_REVIEWERS = st.sampled_from(["ann", "bob"])
_LEADS: dict[str, tuple[frozenset[ApplicationState], frozenset[ApplicationState]]] = {
    "submit": (frozenset({_S.DRAFT, _S.RETURNED}), frozenset({_S.SUBMITTED})),
    "revise": (frozenset({_S.DRAFT, _S.RETURNED}), frozenset({_S.DRAFT, _S.RETURNED})),
    "recall": (
        frozenset({_S.DRAFT, _S.RETURNED, _S.SUBMITTED, _S.ACCEPTED, _S.PUBLICISED}),
        frozenset({_S.RECALLED}),
    ),
    "accept": (frozenset({_S.SUBMITTED}), frozenset({_S.ACCEPTED})),
    "approve": (frozenset({_S.ACCEPTED}), frozenset({_S.ACCEPTED, _S.PUBLICISED})),
    "return": (frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.PUBLICISED}), frozenset({_S.RETURNED})),
    "refuse": (frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.PUBLICISED}), frozenset({_S.REFUSED})),
    "hand over": (
        frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.PUBLICISED}),
        frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.PUBLICISED}),
    ),
    "object": (frozenset({_S.PUBLICISED}), frozenset({_S.PUBLICISED})),
    "dismiss": (frozenset({_S.PUBLICISED}), frozenset({_S.PUBLICISED})),
    "uphold": (frozenset({_S.PUBLICISED}), frozenset({_S.RETURNED})),
    "register": (frozenset(), frozenset()),
}
"""What each step may begin from and lead to; registering by hand comes before the period's end."""


class Applications(RuleBasedStateMachine):
    """One entry, one application at a time, anybody pressing any button."""

    template: Path

    @initialize()
    def found(self) -> None:
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name) / "control.sqlite"
        path.write_bytes(self.template.read_bytes())
        self.store = ControlStore(f"sqlite:///{path}")
        self.office: Office = found_office(self.store)
        self.entry = self.office.entry()
        self.one: Application = self.office.write(
            apply, self.entry.id, ApplicationKind.FIRST, self.office.supplier
        )

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Whether the step was refused or not, the states before and after fit its name."""
        before, leaves = self.state(), len(self.office.leaves())
        begins, leads = _LEADS[name]
        try:
            yield
        except Conflict:
            self.untouched(before, leaves)
        except NotFound:
            # A draft is its applicant's: reviewers do not even know of it.
            self.untouched(_S.DRAFT, leaves)
        else:
            assert before in begins, (name, before)
            assert self.state() in leads, (name, before, self.state())

    def untouched(self, before: ApplicationState, leaves: int) -> None:
        assert self.state() is before
        assert len(self.office.leaves()) == leaves

    def state(self) -> ApplicationState:
        return self.office.state(self.one)

    def press(self, name: str, act: Callable[..., Any], *args: Any, **said: Any) -> None:
        with self.step(name):
            self.office.write(act, self.one.id, *args, **said)

    @rule()
    def submit(self) -> None:
        self.press("submit", submit_application, self.office.supplier, self.office.rules)

    @rule()
    def revise(self) -> None:
        with self.step("revise"):
            self.office.write(
                revise_application,
                self.one.id,
                self.one.proposed,
                self.office.supplier,
                revision=None,
                reason="again",
            )

    @rule()
    def recall(self) -> None:
        self.press("recall", recall_application, self.office.supplier)

    @rule(who=_REVIEWERS)
    def accept(self, who: str) -> None:
        self.press("accept", accept_application, getattr(self.office, who), self.office.rules)

    @rule(who=_REVIEWERS)
    def approve(self, who: str) -> None:
        ticks = self.office.ticks(ApplicationKind.FIRST)
        by = getattr(self.office, who)
        self.press("approve", approve_application, by, self.office.rules, checklist=ticks)

    @rule(who=_REVIEWERS)
    def give_back(self, who: str) -> None:
        by = getattr(self.office, who)
        self.press("return", return_application, by, self.office.rules, reason="mend")

    @rule()
    def refuse(self) -> None:
        self.press("refuse", refuse_application, self.office.ann, self.office.rules, reason="no")

    @rule(who=_REVIEWERS)
    def hand_over(self, who: str) -> None:
        to = getattr(self.office, who).member
        self.press("hand over", hand_over_application, self.office.bob, to=to)

    @rule()
    def register(self) -> None:
        self.press("register", register_application, self.office.ann)

    @rule()
    def object_to_it(self) -> None:
        if self.state() is _S.PUBLICISED:  # before that nobody knows of it
            said = {"text": "no", "contact": "me"}
            self.press("object", object_to, ANONYMOUS, self.office.rules, **said)

    @rule(uphold=st.booleans())
    def answer(self, uphold: bool) -> None:
        found = self.office.read(objections, self.one.id, visible_to=self.office.supplier)
        waiting = [one for one in found if one.state is ObjectionState.OPEN]
        if waiting:
            with self.step("uphold" if uphold else "dismiss"):
                self.office.write(
                    answer_objection, waiting[0].id, self.office.ann, uphold=uphold, answer="so"
                )

    @rule(days=st.integers(0, 80))
    def time_passes(self, days: int) -> None:
        before = self.office.read(application, self.one.id, visible_to=self.office.supplier)
        at = now() + timedelta(days=days)
        moved = advance_applications(self.store, at)
        due = (
            before.state is _S.PUBLICISED
            and before.paused_at is None
            and before.publicity_until is not None
            and before.publicity_until <= at
        )
        assert moved == due
        assert self.state() is (_S.REGISTERED if due else before.state)

    @rule()
    def apply_again(self) -> None:
        if self.state() in {_S.REFUSED, _S.RECALLED}:
            self.one = self.office.write(
                apply, self.entry.id, ApplicationKind.FIRST, self.office.supplier
            )

    @invariant()
    def every_step_is_noted_and_owed_once(self) -> None:
        if not hasattr(self, "one"):
            return
        steps = self.office.read(application_steps, self.one.id, visible_to=self.office.supplier)
        leaves = [leaf for leaf in self.office.leaves() if leaf["subject"] == self.one.id]
        assert [step.leaf for step in steps] == [leaf["id"] for leaf in leaves]
        assert [step.revision for step in steps] == sorted({step.revision for step in steps})

    @invariant()
    def the_public_sees_what_is_registered(self) -> None:
        if not hasattr(self, "one"):
            return
        shown = self.office.read(resource, "trees").state is State.PUBLISHED
        assert shown == (self.state() is _S.REGISTERED)

    @invariant()
    def the_clock_stands_still_only_for_open_objections(self) -> None:
        if not hasattr(self, "one"):
            return
        one = self.office.read(application, self.one.id, visible_to=self.office.supplier)
        found = self.office.read(objections, one.id, visible_to=self.office.supplier)
        waiting = any(said.state is ObjectionState.OPEN for said in found)
        assert (one.paused_at is not None) == waiting
        assert not waiting or one.state is _S.PUBLICISED


def test_no_sequence_of_steps_leads_astray(sqlite_template: Path) -> None:
    assert timedelta(80) > FAR
    machine = type("OnTemplate", (Applications,), {"template": sqlite_template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=6,
            stateful_step_count=14,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("name", sorted(_LEADS))
def test_every_button_has_its_rule(name: str) -> None:
    begins, leads = _LEADS[name]
    assert bool(begins) == bool(leads)
