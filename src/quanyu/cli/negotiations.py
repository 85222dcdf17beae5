"""`negotiate` and `transfer`: a member's side of dealings with a peer, from the command line."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from sqlalchemy.orm import Session

from quanyu.cli.acting import As, acting, writing_as
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.federation import (
    PULL,
    PUSH,
    PUSH_MEDIA,
    Here,
    Move,
    Process,
    ProcessKind,
    accept_offer,
    approve_terms,
    counter,
    data_address,
    end_negotiation,
    here_of,
    move_transfer,
    negotiate,
    offer_in,
    peer,
    peer_catalog,
    peer_dataset,
    processes,
    read_data,
    read_terms,
    send_again,
    taken_file,
    thread,
    token_for,
    transfer_data,
    transfer_row,
    verify_agreement,
)
from quanyu.kernel import Invalid, load_settings, open_control
from quanyu.parties import Caller

negotiations = typer.Typer(help="Negotiations with peers.", no_args_is_help=True)
transfers = typer.Typer(help="Transfers of data between peers.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="Its id on this node.")]
PeerName = Annotated[str, typer.Argument(help="Participant id of the peer.")]
Reason = Annotated[str, typer.Option(help="Why, in words; the other side reads it.")]
Terms = Annotated[Path | None, typer.Option(help="ODRL rules (JSON) to propose instead.")]
_NEG, _TRF = ProcessKind.NEGOTIATION, ProcessKind.TRANSFER


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(negotiations, name="negotiate")
    app.add_typer(transfers, name="transfer")


@negotiations.command("catalog", epilog="Example: `quanyu negotiate catalog harbour`")
def catalog(name: PeerName, folder: Dir = HOME, json: Json = False) -> None:
    """What a peer offers to this node."""
    here, found, token = _peer(folder, name)
    datasets = list(peer_catalog(here, found, token))
    if json:
        give_json(datasets)
        return
    rows = [
        (one.get("@id"), _title(one), policy.get("@id"))
        for one in datasets
        for policy in one.get("hasPolicy") or []
    ]
    give_table(("dataset", "title", "offer"), rows)


@negotiations.command("ask", epilog="Example: `quanyu negotiate ask harbour res_01… --as li.hua`")
def ask(
    name: PeerName,
    dataset: Annotated[str, typer.Argument(help="Id of the dataset at the peer.")],
    offer: Annotated[str | None, typer.Option(help="Which offer, where there are several.")] = None,
    terms: Terms = None,
    statement: Annotated[str, typer.Option(help="What the data are needed for.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Ask for an agreement on a peer's dataset; prints the negotiation's id."""
    here, found, token = _peer(folder, name)
    put = offer_in(peer_dataset(here, found, token, dataset), offer)
    said = _read(terms) if terms else read_terms(put, "offer")

    def begin(session: Session, caller: Caller) -> Process:
        return negotiate(
            session,
            here,
            caller,
            found.id,
            dataset=dataset,
            offer=str(put["@id"]),
            terms=said,
            statement=statement,
        )

    say(_done(folder, login, begin).id)


@negotiations.command("list", epilog="Example: `quanyu negotiate list --as li.hua`")
def list_negotiations(login: As = None, folder: Dir = HOME, json: Json = False) -> None:
    """Negotiations of the acting member's party, and what each waits for."""
    _list(_NEG, login, folder, json=json)


@negotiations.command("show", epilog="Example: `quanyu negotiate show neg_01…`")
def show_negotiation(name: Id, login: As = None, folder: Dir = HOME) -> None:
    """A negotiation with all its messages, as JSON."""
    _show(_NEG, name, login, folder)


@negotiations.command("approve", epilog="Example: `quanyu negotiate approve neg_01… --as wang`")
def approve(name: Id, login: As = None, folder: Dir = HOME) -> None:
    """Approve the terms, as provider; the last approval that is needed signs."""
    _tell(folder, login, lambda s, c: approve_terms(s, _here(folder), c, name))


@negotiations.command("accept", epilog="Example: `quanyu negotiate accept neg_01…`")
def accept(name: Id, login: As = None, folder: Dir = HOME) -> None:
    """Accept the provider's offer, as consumer."""
    _tell(folder, login, lambda s, c: accept_offer(s, c, name))


