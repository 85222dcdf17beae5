"""`correction`: correction requests 校核纠错 filed, listed and answered."""

from typing import Annotated

import typer

from quanyu.catalogue import (
    CorrectionDraft,
    CorrectionState,
    answer_correction,
    close_correction,
    correction,
    corrections,
    file_correction,
    resource,
)
from quanyu.cli.acting import As, acting
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import Invalid, load_settings, now, open_control, read_calendar

commands = typer.Typer(help="Correction requests and their answers.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="Id of the request.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="correction")


@commands.command("list", epilog="Example: `quanyu correction list --overdue`")
def list_requests(
    slug: Annotated[str | None, typer.Option("--resource", help="Of this resource only.")] = None,
    state: Annotated[CorrectionState | None, typer.Option(help="In this state only.")] = None,
    overdue: Annotated[bool, typer.Option(help="Only those whose provider is late.")] = False,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """List correction requests, the latest first."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    with control.read() as session:
        of = resource(session, slug, visible_to=caller).id if slug else None
        page = corrections(
            session,
            caller,
            resource_id=of,
            states=frozenset({state}) if state else frozenset(),
            overdue_at=now() if overdue else None,
            limit=1000,
        )
        slugs = {name: resource(session, name).slug for name in {i.resource for i in page.items}}
    if json:
        give_json(page.items)
        return
    give_table(
        ("id", "resource", "record", "field", "state", "owed by", "wrong"),
        [
            (
                one.id,
                slugs[one.resource],
                one.record,
                one.field,
                one.state.value,
                f"{one.owed_at():%Y-%m-%d}" if one.owed_at() else "",
                one.wrong[:60],
            )
            for one in page.items
        ],
    )


@commands.command(
    "file",
    epilog="Example: `quanyu correction file shops --wrong 'Closed since May' --record 12 "
    "--as li.hua`",
)
def file_request(
    slug: Annotated[str, typer.Argument(help="Slug of the resource.")],
    wrong: Annotated[str, typer.Option(help="What is wrong.")],
    right: Annotated[str, typer.Option(help="What would be right.")] = "",
    record: Annotated[str, typer.Option(help="Id of the feature or row.")] = "",
    field: Annotated[str, typer.Option(help="Name of the field.")] = "",
    evidence: Annotated[str, typer.Option(help="Web address where that can be seen.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Say what is wrong in a resource; prints the id of the request."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    caller = acting(control, login)
    with control.begin() as session:
        found = file_correction(
            session,
            resource(session, slug, visible_to=caller).id,
            CorrectionDraft(
                wrong=wrong, right=right, record=record, field=field, evidence=evidence
            ),
            caller,
            calendar=read_calendar(settings.holidays_file, settings.time_zone),
            days=settings.correction_days,
            per_hour=settings.feedback_per_hour,
        )
    say(found.id)


@commands.command(
    epilog="Example: `quanyu correction answer cor_01… --accept --text 'Thank you.'`"
    " · `quanyu correction answer cor_01… --corrected --version 7`"
)
def answer(
    name: Id,
    accept: Annotated[bool, typer.Option("--accept", help="It is right; it will be made.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="It is not; --text says why.")] = False,
    done: Annotated[bool, typer.Option("--corrected", help="It has been put right.")] = False,
    text: Annotated[str, typer.Option(help="The answer, which all can read.")] = "",
    version: Annotated[
        int | None, typer.Option(help="Version of the data in which it was put right.")
    ] = None,
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Accept or refuse a request, or say that it has been put right."""
    if accept + refuse + done != 1:
        raise Invalid(
            "one of three is to be said",
            field="answer",
            mend="give --accept, --refuse or --corrected",
        )
    settings = load_settings(dir=folder)
    control = open_control(settings)
    caller = acting(control, login)
    with control.begin() as session:
        revision = correction(session, name, caller).revision
        if done:
            found = close_correction(
                session, name, caller, revision=revision, version=version, answer=text
            )
        else:
            found = answer_correction(
                session,
                name,
                caller,
                accept=accept,
                answer=text,
                revision=revision,
                calendar=read_calendar(settings.holidays_file, settings.time_zone),
                days=settings.correction_fix_days,
            )
    say(f"{found.id}: {found.state.value}")
