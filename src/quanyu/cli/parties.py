"""`party` and `token`: who may use the node."""

import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import (
    ControlStore,
    Invalid,
    LocalText,
    NotFound,
    PartyId,
    TokenId,
    load_settings,
    now,
    open_control,
)
from quanyu.parties import (
    Caller,
    PartyKind,
    Role,
    Scope,
    add_member,
    caller_of,
    find_member,
    invite,
    issue_token,
    members,
    parties,
    register_party,
    revoke_token,
    set_roles,
    tokens,
)
from quanyu.parties import party as find

party_commands = typer.Typer(help="Parties and their members.", no_args_is_help=True)
token_commands = typer.Typer(help="API tokens.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="Login of the member.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(party_commands, name="party")
    app.add_typer(token_commands, name="token")


def _control(folder: Path) -> ControlStore:
    return open_control(load_settings(dir=folder))


def member_caller(session: Session, login: str) -> Caller:
    """The caller that a member is; raises :class:`NotFound` for an unknown login."""
    found = find_member(session, login)
    if found is None:
        raise NotFound("there is no member {login}", field="login", login=login)
    return caller_of(session, found.id)


@party_commands.command("add", epilog="Example: `quanyu party add university --zh 某大学`")
def add_party(
    kind: Annotated[PartyKind, typer.Argument(help="Kind of organisation.")],
    zh: Annotated[str, typer.Option(help="Name in Chinese.")] = "",
    en: Annotated[str, typer.Option(help="Name in English.")] = "",
    credit_code: Annotated[
        str | None, typer.Option(help="Unified social credit code (GB 32100).")
    ] = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Register a party."""
    if not (zh or en):
        raise Invalid("a party needs a name", field="zh", mend="give --zh or --en")
    control = _control(folder)
    with control.begin() as session:
        made = register_party(
            session, kind=kind, name=LocalText(zh=zh, en=en), credit_code=credit_code
        )
    give_json({"id": made.id}) if json else say(made.id)


@party_commands.command("list", epilog="Example: `quanyu party list --json`")
def list_parties(folder: Dir = HOME, json: Json = False) -> None:
    """List parties and their members."""
    control = _control(folder)
    with control.read() as session:
        found = [(party, members(session, party.id)) for party in parties(session)]
    if json:
        give_json(
            [
                {
                    "id": party.id,
                    "kind": party.kind,
                    "zh": party.name.zh,
                    "en": party.name.en,
                    "credit_code": party.credit_code,
                    "example": party.example,
                    "members": [
                        {"login": m.login, "roles": sorted(m.roles), "active": m.active}
                        for m in people
                    ],
                }
                for party, people in found
            ]
        )
        return
    give_table(
        ("id", "kind", "name", "members"),
        [
            (party.id, party.kind, party.name.to("en"), ", ".join(m.login for m in people))
            for party, people in found
        ],
    )


@party_commands.command(
    "member", epilog="Example: `quanyu party member pty_01… li.hua --role consumer`"
)
def member(
    party: Annotated[str, typer.Argument(help="Id of the party.")],
    login: Login,
    name: Annotated[str, typer.Option(help="Name of the person.")] = "",
    role: Annotated[list[Role] | None, typer.Option(help="A role; repeat for several.")] = None,
    folder: Dir = HOME,
) -> None:
    """Add a member to a party; its first password is printed once."""
    control = _control(folder)
    password = secrets.token_urlsafe(12)
    with control.begin() as session:
        add_member(
            session,
            PartyId(party),
            login=login,
            name=name or login,
            password=password,
            roles=role or [Role.CONSUMER],
        )
    say(f"{login} may sign in with {password} (shown only now)")


@token_commands.command("issue", epilog="Example: `quanyu token issue li.hua --days 30`")
def issue(
    login: Login,
    name: Annotated[str, typer.Option(help="What the token is for.")] = "command line",
    scope: Annotated[list[Scope] | None, typer.Option(help="A scope; repeat for several.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Life of the token.")] = 30,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Issue an API token for a member; it is shown once."""
    control = _control(folder)
    with control.begin() as session:
        expires: datetime = now() + timedelta(days=days)
        token, secret = issue_token(
            session,
            member_caller(session, login),
            name=name,
            scopes=scope or [Scope.READ],
            expires_at=expires,
        )
    give_json({"id": token.id, "token": secret, "expires_at": expires}) if json else say(secret)


@token_commands.command("list", epilog="Example: `quanyu token list li.hua`")
def list_tokens(login: Login, folder: Dir = HOME, json: Json = False) -> None:
    """List the tokens of a member's party."""
    control = _control(folder)
    with control.read() as session:
        listed = tokens(session, member_caller(session, login))
    rows = [(t.id, t.name, ", ".join(sorted(t.scopes)), t.expires_at, t.revoked_at) for t in listed]
    columns = ("id", "name", "scopes", "expires_at", "revoked_at")
    if json:
        give_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        give_table(columns, rows)


@token_commands.command("revoke", epilog="Example: `quanyu token revoke li.hua tok_01…`")
def revoke(
    login: Login,
    token: Annotated[str, typer.Argument(help="Id of the token.")],
    folder: Dir = HOME,
) -> None:
    """Revoke a token; it fails on every worker within a second."""
    control = _control(folder)
    with control.begin() as session:
        revoke_token(session, member_caller(session, login), TokenId(token))
    say(f"{token} is revoked")


@party_commands.command(
    "invite", epilog="Example: `quanyu party invite pty_01… li@example.org --role reviewer`"
)
def invite_member(
    party: Annotated[str, typer.Argument(help="Id of the party.")],
    email: Annotated[str, typer.Argument(help="E-mail address of the person.")],
    role: Annotated[list[Role] | None, typer.Option(help="A role; repeat for several.")] = None,
    days: Annotated[int, typer.Option(min=1, max=30, help="Life of the invitation.")] = 7,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Invite somebody into a party; the link is shown once and works once."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    with control.begin() as session:
        made, secret = invite(
            session, None, PartyId(party), email=email, roles=role or [Role.CONSUMER], days=days
        )
    link = f"{settings.base_url}/join?code={secret}"
    if json:
        give_json({"id": made.id, "link": link, "expires_at": made.expires_at})
    else:
        say(f"{link} (shown only now, until {made.expires_at:%Y-%m-%d %H:%M} UTC)")


@party_commands.command("members", epilog="Example: `quanyu party members pty_01…`")
def list_members(
    party: Annotated[str, typer.Argument(help="Id of the party.")],
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """List the members of a party and what they may do."""
    control = _control(folder)
    with control.read() as session:
        people = members(session, find(session, PartyId(party)).id)
    rows = [(m.id, m.login, ", ".join(sorted(m.roles)), m.active) for m in people]
    columns = ("id", "login", "roles", "active")
    if json:
        give_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        give_table(columns, rows)


@party_commands.command(
    "roles", epilog="Example: `quanyu party roles li.hua --role reviewer --role auditor`"
)
def give_roles(
    login: Login,
    role: Annotated[list[Role] | None, typer.Option(help="A role; repeat for several.")] = None,
    folder: Dir = HOME,
) -> None:
    """Give a member exactly these roles; none at all without --role."""
    control = _control(folder)
    with control.begin() as session:
        found = find_member(session, login)
        if found is None:
            raise NotFound("there is no member {login}", field="login", login=login)
        changed = set_roles(session, found.id, role or [])
    say(f"{login}: {', '.join(sorted(changed.roles)) or 'no role'}")
