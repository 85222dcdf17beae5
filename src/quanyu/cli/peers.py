"""`peers`: other nodes that this one deals with by the Dataspace Protocol."""

from typing import Annotated

import typer

from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.federation import (
    add_peer,
    here_of,
    peer,
    peers,
    remove_peer,
    renew_token,
    set_peer_token,
)
from quanyu.kernel import LocalText, load_settings, open_control
from quanyu.parties import PartyKind

commands = typer.Typer(help="Other nodes, by the Dataspace Protocol.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Participant id of the peer, or its id here.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="peers")


@commands.command("add", epilog="Example: `quanyu peers add harbour https://harbour.example/dsp`")
def add(
    participant: Annotated[str, typer.Argument(help="What it calls itself: participantId.")],
    address: Annotated[str, typer.Argument(help="Root of its protocol's URLs.")],
    zh: Annotated[str, typer.Option(help="Name in Chinese.")] = "",
    en: Annotated[str, typer.Option(help="Name in English.")] = "",
    kind: Annotated[PartyKind, typer.Option(help="Kind of organisation.")] = PartyKind.ENTERPRISE,
    credit_code: Annotated[
        str | None, typer.Option(help="Unified social credit code (GB 32100).")
    ] = None,
    theirs: Annotated[str | None, typer.Option(help="Token that it gave this node.")] = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Add a peer; prints the token that it has to send, once."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    with control.begin() as session:
        made, token = add_peer(
            session,
            here_of(settings),
            participant=participant,
            address=address,
            name=LocalText(zh=zh, en=en or ("" if zh else participant)),
            kind=kind,
            credit_code=credit_code,
            token=theirs,
        )
    if json:
        give_json({"id": made.id, "party": made.party, "token": token})
        return
    say(f"{made.id} is a peer. It has to send this token (shown only now): {token}")


@commands.command("token", epilog="Example: `quanyu peers token harbour --theirs qy_…`")
def token(
    name: Name,
    theirs: Annotated[str | None, typer.Option(help="Token that it gave this node.")] = None,
    folder: Dir = HOME,
) -> None:
    """Keep the token that a peer gave this node; without one, make another for it to send."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    with control.begin() as session:
        if theirs is not None:
            set_peer_token(session, here_of(settings), name, theirs)
            say(f"{name} can be asked now")
        else:
            say(renew_token(session, name))


@commands.command("list", epilog="Example: `quanyu peers list --json`")
def list_peers(folder: Dir = HOME, json: Json = False) -> None:
    """List the peers."""
    control = open_control(load_settings(dir=folder))
    with control.read() as session:
        found = peers(session)
    columns = ("id", "participant", "party", "address", "reachable")
    rows = [(p.id, p.participant, p.party, p.address, p.reachable) for p in found]
    if json:
        give_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        give_table(columns, rows)


@commands.command("remove", epilog="Example: `quanyu peers remove harbour`")
def remove(name: Name, folder: Dir = HOME) -> None:
    """Deal with a peer no more: its tokens open nothing."""
    control = open_control(load_settings(dir=folder))
    with control.begin() as session:
        remove_peer(session, peer(session, name).id)
    say(f"{name} is no peer any more")
