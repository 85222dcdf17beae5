"""`rules` and `alerts`: rules checked, tried on history, put down; what they raised."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quanyu import app as composition
from quanyu.cli.acting import As, acting, writing_as
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import Invalid, configure_logs, in_zone, load_settings, now
from quanyu.operations import (
    AlertFilter,
    AlertState,
    Rule,
    RuleState,
    acknowledge,
    find_alerts,
    instant,
    keep_rule,
    peak_unit,
    read_rules,
    use_service_levels,
    worst_text,
)

if TYPE_CHECKING:
    from quanyu.web import Node

rule_commands = typer.Typer(help="Rules over streams: what raises an alert.", no_args_is_help=True)
alert_commands = typer.Typer(help="Alerts that rules raised.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="YAML or JSON file of rules.")]
_SHOWN = 40


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(rule_commands, name="rules")
    app.add_typer(alert_commands, name="alerts")


@rule_commands.command("check", epilog="Example: `quanyu rules check air.yaml`")
def check(file: File, json: Json = False) -> None:
    """Check a file of rules by their schema; needs no node."""
    rules = _read(file)
    if json:
        give_json([dict(one.document) for one in rules])
    else:
        for one in rules:
            say(f"{one.stream}/{one.id}: {one.title.en} ({one.severity})")


@rule_commands.command("apply", epilog="Example: `quanyu rules apply air.yaml --live`")
def apply(
    file: File,
    live: Annotated[bool, typer.Option("--live", help="Judge by them from now on.")] = False,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Put the rules of a file down, all or none; what did not change keeps its version."""
    from quanyu.web import rule_document

    rules = _read(file)
    use_service_levels(load_settings(dir=folder))
    with writing_as(folder, login) as (session, caller):
        kept = [keep_rule(session, caller, one, RuleState.LIVE if live else None) for one in rules]
    if json:
        give_json([rule_document(one) for one in kept])
    else:
        for one in kept:
            say(f"{one.key} {one.rule.stream}/{one.rule.id} version {one.version}: {one.state}")


@rule_commands.command("list", epilog="Example: `quanyu rules list --json`")
def list_rules(login: As = None, folder: Dir = HOME, json: Json = False) -> None:
    """List rules that the acting member may see."""
    from quanyu.web import rule_document, seen_rules

    node = _node(folder)
    try:
        caller = acting(node.control, login)
        with node.control.read() as session:
            kept = seen_rules(session, node, caller)
    finally:
        composition.close_node(node)
    if json:
        give_json([rule_document(one) for one in kept])
    else:
        give_table(
            ("key", "rule", "title", "severity", "state"),
            [
                (one.key, f"{one.rule.stream}/{one.rule.id}", one.rule.title.en,
                 one.rule.severity, one.state)
                for one in kept
            ],
        )  # fmt: skip


@rule_commands.command(
    "back-test", epilog="Example: `quanyu rules back-test air.yaml --since 2026-01-01`"
)
def try_on_history(
    file: File,
    since: Annotated[str | None, typer.Option(help="From this day or instant (UTC).")] = None,
    until: Annotated[str | None, typer.Option(help="Until before this one; else now.")] = None,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Say when each rule of a file would have raised, how often, for how long."""
    from quanyu.web import back_test_document, try_rule

    rules = _read(file)
    end = _instant(until, "until") if until else now()
    start = _instant(since, "since") if since else end - timedelta(days=30)
    node = _node(folder)
    documents = []
    try:
        caller, zone = acting(node.control, login), node.settings.time_zone
        for one in rules:
            made, names = try_rule(node, caller, one, start, end)
            documents.append({"rule": one.id, **back_test_document(made, names)})
            if json:
                continue
            hours = made.firing / 3_600_000_000
            say(
                f"{one.id}: {made.raised} alerts, {hours:.1f} hours, of {made.subjects} subjects "
                f"and {made.rows} observations"
            )
            give_table(
                ("what", "from", "until", "worst"),
                [
                    (
                        names.get(e.subject, e.subject),
                        in_zone(instant(e.begin), zone),
                        "" if e.end is None else in_zone(instant(e.end), zone),
                        worst_text("en", e.peak, peak_unit(one, "")),
                    )
                    for e in made.episodes[:_SHOWN]
                ],
            )
    finally:
        composition.close_node(node)
    if json:
        give_json(documents)


@alert_commands.command("list", epilog="Example: `quanyu alerts list --all`")
def list_alerts(
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """List alerts that the acting member may see, the latest first."""
    from quanyu.web import alert_document, sight_for

    node = _node(folder)
    try:
        caller = acting(node.control, login)
        wanted = AlertFilter(states=tuple(AlertState)) if every else AlertFilter()
        with node.control.read() as session:
            sight = sight_for(session, node, caller)
            found = find_alerts(session, sight, wanted, limit=500).alerts
        zone = node.settings.time_zone
    finally:
        composition.close_node(node)
    if json:
        give_json([alert_document(one) for one in found])
    else:
        give_table(
            ("alert", "severity", "state", "what", "since", "worst"),
            [
                (one.id, one.severity, one.state, one.about, in_zone(one.began_at, zone),
                 worst_text("en", one.peak, one.unit))
                for one in found
            ],
        )  # fmt: skip


@alert_commands.command(
    "acknowledge", epilog="Example: `quanyu alerts acknowledge alt_… --note mine`"
)
def take_on(
    name: Annotated[str, typer.Argument(help="Id of the alert.")],
    note: Annotated[str, typer.Option(help="A note for the others.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Take an alert on: it is escalated no further."""
    from quanyu.web import sight_for

    node = _node(folder)
    try:
        caller = acting(node.control, login)
        with node.control.begin() as session:
            one = acknowledge(session, caller, sight_for(session, node, caller), name, note)
    finally:
        composition.close_node(node)
    say(f"{one.id}: {one.state}")


def _node(folder: Path) -> "Node":
    settings = load_settings(dir=folder)
    configure_logs(settings.log_format, "error")
    return composition.open_node(settings)


def _read(file: Path) -> list[Rule]:
    try:
        return read_rules(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid("{path} cannot be read", field="file", path=file) from error


def _instant(text: str, field: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            "a day or an instant is needed here", field=field, mend="such as 2026-11-02"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=now().tzinfo)
