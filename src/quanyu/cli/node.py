"""`init`: a node's folder, with its settings, key and administrator."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from quanyu import app as composition
from quanyu.cli.options import HOME, Dir
from quanyu.cli.output import say
from quanyu.kernel import (
    SETTINGS_FILE,
    Conflict,
    ControlStore,
    LocalText,
    create_control,
    load_settings,
)
from quanyu.parties import Caller, PartyKind, Role, add_member, caller_of, members, node_party
from quanyu.parties import register_party as _register_party

ADMIN = "admin"


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog="Example: `quanyu init --dir city --title-zh 某市 --title-en 'Some City'`")(
        init
    )


def init(
    folder: Dir = HOME,
    name: Annotated[str, typer.Option(help="Name of the node; the log's origin.")] = "quanyu.local",
    title_zh: Annotated[str, typer.Option(help="Name of the city in Chinese.")] = "全域",
    title_en: Annotated[str, typer.Option(help="Name of the city in English.")] = "quanyu",
    area_code: Annotated[str, typer.Option(help="Division code, GB/T 2260.")] = "000000",
) -> None:
    """Make a node in a folder, with its signing key and its administrator."""
    password = init_node(
        folder, name=name, title=LocalText(zh=title_zh, en=title_en), area_code=area_code
    )
    say(f"{folder} is ready. Sign in as {ADMIN} with {password} (shown only now)")


def init_node(folder: Path, *, name: str, title: LocalText, area_code: str) -> str:
    """Make a node; returns the administrator's password, which is kept nowhere.

    Raises :class:`Conflict` for a folder that holds a node already.
    """
    if (folder / SETTINGS_FILE).exists():
        raise Conflict("{folder} holds a node already", field="dir", folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = load_settings(
        dir=folder,
        node_name=name,
        title_zh=title.zh or title.en,
        title_en=title.en or title.zh,
        area_code=area_code,
    )
    control = create_control(settings)
    password = secrets.token_urlsafe(12)
    with control.begin() as session:
        party = _register_party(session, kind=PartyKind.CITY_NODE, name=title)
        add_member(
            session, party.id, login=ADMIN, name="Administrator", password=password, roles=Role
        )
    control.close()
    composition.open_log(settings).close()
    lines = ("node_name", "title_zh", "title_en", "area_code")
    # The file comes last: a folder without it is no node yet and may be initialised again.
    (folder / SETTINGS_FILE).write_text(
        "".join(f'{key} = "{_toml(getattr(settings, key))}"\n' for key in lines), "utf-8"
    )
    return password


def administrator(control: ControlStore) -> Caller:
    """The caller that local commands act as: a member of the node's own party."""
    with control.read() as session:
        party = node_party(session)
        if party is not None:
            for member in members(session, party.id):
                if member.active and Role.STEWARD in member.roles:
                    return caller_of(session, member.id)
    raise Conflict("this node has no steward", field="dir", mend="make a node: quanyu init")


def _toml(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


__all__ = ["add_to", "administrator", "init_node"]
