"""`agreement`: offers, requests and decisions from the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import orjson
import typer
from sqlalchemy.orm import Session

from quanyu.agreements import (
    Agreement,
    agreements,
    approve,
    create_offer,
    end,
    refuse,
    request_agreement,
    resume,
    suspend,
)
from quanyu.cli.acting import As, acting, writing_as
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import Invalid, load_settings, open_control
from quanyu.parties import Caller

commands = typer.Typer(help="Offers, requests and agreements.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="Id of the agreement.")]
Reason = Annotated[str, typer.Option(help="Why, in words; both sides see it.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="agreement")


@commands.command("offer", epilog="Example: `quanyu agreement offer shops policy.json`")
def offer(
    slug: Annotated[str, typer.Argument(help="Slug of the resource.")],
    policy: Annotated[Path, typer.Argument(help="ODRL policy, JSON-LD.")],
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Put a policy forward for a resource; prints the offer's id."""
    try:
        document = orjson.loads(policy.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise Invalid(
            "{path} holds no JSON: {why}", field="policy", path=policy, why=error
        ) from error
    with writing_as(folder, login) as (session, caller):
        say(create_offer(session, caller, slug, document).id)


@commands.command(
    "request",
    epilog="Example: `quanyu agreement request off_01… li.hua --statement 'Access to shops'`",
)
def request(
    offer_id: Annotated[str, typer.Argument(help="Id of the offer.")],
    login: Annotated[str, typer.Argument(help="Login of the consumer's member.")],
    statement: Annotated[str, typer.Option(help="What the data are needed for.")],
    folder: Dir = HOME,
) -> None:
    """Ask for an agreement on an offer; prints the agreement's id."""
    with writing_as(folder, login) as (session, caller):
        say(request_agreement(session, caller, offer_id, statement=statement).id)


@commands.command("approve", epilog="Example: `quanyu agreement approve agr_01…`")
def approve_request(agreement: Id, login: As = None, folder: Dir = HOME) -> None:
    """Sign a request: the agreement is in force from now on."""
    _decide(folder, login, lambda session, caller: approve(session, caller, agreement))


@commands.command("refuse", epilog="Example: `quanyu agreement refuse agr_01… --reason '…'`")
def refuse_request(agreement: Id, reason: Reason, login: As = None, folder: Dir = HOME) -> None:
    """Refuse a request."""
    _decide(
        folder, login, lambda session, caller: refuse(session, caller, agreement, reason=reason)
    )


@commands.command("suspend", epilog="Example: `quanyu agreement suspend agr_01… --reason '…'`")
def suspend_agreement(agreement: Id, reason: Reason, login: As = None, folder: Dir = HOME) -> None:
    """Suspend an agreement; uses fail on every worker within a second."""
    _decide(
        folder, login, lambda session, caller: suspend(session, caller, agreement, reason=reason)
    )


@commands.command("resume", epilog="Example: `quanyu agreement resume agr_01…`")
def resume_agreement(agreement: Id, login: As = None, folder: Dir = HOME) -> None:
    """Let a suspended agreement go on."""
    _decide(folder, login, lambda session, caller: resume(session, caller, agreement))


@commands.command("end", epilog="Example: `quanyu agreement end agr_01… --reason '…'`")
def end_agreement(agreement: Id, reason: Reason, login: As = None, folder: Dir = HOME) -> None:
    """End an agreement for good."""
    _decide(folder, login, lambda session, caller: end(session, caller, agreement, reason=reason))


@commands.command("list", epilog="Example: `quanyu agreement list --as li.hua --json`")
def list_agreements(login: As = None, folder: Dir = HOME, json: Json = False) -> None:
    """List the agreements of the acting member's party."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    found: list[Agreement] = []
    after: str | None = None
    with control.read() as session:
        while True:
            page = agreements(session, caller, after=after)
            found += page.items
            after = page.next
            if after is None:
                break
    columns = ("id", "resource", "consumer", "state", "requested_at")
    rows = [(a.id, a.resource, a.consumer, a.state.value, a.requested_at) for a in found]
    if json:
        give_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        give_table(columns, rows)


def _decide(
    folder: Path, login: str | None, decide: Callable[[Session, Caller], Agreement]
) -> None:
    with writing_as(folder, login) as (session, caller):
        made = decide(session, caller)
    say(f"{made.id} is {made.state.value}")
