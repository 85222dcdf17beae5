"""`health`: how resources do, quality rules and checks, from the command line."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from quanyu.agreements import overrule_withholding, withheld
from quanyu.app import open_observations, open_store
from quanyu.catalogue import (
    HealthState,
    Kind,
    Resource,
    Search,
    Sort,
    check_writes,
    guarded_fields,
    health_figures,
    resource,
    search,
)
from quanyu.cli.acting import As, acting, writing_as
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import ControlStore, Invalid, iso, load_settings, now, open_control, translate
from quanyu.operations import (
    Health,
    declare_rules,
    end_health_silence,
    health_changes,
    health_of,
    latest_results,
    looking_by,
    looks_by,
    propose_rules,
    read_quality_rules,
    recheck,
    rule_set,
    rules_yaml,
    silence_health,
)
from quanyu.parties import Caller

commands = typer.Typer(help="How resources do, and the rules on their data.", no_args_is_help=True)

Slug = Annotated[str, typer.Argument(help="Slug of the resource.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="health")


@commands.command("list", epilog="Example: `quanyu health list --state bad`")
def list_health(
    state: Annotated[HealthState | None, typer.Option(help="Only those in this state.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only resources of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Resources, the least healthy first."""
    control = open_control(load_settings(dir=folder))
    asked = Search(
        healths=frozenset() if state is None else frozenset({state.value}),
        kinds=frozenset() if kind is None else frozenset({kind}),
        sort=Sort.SICKNESS,
        limit=limit,
        facets=False,
    )
    with control.read() as session:
        page = search(session, asked, visible_to=acting(control, login))
        figures = health_figures(session, [hit.id for hit in page.hits])
    lines = []
    for hit in page.hits:
        one = figures.get(hit.id)
        lines.append(
            {
                "resource": hit.slug,
                "kind": hit.kind.value,
                "state": one.state.value if one else HealthState.UNKNOWN.value,
                "figure": one.score if one else None,
            }
        )
    if json:
        give_json(lines)
        return
    columns = ("resource", "kind", "state", "figure")
    give_table(
        columns, [["—" if line[c] is None else str(line[c]) for c in columns] for line in lines]
    )


@commands.command("show", epilog="Example: `quanyu health show trees`")
def show_health(slug: Slug, login: As = None, folder: Dir = HOME, json: Json = False) -> None:
    """The figure of one resource, part by part, and what it was before."""
    control = open_control(load_settings(dir=folder))
    with control.read() as session:
        of = resource(session, slug, visible_to=acting(control, login))
        found = health_of(session, of.id)
        changes, _ = health_changes(session, of.id, limit=20)
        held = withheld(session, [of.id]).get(of.id)
    if json:
        said = _document(of, found)
        said["offered"] = held is None or not held.stands
        said["changes"] = [
            {"at": iso(one.at), "state": one.state.value, "figure": one.score} for one in changes
        ]
        give_json(said)
        return
    _tell(of, found)
    give_table(
        ("from", "state", "figure"),
        [
            (iso(one.at), one.state.value, "—" if one.score is None else str(one.score))
            for one in changes
        ],
    )


@commands.command("check", epilog="Example: `quanyu health check trees`")
def check_now(slug: Slug, login: As = None, folder: Dir = HOME, json: Json = False) -> None:
    """Run every check of a resource now: its rules, its service; then its figure."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    caller = acting(control, login)
    with control.read() as session:
        of = resource(session, slug, visible_to=caller)
        check_writes(caller, of.provider)
    store = open_store(settings, control)
    observations = open_observations(settings, control)
    try:
        found = recheck(
            control,
            store,
            of,
            looking_by(settings.health_weights, *looks_by(observations)),
            every=timedelta(minutes=settings.probe_minutes),
            allow_private=settings.allow_private_urls,
        )
    finally:
        observations.close()
        store.close()
    with control.read() as session:
        results = latest_results(session, [of.id]).get(of.id, ())
    mine = caller.party == of.provider
    if json:
        said = _document(of, found)
        if mine:
            said["rules"] = [
                {"name": r.name, "outcome": r.outcome.value, "checked": r.checked,
                 "failing": r.failing} for r in results
            ]  # fmt: skip
        give_json(said)
        return
    _tell(of, found)
    if mine:
        give_table(
            ("rule", "dimension", "outcome", "rows", "break it"),
            [
                (r.name, r.dimension.value, r.outcome.value, str(r.checked), str(r.failing))
                for r in results
            ],
        )


@commands.command("rules", epilog="Example: `quanyu health rules trees --as li.hua`")
def show_rules(
    slug: Slug,
    propose: Annotated[
        bool, typer.Option("--propose", help="Rules that the values as they are would keep.")
    ] = False,
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """The quality rules of a dataset as YAML, for its provider."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    of, _ = _owned(control, slug, login)
    if not propose:
        with control.read() as session:
            say(rules_yaml(rule_set(session, of.id).rules).rstrip())
        return
    store = open_store(settings, control)
    try:
        view = store.view(of.slug)
        say(rules_yaml(propose_rules(view.profile(guarded_fields(of)))).rstrip())
    finally:
        store.close()


