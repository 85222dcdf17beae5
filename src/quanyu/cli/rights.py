"""`rights`: the register of rights from the command line; `certificate`: one as a file."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic import TypeAdapter, ValidationError

from quanyu.catalogue import (
    ApplicationKind,
    Right,
    RightKind,
    apply,
    registration_rules,
    resource,
    right_document,
    rights_beneath,
    rights_on,
    rights_register,
    submit_application,
)
from quanyu.cli.local import ask
from quanyu.cli.node import administrator
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.cli.parties import member_caller
from quanyu.kernel import Invalid, load_settings, now, open_control

commands = typer.Typer(help="The register of rights on resources.", no_args_is_help=True)
_RIGHTS = TypeAdapter(tuple[Right, ...])
_MEMBERS = frozenset(field.name for field in fields(Right))
_MEND = "take one from `quanyu rights show --own` and change it"
_OK = 200


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="rights")


@commands.command("list", epilog="Example: `quanyu rights list --kind operation`")
def list_rights(
    kind: Annotated[RightKind | None, typer.Option(help="Only this one of the three.")] = None,
    ended: Annotated[bool, typer.Option(help="Also those that have ended.")] = False,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """What stands in the register, the latest entry first."""
    control = open_control(load_settings(dir=folder))
    caller = administrator(control)
    with control.read() as session:
        page = rights_register(
            session,
            visible_to=caller,
            kinds=frozenset() if kind is None else frozenset({kind}),
            ended=ended,
            limit=1000,
        )
    if json:
        give_json(
            [
                right_document(one.right) | {"id": one.right.id, "slug": one.slug}
                for one in page.items
            ]
        )
        return
    give_table(
        ("id", "resource", "right", "holder", "basis"),
        [
            (str(one.right.id), one.slug, one.right.kind, one.right.holder, one.right.basis or "—")
            for one in page.items
        ],
    )


@commands.command("show", epilog="Example: `quanyu rights show trees --own > rights.json`")
def show_rights(
    slug: Annotated[str, typer.Argument(help="Slug of the resource.")],
    own: Annotated[
        bool,
        typer.Option("--own", help="Only its own, as the JSON list that `rights apply` takes."),
    ] = False,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Everybody's rights on a resource now, and on what it was made from."""
    control = open_control(load_settings(dir=folder))
    with control.read() as session:
        of = resource(session, slug, visible_to=administrator(control))
        moment = now()
        standing = rights_on(session, of.id, moment)
        if own:
            give_json([right_document(right) for right in standing])
            return
        held = [(of.slug, 0, right) for right in standing]
        for one in rights_beneath(session, of.id, moment):
            held += [(one.slug, one.depth, right) for right in one.rights]
    if json:
        give_json(
            [
                right_document(right)
                | {"resource": name, "steps": depth, "registered": right.registered}
                | {"operation": right.operation}
                for name, depth, right in held
            ]
        )
        return
    give_table(
        ("resource", "steps back", "right", "holder", "registered"),
        [
            (name, str(depth), right.kind, right.holder,
             str(right.operation or ("yes" if right.registered else "no")))
            for name, depth, right in held
        ],
    )  # fmt: skip


@commands.command("apply", epilog="Example: `quanyu rights apply trees rights.json --as li.hua`")
def apply_for_rights(
    slug: Annotated[str, typer.Argument(help="Slug of the resource.")],
    file: Annotated[Path, typer.Argument(help="JSON list of all rights that shall stand.")],
    kind: Annotated[ApplicationKind, typer.Option(help="What is asked for.")] = (
        ApplicationKind.CHANGE
    ),
    reason: Annotated[str, typer.Option(help="Why; reviewers read it.")] = "",
    login: Annotated[
        str | None, typer.Option("--as", help="Login that acts; else the node's administrator.")
    ] = None,
    folder: Dir = HOME,
) -> None:
    """Apply for rights and send the application in; prints its id."""
    settings = load_settings(dir=folder)
    rights = _read(file)
    control = open_control(settings)
    with control.begin() as session:
        caller = administrator(control) if login is None else member_caller(session, login)
        of = resource(session, slug, visible_to=caller)
        made = apply(session, of.id, kind, caller, rights=rights, reason=reason)
        submit_application(session, made.id, caller, registration_rules(settings))
    say(made.id)


@commands.command("certificate", epilog="Example: `quanyu rights certificate crt_01… trees.json`")
def certificate_file(
    name: Annotated[str, typer.Argument(help="Id of the certificate.")],
    target: Annotated[Path, typer.Argument(help="File to write; `.pdf` for paper, else JSON.")],
    folder: Dir = HOME,
) -> None:
    """Fetch a certificate from the node as it runs, for `verify` or for paper."""
    form = "pdf" if target.suffix.lower() == ".pdf" else "json"
    body = bytearray()
    reply = ask(
        folder, f"/certificates/{name}/certificate.{form}", {"lang": "zh"}, write=body.extend
    )
    if reply.status != _OK:
        raise Invalid("there is no certificate {id}", field="name", id=name[:80])
    target.write_bytes(body)


def _read(file: Path) -> tuple[Right, ...]:
    try:
        given = orjson.loads(file.read_bytes())
        read = _RIGHTS.validate_python(given)
    except OSError as error:
        raise Invalid("{file} cannot be read: {why}", file=file.name, why=str(error)) from error
    except orjson.JSONDecodeError as error:
        raise Invalid("{file} is no JSON: {why}", file=file.name, why=str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(
            "{file} is no list of rights: {why}",
            field="rights." + ".".join(map(str, first["loc"])),
            mend=_MEND,
            file=file.name,
            why=str(first["msg"]),
        ) from error
    # A member that was dropped could say that the right is one on another resource.
    for number, one in enumerate(given):
        if unknown := sorted(one.keys() - _MEMBERS):
            raise Invalid(
                "{file} is no list of rights: {why}",
                field=f"rights.{number}.{unknown[0]}",
                mend=_MEND,
                file=file.name,
                why="this is no member of a right",
            )
    return read
