"""`operation`: authorised operation from the command line."""

from typing import Annotated

import typer

from quanyu import app as composition
from quanyu.agreements import operation_report
from quanyu.catalogue import (
    Operation,
    end_operation,
    file_operation,
    operation,
    operation_steps,
    operations,
    resume_operation,
    suspend_operation,
)
from quanyu.cli.acting import As, acting
from quanyu.cli.node import administrator
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import day_in_zone, iso, load_settings, now, open_control

commands = typer.Typer(help="Authorised operation of public data.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="Id of the authorisation.")]
Reason = Annotated[str, typer.Option(help="Why; both sides read it.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="operation")


@commands.command("list", epilog="Example: `quanyu operation list`")
def list_operations(folder: Dir = HOME, json: Json = False) -> None:
    """Every authorisation, the latest first."""
    control = open_control(load_settings(dir=folder))
    with control.read() as session:
        found = operations(session, visible_to=administrator(control))
    if json:
        give_json([_line(one) for one in found])
        return
    columns = ("id", "state", "filing", "operator", "mode", "until")
    give_table(columns, [[_line(one)[name] or "—" for name in columns] for one in found])


@commands.command("show", epilog="Example: `quanyu operation show opr_01…`")
def show_operation(name: Id, folder: Dir = HOME, json: Json = False) -> None:
    """One authorisation and what happened to it."""
    control = open_control(load_settings(dir=folder))
    with control.read() as session:
        one = operation(session, name, visible_to=administrator(control))
        steps = operation_steps(session, one.id)
    done = [
        {"at": iso(s.at), "move": s.move.value, "reason": s.reason, "leaf": s.leaf} for s in steps
    ]
    if json:
        give_json(_line(one) | {"resources": list(one.resources), "steps": done})
        return
    say(f"{one.id} · {one.title.to('zh')} · {one.state_at(now())}")
    give_table(
        ("when", "what", "reason", "receipt"),
        [(d["at"], d["move"], d["reason"], d["leaf"]) for d in done],
    )


@commands.command("file", epilog="Example: `quanyu operation file opr_01… 2026-017 --as zhao.min`")
def file(
    name: Id,
    filing: Annotated[str, typer.Argument(help="The number that it is filed under.")],
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """File an authorisation; the operator then accepts it."""
    control = open_control(load_settings(dir=folder))
    with control.begin() as session:
        done = file_operation(session, name, acting(control, login), filing=filing)
    say(f"{done.id} {done.state}")


@commands.command("suspend", epilog="Example: `quanyu operation suspend opr_01… --reason inquiry`")
def suspend(name: Id, reason: Reason, login: As = None, folder: Dir = HOME) -> None:
    """Stop an authorisation for a while: what its operator agreed on gives nothing meanwhile."""
    control = open_control(load_settings(dir=folder))
    with control.begin() as session:
        done = suspend_operation(session, name, acting(control, login), reason=reason)
    say(f"{done.id} {done.state}")


@commands.command("resume", epilog="Example: `quanyu operation resume opr_01…`")
def resume(name: Id, login: As = None, folder: Dir = HOME) -> None:
    """Let a suspended authorisation go on."""
    control = open_control(load_settings(dir=folder))
    with control.begin() as session:
        done = resume_operation(session, name, acting(control, login))
    say(f"{done.id} {done.state}")


@commands.command("end", epilog="Example: `quanyu operation end opr_01… --reason 'term over'`")
def end(name: Id, reason: Reason, login: As = None, folder: Dir = HOME) -> None:
    """End an authorisation for good."""
    control = open_control(load_settings(dir=folder))
    with control.begin() as session:
        done = end_operation(session, name, acting(control, login), reason=reason)
    say(f"{done.id} {done.state}")


@commands.command("report", epilog="Example: `quanyu operation report opr_01… --year 2026`")
def report(
    name: Id,
    year: Annotated[int | None, typer.Option(help="Calendar year; this one when left out.")] = None,
    folder: Dir = HOME,
) -> None:
    """The figures of a year as the log has them now, as JSON; nothing is published."""
    settings = load_settings(dir=folder)
    control, log = open_control(settings), composition.open_log(settings)
    wanted = day_in_zone(now(), settings.time_zone).year if year is None else year
    with control.read() as session:
        one = operation(session, name, visible_to=administrator(control))
        give_json(operation_report(session, log, one, wanted, settings.time_zone))


def _line(one: Operation) -> dict[str, str]:
    return {
        "id": one.id,
        "state": one.state_at(now()).value,
        "filing": one.filing,
        "grantor": one.grantor,
        "operator": one.operator,
        "mode": one.mode.value,
        "until": "" if one.term[1] is None else iso(one.term[1]),
    }
