"""`application`: applications for registration from the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from quanyu.catalogue import (
    Application,
    ApplicationKind,
    ApplicationState,
    Registration,
    Tick,
    accept_application,
    application,
    application_steps,
    applications,
    apply,
    approve_application,
    differences,
    items_for,
    open_application,
    refuse_application,
    register_application,
    registration_rules,
    resource,
    return_application,
    submit_application,
)
from quanyu.cli.acting import As, acting
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import Invalid, iso, load_settings, open_control
from quanyu.parties import Caller

commands = typer.Typer(help="Applications for registration.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="Id of the application.")]
Reason = Annotated[str, typer.Option(help="Why, in words; the applicant reads it.")]
_Step = Callable[[Session, Caller, Registration], Application]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="application")


@commands.command("list", epilog="Example: `quanyu application list --state submitted`")
def list_applications(
    state: Annotated[
        ApplicationState | None, typer.Option(help="Only those that stand there.")
    ] = None,
    overdue: Annotated[bool, typer.Option(help="Only those whose deadline has passed.")] = False,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """What is under way, due first."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    states = frozenset() if state is None else frozenset({state})
    with control.read() as session:
        page = applications(
            session, caller, states=states, overdue=overdue, sort="deadline", limit=1000
        )
    if json:
        give_json([_line(one) for one in page.items])
        return
    columns = ("id", "resource", "kind", "state", "deadline")
    give_table(columns, [[_line(one)[name] or "—" for name in columns] for one in page.items])


@commands.command("show", epilog="Example: `quanyu application show app_01…`")
def show_application(name: Id, login: As = None, folder: Dir = HOME, json: Json = False) -> None:
    """One application: what it would change, and what happened to it."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    with control.read() as session:
        one = application(session, name, visible_to=caller)
        steps = application_steps(session, name, visible_to=caller)
    changes = differences(one.base, one.proposed)
    if json:
        said = [{"field": c.field, "path": c.path, "old": c.old, "new": c.new} for c in changes]
        done = [
            {"at": s.at, "move": s.move, "reason": s.reason, "late": s.late, "leaf": s.leaf}
            for s in steps
        ]
        give_json(_line(one) | {"changes": said, "steps": done})
        return
    say(f"{one.id} · {one.slug} · {one.kind} · {one.state}")
    give_table(
        ("field", "as it is", "as proposed"),
        [(f"{c.field}.{c.path}".strip("."), c.old or "—", c.new or "—") for c in changes],
    )
    give_table(
        ("when", "what", "reason", "receipt"),
        [(iso(s.at), s.move, s.reason, s.leaf) for s in steps],
    )


@commands.command("submit", epilog="Example: `quanyu application submit trees --as li.hua`")
def submit(
    slug: Annotated[str, typer.Argument(help="Slug of the resource.")],
    kind: Annotated[
        ApplicationKind, typer.Option(help="What is asked for, when nothing is under way.")
    ] = ApplicationKind.FIRST,
    reason: Annotated[str, typer.Option(help="Why; reviewers read it.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Apply for an entry as it is, or send in the application under way; prints its id."""

    def step(session: Session, caller: Caller, rules: Registration) -> Application:
        entry = resource(session, slug, visible_to=caller)
        one = open_application(session, entry.id)
        if one is None:
            one = apply(session, entry.id, kind, caller, reason=reason)
        return submit_application(session, one.id, caller, rules)

    _do(folder, login, step)


@commands.command("accept", epilog="Example: `quanyu application accept app_01…`")
def accept(name: Id, login: As = None, folder: Dir = HOME) -> None:
    """Take an application up for review."""
    _do(folder, login, lambda s, caller, rules: accept_application(s, name, caller, rules))


@commands.command(
    "approve", epilog="Example: `quanyu application approve app_01… --checklist-holds`"
)
def approve(
    name: Id,
    checklist_holds: Annotated[
        bool, typer.Option(help="Say that every item of the checklist holds.")
    ] = False,
    reason: Reason = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Approve an application; with the last approval it goes into publicity."""

    def step(session: Session, caller: Caller, rules: Registration) -> Application:
        one = application(session, name, visible_to=caller)
        items = items_for(one.kind, rules.checklist)
        if not checklist_holds:
            for item in items:
                say(f"[ ] {item.text.en} · {item.text.zh}")
            raise Invalid(
                "the checklist has not been said to hold",
                field="checklist-holds",
                mend="go through it and add --checklist-holds",
            )
        ticks = {item.id: Tick(True) for item in items}
        return approve_application(session, name, caller, rules, checklist=ticks, reason=reason)

    _do(folder, login, step)


@commands.command("return", epilog="Example: `quanyu application return app_01… --reason '…'`")
def give_back(name: Id, reason: Reason, login: As = None, folder: Dir = HOME) -> None:
    """Return an application to be mended."""
    _do(
        folder,
        login,
        lambda s, caller, rules: return_application(s, name, caller, rules, reason=reason),
    )


@commands.command("refuse", epilog="Example: `quanyu application refuse app_01… --reason '…'`")
def refuse(name: Id, reason: Reason, login: As = None, folder: Dir = HOME) -> None:
    """Refuse registration for good."""
    _do(
        folder,
        login,
        lambda s, caller, rules: refuse_application(s, name, caller, rules, reason=reason),
    )


@commands.command("register", epilog="Example: `quanyu application register app_01…`")
def register(name: Id, login: As = None, folder: Dir = HOME) -> None:
    """Register what has been through its publicity, without waiting for the node to do so."""
    _do(folder, login, lambda s, caller, _rules: register_application(s, name, caller))


def _do(folder: Path, login: str | None, step: _Step) -> None:
    settings = load_settings(dir=folder)
    rules = registration_rules(settings)
    control = open_control(settings)
    caller = acting(control, login)
    with control.begin() as session:
        done = step(session, caller, rules)
    say(f"{done.id} {done.state}")


def _line(one: Application) -> dict[str, str]:
    return {
        "id": one.id,
        "resource": one.slug,
        "kind": one.kind.value,
        "state": one.state.value,
        "deadline": iso(one.deadline) if one.deadline else "",
    }