@commands.command("declare", epilog="Example: `quanyu health declare trees rules.yaml --as li.hua`")
def declare(
    slug: Slug,
    file: Annotated[Path, typer.Argument(help="YAML file of rules.", exists=True, dir_okay=False)],
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Declare the quality rules of a dataset anew; prints their revision."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    of, caller = _owned(control, slug, login)
    rules = read_quality_rules(file.read_text(encoding="utf-8"))
    store = open_store(settings, control)
    try:
        view = store.view(of.slug)
        with control.begin() as session:
            found = declare_rules(session, caller, of.id, rules, view)
    finally:
        store.close()
    say(f"{of.slug} {found.revision}")


@commands.command(
    "maintenance",
    epilog="Example: `quanyu health maintenance geocoder --hours 4 --reason 'new disks'`",
)
def maintenance(
    slug: Slug,
    hours: Annotated[float, typer.Option(min=0, help="For how long; 0 ends it.")] = 0,
    reason: Annotated[str, typer.Option(help="What is being done.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Call nobody of a resource for some hours."""
    with writing_as(folder, login) as (session, caller):
        of = resource(session, slug, visible_to=caller)
        if hours:
            until = _later(hours)
            found = silence_health(session, caller, of.id, until, reason)
        else:
            found = end_health_silence(session, caller, of.id)
    say(f"{of.slug} {'called' if found.silence is None else iso(found.silence.until)}")


@commands.command("overrule", epilog="Example: `quanyu health overrule trees --reason '…'`")
def overrule(
    slug: Slug,
    reason: Annotated[str, typer.Option(help="Why it is offered although it is not well.")],
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Have a resource offered although it is not well, until it is."""
    with writing_as(folder, login) as (session, caller):
        of = resource(session, slug, visible_to=caller)
        overrule_withholding(session, caller, of.id, reason)
    say(f"{of.slug} offered")


def _later(hours: float) -> datetime:
    return now() + timedelta(hours=hours)


def _owned(control: ControlStore, slug: str, login: str | None) -> tuple[Resource, Caller]:
    """A dataset of the party of who acts: rules are its provider's."""
    caller = acting(control, login)
    with control.read() as session:
        of = resource(session, slug, visible_to=caller)
    if caller.party != of.provider:
        raise Invalid(
            "rules are declared by the provider of the data",
            field="as",
            mend="name a login of the provider: --as",
        )
    return of, caller


def _tell(of: Resource, found: Health) -> None:
    figure = "—" if found.score is None else str(found.score)
    say(f"{of.slug} · {found.state.value} · {figure}")
    give_table(
        ("part", "state", "figure", "reason", "seen"),
        [
            (
                part.aspect.value,
                part.state.value,
                "—" if part.score is None else str(part.score),
                translate("en", part.message, **part.params),
                iso(part.at) if part.at else "—",
            )
            for part in found.parts
        ],
    )


def _document(of: Resource, found: Health) -> dict[str, Any]:
    return {
        "resource": of.slug,
        "state": found.state.value,
        "figure": found.score,
        "parts": [
            {
                "aspect": part.aspect.value,
                "figure": part.score,
                "reason": translate("en", part.message, **part.params),
                "at": iso(part.at) if part.at else None,
            }
            for part in found.parts
        ],
    }
