"""`settle`, `statement`, `price`, `pay`, `books`: what uses cost, who is owed what, and proof."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from quanyu import app as composition
from quanyu.cli.acting import As, acting, writing_as
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, progress, say
from quanyu.kernel import Invalid, Unavailable, configure_logs, load_settings, now, open_control
from quanyu.market import (
    Progress,
    Settlement,
    beancount,
    begin_payout,
    credit_line,
    deposit,
    document,
    documents,
    end_payout,
    from_yuan,
    meter_log,
    pay_invoice,
    period_of,
    permit_income,
    plan_document,
    price_list,
    price_offer,
    require_over,
    settle,
    statement_file,
    yuan,
)

if TYPE_CHECKING:
    from quanyu.web import Node

statement_commands = typer.Typer(
    help="Statements, invoices and credit notes.", no_args_is_help=True
)
price_commands = typer.Typer(help="Price plans of offers.", no_args_is_help=True)
pay_commands = typer.Typer(help="What the bank did, written down.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(help="The bank's number of the movement.")]
Yuan = Annotated[str, typer.Argument(help="Amount in yuan, such as 12.34.")]
Period = Annotated[str, typer.Argument(help="Month, such as 2026-11.")]
_TRIES = 40


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("settle", epilog="Example: `quanyu settle 2026-11`; again it changes nothing.")(
        settle_period
    )
    app.command(
        "books", epilog="Example: `quanyu books city.beancount && bean-check city.beancount`"
    )(books)
    app.add_typer(statement_commands, name="statement")
    app.add_typer(price_commands, name="price")
    app.add_typer(pay_commands, name="pay")


def settle_period(
    period: Period,
    early: Annotated[
        bool, typer.Option("--early", help="Also when the period is not over yet.")
    ] = False,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Settle a period: uses are priced, split, posted; invoices and statements are issued.

    May be killed at any point and called again.
    """
    with progress(f"settling {period}", quiet=json) as move:
        made = settle_node(
            folder, period, early=early, told=lambda done, of: move(done, of, "lines")
        )
    if json:
        give_json(
            {
                "settlement": made.id,
                "period": made.period,
                "lines": made.lines,
                "uses": made.uses,
                "amount": made.amount,
            }
        )
    else:
        say(f"{made.id}: {made.uses} uses on {made.lines} lines, {yuan(made.amount)} yuan")


def settle_node(folder: Path, period: str | None, *, early: bool, told: Progress) -> Settlement:
    """Meter what the log of a node holds and settle a period, the present one by default.

    Raises :class:`Conflict` for one that is not over, unless ``early``: then nothing is metered.
    """
    with _node(folder) as node:
        zone = node.settings.time_zone
        chosen = period or period_of(now(), zone)
        if not early:
            require_over(chosen, zone, now())
        _take_in(node)
        meter_log(node.control, node.log, zone)
        made = settle(node.control, chosen, zone, early=early, told=told)
        _take_in(node)
        return made


def books(
    target: Annotated[Path, typer.Argument(help="File to write.")], folder: Dir = HOME
) -> None:
    """Write the whole ledger as a beancount file."""
    settings = load_settings(dir=folder)
    control = open_control(settings)
    fresh = target.with_name(target.name + ".part")
    with control.read() as session, fresh.open("w", encoding="utf-8") as file:
        file.writelines(beancount(session, settings.time_zone))
    fresh.replace(target)