@negotiations.command("counter", epilog="Example: `quanyu negotiate counter neg_01… terms.json`")
def counter_terms(
    name: Id,
    terms: Annotated[Path, typer.Argument(help="ODRL rules, JSON.")],
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Propose other terms."""
    said = _read(terms)
    _tell(folder, login, lambda s, c: counter(s, _here(folder), c, name, said))


@negotiations.command("verify", epilog="Example: `quanyu negotiate verify neg_01…`")
def verify(name: Id, login: As = None, folder: Dir = HOME) -> None:
    """Say, as consumer, that the agreement is as it should be."""
    _tell(folder, login, lambda s, c: verify_agreement(s, c, name))


@negotiations.command("end", epilog="Example: `quanyu negotiate end neg_01… --reason '…'`")
def end(name: Id, reason: Reason, login: As = None, folder: Dir = HOME) -> None:
    """End a negotiation for good."""
    _tell(folder, login, lambda s, c: end_negotiation(s, c, name, reason))


@negotiations.command("again", epilog="Example: `quanyu negotiate again neg_01…`")
def again(name: Id, login: As = None, folder: Dir = HOME) -> None:
    """Try to deliver again what the peer did not receive."""
    _tell(folder, login, lambda s, c: send_again(s, c, _NEG, name))


@transfers.command("ask", epilog="Example: `quanyu transfer ask neg_01…`")
def ask_data(
    name: Id,
    push: Annotated[bool, typer.Option("--push", help="Have a file sent to this node.")] = False,
    file: Annotated[str, typer.Option(help=f"Of which form: {', '.join(PUSH_MEDIA)}.")] = "geojson",
    purpose: Annotated[str, typer.Option(help="For what, where the agreement asks.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Ask for the data of a finalized negotiation; prints the transfer's id."""
    form = PUSH if push else PULL

    def ask_for(session: Session, caller: Caller) -> Process:
        here = _here(folder)
        return transfer_data(session, here, caller, name, form=form, file=file, purpose=purpose)

    say(_done(folder, login, ask_for).id)


@transfers.command("list", epilog="Example: `quanyu transfer list`")
def list_transfers(login: As = None, folder: Dir = HOME, json: Json = False) -> None:
    """Transfers of the acting member's party, and what each waits for."""
    _list(_TRF, login, folder, json=json)


@transfers.command("show", epilog="Example: `quanyu transfer show trf_01…`")
def show_transfer(name: Id, login: As = None, folder: Dir = HOME) -> None:
    """A transfer with all its messages, as JSON."""
    _show(_TRF, name, login, folder)


@transfers.command("read", epilog="Example: `quanyu transfer read trf_01… --query 'limit=100'`")
def read(
    name: Id,
    query: Annotated[str, typer.Option(help="Parameters of OGC API - Features.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Read the data of a transfer, to standard output: the file where one was pushed to this node,
    else of the other node."""
    here = _here(folder)
    with writing_as(folder, login) as (session, caller):
        row = transfer_row(session, caller, name)
        taken = taken_file(session, here, row) if row.format == PUSH else None
        endpoint, token = ("", "") if taken else data_address(here, row)
    if taken is not None:
        with taken.path.open("rb") as data:
            shutil.copyfileobj(data, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    sys.stdout.buffer.write(read_data(here, endpoint, token, query=query).content)
    sys.stdout.buffer.flush()


@transfers.command("move", epilog="Example: `quanyu transfer move trf_01… suspend --reason '…'`")
def move(
    name: Id,
    step: Annotated[Move, typer.Argument(help="start, suspend, complete or terminate.")],
    reason: Annotated[str, typer.Option(help="Why, in words.")] = "",
    login: As = None,
    folder: Dir = HOME,
) -> None:
    """Start again, suspend, complete or terminate a transfer."""
    _tell(folder, login, lambda s, c: move_transfer(s, _here(folder), c, name, step, reason))


def _here(folder: Path) -> Here:
    return here_of(load_settings(dir=folder))


def _peer(folder: Path, name: str) -> tuple[Here, Any, str | None]:
    here = _here(folder)
    control = open_control(load_settings(dir=folder))
    with control.read() as session:
        found = peer(session, name)
        token = token_for(session, here, found.id)
    control.close()
    return here, found, token


def _done(folder: Path, login: str | None, work: Callable[[Session, Caller], Process]) -> Process:
    with writing_as(folder, login) as (session, caller):
        return work(session, caller)


def _tell(folder: Path, login: str | None, work: Callable[[Session, Caller], Process]) -> None:
    made = _done(folder, login, work)
    say(f"{made.id} is {made.state.value}")


def _list(kind: ProcessKind, login: str | None, folder: Path, *, json: bool) -> None:
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    rows: list[tuple[object, ...]] = []
    after: str | None = None
    with control.read() as session:
        while True:
            page = processes(session, caller, kind, after=after)
            rows += [
                (
                    one.process.id,
                    one.peer.participant,
                    one.process.role.value,
                    one.process.dataset,
                    one.process.state.value,
                    one.waiting.message.format(**one.waiting.params),
                )
                for one in page.items
            ]
            after = page.next
            if after is None:
                break
    columns = ("id", "peer", "role", "dataset", "state", "waits for")
    if json:
        give_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        give_table(columns, rows)


def _show(kind: ProcessKind, name: str, login: str | None, folder: Path) -> None:
    with writing_as(folder, login) as (session, caller):
        found = thread(session, caller, kind, name)
    give_json(found)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise Invalid("{path} holds no JSON: {why}", field="terms", path=path, why=error) from error
    if not isinstance(found, dict):
        raise Invalid("{path} holds no JSON object", field="terms", path=path)
    return found


def _title(dataset: dict[str, Any]) -> str:
    titles = dataset.get("title") or []
    texts = [str(one.get("@value")) for one in titles if isinstance(one, dict)]
    return texts[0] if texts else ""
