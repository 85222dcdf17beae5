"""`check` and `land`: projects checked for compliance; which dataset plays which role."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import typer

from quanyu.cli.data import open_desk
from quanyu.cli.files import read_file
from quanyu.cli.local import Asking, Body, asking, bearer
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import err, give_json, give_table, say
from quanyu.cli.use import Purpose, TokenFile
from quanyu.kernel import Invalid, LocalText, Unavailable, load_settings, open_control
from quanyu.land import (
    ROLES,
    VERDICTS,
    Declaration,
    DeclarationDraft,
    Role,
    Scheme,
    Verdict,
    check_declaration,
    declarations,
    declare,
    end_declaration,
)

_TRIES = 40

commands = typer.Typer(help="Land space: which dataset plays which role.", no_args_is_help=True)

Pairs = Annotated[
    list[str] | None, typer.Option("--column", help="meaning=column, such as class=dlbm; again.")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(
        epilog="Example: `quanyu check project.geojson --use 0701 --height 60 --floor-area 12000 "
        "--token-file my.token`"
    )(check)
    app.add_typer(commands, name="land")


def check(
    project: Annotated[
        Path, typer.Argument(help="GeoJSON, WKT, GeoPackage or zipped shapefile; - for stdin.")
    ],
    use: Annotated[str, typer.Option(help="Code of the proposed use.")],
    scheme: Annotated[Scheme, typer.Option(help="Code table of it.")] = Scheme.GBT21010,
    name: Annotated[str | None, typer.Option(help="Name of the project.")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS: EPSG:4547, GCJ-02, BD-09 …")] = None,
    height: Annotated[float | None, typer.Option(help="Height in m.")] = None,
    floor_area: Annotated[float | None, typer.Option(help="Floor area in m².")] = None,
    footprint: Annotated[float | None, typer.Option(help="Footprint in m².")] = None,
    green_area: Annotated[float | None, typer.Option(help="Green area in m².")] = None,
    buffer: Annotated[
        float | None, typer.Option(help="Look for control lines within so many m.")
    ] = None,
    day: Annotated[str | None, typer.Option(help="As of this day, such as 2026-05-01.")] = None,
    purpose: Purpose = None,
    pdf: Annotated[Path | None, typer.Option(help="Write the report as PDF.")] = None,
    signed: Annotated[Path | None, typer.Option(help="Write the signed report (JSON).")] = None,
    token_file: TokenFile = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Check a project against the land space; exit code 1 when it does not comply."""
    values = {
        "name": project.stem if name is None else name,
        "use": use,
        "scheme": scheme.value,
        "crs": crs,
        "height_m": height,
        "floor_area_m2": floor_area,
        "footprint_m2": footprint,
        "green_area_m2": green_area,
        "buffer_m": buffer,
        "day": day,
        "purpose": purpose,
    }
    token = bearer(token_file)
    form = {key: str(value) for key, value in values.items() if value is not None}
    answer = bytearray()
    body = _form(form, project.name, _read(project))
    with asking(folder) as ask:
        ask("/land/checks", {"f": "json"}, token=token, write=answer.extend, body=body)
    record = orjson.loads(answer)
    files = [(target, end) for target, end in ((signed, "json"), (pdf, "pdf")) if target]
    if files:
        # The node has been closed meanwhile, and with that the log has taken the leaf in; where a
        # server runs, that one does, within a second or so.
        with asking(folder) as ask:
            for target, ending in files:
                target.write_bytes(
                    _report(ask, f"/land/checks/{record['id']}/report.{ending}", token)
                )
    if json:
        give_json(record)
    else:
        _show(record)
    if record["verdict"] == Verdict.FAIL:
        raise typer.Exit(1)


def _report(ask: Asking, path: str, token: str | None) -> bytes:
    for _ in range(_TRIES):
        data = bytearray()
        try:
            ask(path, {"lang": "zh"}, token=token, write=data.extend)
        except Unavailable:
            time.sleep(0.5)
        else:
            return bytes(data)
    raise Unavailable("the log has not taken this report in yet", mend="try again in a second")