@statement_commands.command("list", epilog="Example: `quanyu statement list --kind invoice`")
def list_documents(
    kind: Annotated[
        str | None, typer.Option(help="statement, invoice or credit-note; else all.")
    ] = None,
    period: Annotated[str | None, typer.Option(help="Month, such as 2026-11.")] = None,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """List what was issued to the acting member's party; the node's steward sees all."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    rows: list[dict[str, Any]] = []
    after: str | None = None
    with control.read() as session:
        while True:
            page, after = documents(session, caller, kind=kind, period=period, after=after)
            rows += [
                {
                    "code": one.code,
                    "kind": one.kind,
                    "party": one.party,
                    "period": one.period,
                    "amount": one.amount,
                    "paid": one.paid,
                }
                for one in page
            ]
            if after is None:
                break
    if json:
        give_json(rows)
    else:
        shown = [{**row, "amount": yuan(row["amount"]), "paid": yuan(row["paid"])} for row in rows]
        columns = ("code", "kind", "party", "period", "amount", "paid")
        give_table(columns, [[row[name] for name in columns] for row in shown])


@statement_commands.command("show", epilog="Example: `quanyu statement show INV-2026-11-000001`")
def show_document(
    code: Annotated[str, typer.Argument(help="Code or id of the document.")],
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Print a statement, invoice or credit note as JSON."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    with control.read() as session:
        give_json(document(session, caller, code).body)


@statement_commands.command(
    "save", epilog="Example: `quanyu statement save STM-2026-11-000001 statement.json`"
)
def save_statement(
    code: Annotated[str, typer.Argument(help="Code or id of the statement.")],
    target: Annotated[Path, typer.Argument(help="File to write.")],
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Write a statement with all its evidence; `quanyu verify` checks it without the node."""
    with _node(folder) as node:
        caller = acting(node.control, login)
        for _ in range(_TRIES):
            _take_in(node)
            with node.control.read() as session:
                of = document(session, caller, code)
                if of.kind != "statement":
                    raise Invalid(
                        "{code} is no statement",
                        field="code",
                        mend="list statements: quanyu statement list --kind statement",
                        code=of.code,
                    )
                made = statement_file(session, node.log, of)
            if made is not None:
                target.write_bytes(made)
                return
            time.sleep(0.25)
    raise Unavailable("the log has not taken all of it in yet", field="code", mend="try again soon")


@statement_commands.command(
    "credit", epilog="Example: `quanyu statement credit lin_… 3.00 --reason 'out of date'`"
)
def credit(
    line: Annotated[str, typer.Argument(help="Id of a line of a statement or invoice.")],
    amount: Yuan,
    reason: Annotated[str, typer.Option(help="Why, in words; both sides see it.")],
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Issue a credit note on a line, as its provider; prints its code."""
    with writing_as(folder, login) as (session, caller):
        say(credit_line(session, caller, line, from_yuan(amount, "amount"), reason).code)


@price_commands.command("set", epilog="Example: `quanyu price set off_01… plan.json`")
def set_price(
    offer: Annotated[str, typer.Argument(help="Id of an open offer that nobody asked for yet.")],
    plan: Annotated[Path, typer.Argument(help="JSON: a price plan, or {plan, sharing, level}.")],
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Put a price plan to an offer; it never changes after."""
    try:
        said = orjson.loads(plan.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise Invalid("{path} holds no JSON: {why}", field="plan", path=plan, why=error) from error
    if not isinstance(said, dict):
        raise Invalid("a price plan is a JSON object", field="plan")
    whole = said if "plan" in said else {"plan": said}
    with writing_as(folder, login) as (session, caller):
        made = price_offer(
            session, caller, offer, whole["plan"], whole.get("sharing"), level=whole.get("level")
        )
    say(f"{made.offer} is {made.plan.kind.value}")


@price_commands.command("list", epilog="Example: `quanyu price list --json`")
def list_prices(folder: Dir = HOME, json: Json = False) -> None:
    """List the price plans of all open offers."""
    control = open_control(load_settings(dir=folder))
    with control.read() as session:
        found = price_list(session)
    rows = [
        {"offer": one.offer, "provider": one.provider, "plan": plan_document(one.plan)}
        for one in found
    ]
    if json:
        give_json(rows)
    else:
        give_table(
            ("offer", "provider", "kind"), [(p.offer, p.provider, p.plan.kind.value) for p in found]
        )


@price_commands.command(
    "permit", epilog="Example: `quanyu price permit pty_01… 2026-12 100000.00 --basis '…'`"
)
def permit(
    party: Annotated[str, typer.Argument(help="Id of the provider.")],
    period: Period,
    amount: Yuan,
    basis: Annotated[str, typer.Option(help="Who fixed it, and where.")],
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Fix a provider's permitted income for public data in a period that is to come."""
    with writing_as(folder, login) as (session, caller):
        permit_income(
            session, caller, party, period, amount=from_yuan(amount, "amount"), basis=basis
        )


@pay_commands.command("deposit", epilog="Example: `quanyu pay deposit pty_01… 500.00 'bank 17'`")
def pay_deposit(
    party: Annotated[str, typer.Argument(help="Id of the party that paid in advance.")],
    amount: Yuan,
    reference: Reference,
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Write down money that a party paid in advance."""
    with writing_as(folder, login) as (session, caller):
        deposit(session, caller, party, from_yuan(amount, "amount"), reference)


@pay_commands.command("invoice", epilog="Example: `quanyu pay invoice INV-2026-11-000001 9.90 b18`")
def pay_an_invoice(
    invoice: Annotated[str, typer.Argument(help="Code of the invoice.")],
    amount: Yuan,
    reference: Reference,
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Write down a payment of an invoice, in whole or in part."""
    with writing_as(folder, login) as (session, caller):
        made = pay_invoice(session, caller, invoice, from_yuan(amount, "amount"), reference)
    say(f"{made.code}: {yuan(made.paid)} of {yuan(made.amount)} yuan are paid")


@pay_commands.command("out", epilog="Example: `quanyu pay out pty_01… 120.00 b19`")
def pay_out(
    party: Annotated[str, typer.Argument(help="Id of the party that is paid.")],
    amount: Yuan,
    reference: Reference,
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Write down a payout that the bank was told of; it is pending until it is ended."""
    with writing_as(folder, login) as (session, caller):
        begin_payout(session, caller, party, from_yuan(amount, "amount"), reference)


@pay_commands.command("out-end", epilog="Example: `quanyu pay out-end b19`")
def pay_out_end(
    reference: Reference,
    failed: Annotated[bool, typer.Option("--failed", help="The bank gave it back.")] = False,
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Write down what became of a payout: paid, or given back."""
    with writing_as(folder, login) as (session, caller):
        end_payout(session, caller, reference, paid=not failed)


@contextmanager
def _node(folder: Path) -> "Iterator[Node]":
    settings = load_settings(dir=folder)
    configure_logs(settings.log_format, "error")
    node = composition.open_node(settings)
    try:
        yield node
    finally:
        composition.close_node(node)


def _take_in(node: "Node") -> None:
    """Sequence what waits; while a server runs, it does so itself within a second."""
    while node.sequencer is not None and node.sequencer.step():
        continue
    if node.sequencer is not None:
        node.sequencer.close()
