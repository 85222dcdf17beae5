"""`audit`: the acts of administration, and whether they are what the log says."""

from typing import Annotated

import typer

from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table
from quanyu.kernel import load_settings, open_control
from quanyu.parties import ActFilter, acts

audit_commands = typer.Typer(help="Acts of administration.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(audit_commands, name="audit")


@audit_commands.command("list", epilog="Example: `quanyu audit list --kind member.roles --json`")
def list_acts(
    kind: Annotated[str, typer.Option(help="Only acts of this kind.")] = "",
    party: Annotated[str, typer.Option(help="Only acts that concern this party.")] = "",
    actor: Annotated[str, typer.Option(help="Only acts of this member.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """List acts, newest first; the exit code is 1 when one is not what its leaf says."""
    control = open_control(load_settings(dir=folder))
    with control.read() as session:
        wanted = ActFilter(kind=kind, party=party, actor=actor, limit=limit)
        found = acts(session, None, wanted).acts
    columns = ("at", "kind", "actor", "party", "subject", "origin", "sound", "position")
    rows = [tuple(getattr(one, name) for name in columns) for one in found]
    if json:
        give_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        give_table(columns, rows)
    if not all(one.sound for one in found):
        raise typer.Exit(1)