@commands.command("roles")
def list_roles(folder: Dir = HOME, json: Json = False) -> None:
    """List which dataset plays which role."""
    control = open_control(load_settings(dir=folder))
    with control.read() as session:
        found = declarations(session)
    if json:
        give_json(found)
        return
    give_table(
        ("id", "role", "dataset", "columns", "scheme", "revision"),
        [
            (
                one.id,
                one.role.value,
                one.dataset,
                ", ".join(f"{a}={b}" for a, b in one.columns.items()),
                one.scheme.value,
                one.revision,
            )
            for one in found
        ],
    )


@commands.command(
    "declare",
    epilog="Example: `quanyu land declare planned-use zoning --column class=dlbm` · "
    "`quanyu land declare detailed-plan plans --column height=limit_m --column far=far`",
)
def declare_role(
    role: Annotated[Role, typer.Argument(help="The role.")],
    dataset: Annotated[str, typer.Argument(help="Name of the dataset.")],
    column: Pairs = None,
    scheme: Annotated[Scheme, typer.Option(help="Code table of its classes.")] = Scheme.GBT21010,
    value: Annotated[
        list[str] | None, typer.Option("--value", help="word=code, where it holds no codes; again.")
    ] = None,
    note_zh: Annotated[str, typer.Option(help="Remark in Chinese for readers of reports.")] = "",
    note_en: Annotated[str, typer.Option(help="The same in English.")] = "",
    folder: Dir = HOME,
) -> None:
    """Say that a dataset plays a role, after looking whether it can."""
    draft = DeclarationDraft(
        role=role,
        dataset=dataset,
        columns=_pairs(column, "column"),
        scheme=scheme,
        values=_pairs(value, "value"),
        note=LocalText(zh=note_zh, en=note_en) if note_zh or note_en else None,
    )
    with open_desk(folder) as desk:
        check_declaration(
            draft.role, desk.store.view(dataset), draft.columns, draft.scheme, draft.values
        )
        with desk.control.begin() as session:
            made = declare(session, draft, desk.caller)
    say(_line(made))


@commands.command("end", epilog="Example: `quanyu land end lrl_01…`")
def end_role(
    name: Annotated[str, typer.Argument(help="Id of the declaration.")], folder: Dir = HOME
) -> None:
    """Say that a dataset plays a role no more."""
    with open_desk(folder) as desk, desk.control.begin() as session:
        ended = end_declaration(session, name, desk.caller)
    say(f"ended: {_line(ended)}")


def _line(one: Declaration) -> str:
    return f"{one.id}: {one.dataset} is {ROLES[one.role].name.en.lower()}, revision {one.revision}"


def _pairs(given: list[str] | None, field: str) -> dict[str, str]:
    found = {}
    for text in given or []:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise Invalid("“{text}” has no “=”", field=field, mend="write name=value", text=text)
        found[name.strip()] = value.strip()
    return found


def _read(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read()
    return read_file(path, "project")


def _form(values: dict[str, str], name: str, data: bytes) -> Body:
    """A multipart form with a file."""
    request = httpx.Request(
        "POST", "http://localhost/", data=values, files={"file": (name or "project", data)}
    )
    return Body(request.headers["content-type"], request.read())


def _show(record: dict[str, Any]) -> None:
    report = record["report"]
    give_table(
        ("rule", "outcome", "what was found"),
        [(one["rule"], one["verdict_name"]["en"], one["said"]["en"]) for one in report["findings"]],
    )
    for one in report["unread"]:
        err.print(
            f"not read: {one['role']} {one['dataset'] or ''} ({one['why']['en']})",
            highlight=False,
        )
    say(f"{record['id']}: {VERDICTS[Verdict(record['verdict'])].en}; SHA-256 {record['digest']}")
