"""`grading`: classes and grades from the command line."""

from typing import Annotated

import typer

from quanyu.catalogue import (
    Grading,
    Level,
    Subject,
    confirm_grading,
    grading_history,
    gradings_waiting,
    propose_grading,
    resource,
    use_grading,
)
from quanyu.cli.node import administrator
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.cli.parties import member_caller
from quanyu.kernel import ControlStore, fill, iso, load_settings, open_control

commands = typer.Typer(help="Classes and grades of data (GB/T 43697).", no_args_is_help=True)
Slug = Annotated[str, typer.Argument(help="Slug of the resource.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="grading")


@commands.command("list", epilog="Example: `quanyu grading list`")
def list_waiting(folder: Dir = HOME, json: Json = False) -> None:
    """Proposals that wait for a reviewer, the latest first."""
    with _open(folder).read() as session:
        page = gradings_waiting(session, limit=1000)
    if json:
        give_json([_line(one.slug, one.proposed) for one in page.items])
        return
    give_table(
        ("resource", "proposed", "class", "confirmed before", "since"),
        [
            (one.slug, one.proposed.level, one.proposed.subject,
             one.confirmed.level if one.confirmed else "—", iso(one.proposed.at))
            for one in page.items
        ],
    )  # fmt: skip


@commands.command("show", epilog="Example: `quanyu grading show trees`")
def show_grading(slug: Slug, folder: Dir = HOME, json: Json = False) -> None:
    """What was proposed and confirmed of an entry, with reasons, the latest first."""
    with _open(folder).read() as session:
        history = grading_history(session, resource(session, slug).id)
    if json:
        give_json([_line(slug, one) for one in history])
        return
    give_table(
        ("when", "what", "level", "class", "why"),
        [
            (iso(one.at), "confirmed" if one.confirmed else "proposed", one.level, one.subject,
             one.reason or "; ".join(_reasons(one)))
            for one in history
        ],
    )  # fmt: skip


@commands.command("propose", epilog="Example: `quanyu grading propose trees`")
def propose(slug: Slug, folder: Dir = HOME) -> None:
    """Have the rules propose by the description; a look at the data counts for more."""
    with _open(folder).begin() as session:
        made = propose_grading(session, resource(session, slug))
    say(f"{slug} {made.level}: {'; '.join(_reasons(made))}")


@commands.command("confirm", epilog="Example: `quanyu grading confirm trees L2 --as zhao.min`")
def confirm(
    slug: Slug,
    level: Annotated[Level, typer.Argument(help="The level that holds.")],
    subject: Annotated[Subject, typer.Option(help="The class that holds.")] = Subject.BUSINESS,
    industry: Annotated[str, typer.Option(help="Industry: a theme of the catalogue.")] = "",
    reason: Annotated[str, typer.Option(help="Why, where it is not as proposed.")] = "",
    login: Annotated[
        str | None, typer.Option("--as", help="Login that acts; else the node's administrator.")
    ] = None,
    folder: Dir = HOME,
) -> None:
    """Confirm a class and level; the entry gets the grade that belongs to it."""
    control = _open(folder)
    with control.begin() as session:
        caller = administrator(control) if login is None else member_caller(session, login)
        done = confirm_grading(
            session,
            resource(session, slug).id,
            caller,
            level=level,
            industry=industry,
            subject=subject,
            reason=reason,
        )
    say(f"{slug} {done.level} {done.leaf}")


def _open(folder: Dir) -> ControlStore:
    settings = load_settings(dir=folder)
    use_grading(settings.grading_file)
    return open_control(settings)


def _reasons(one: Grading) -> list[str]:
    return [
        fill(str(reason.get("detail", "")), dict(reason.get("params") or {}))
        for reason in one.reasons
    ]


def _line(slug: str, one: Grading) -> dict[str, object]:
    return {
        "resource": slug,
        "id": one.id,
        "at": iso(one.at),
        "confirmed": one.confirmed,
        "level": one.level.value,
        "class": one.subject.value,
        "industry": one.industry,
        "reasons": [dict(reason) for reason in one.reasons],
        "reason": one.reason,
        "leaf": one.leaf,
    }
