"""`receipt`, `key`, `verify`: getting a receipt, and checking it, or a whole log, offline."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from quanyu.cli.files import read_file
from quanyu.cli.local import ask, bearer
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, say
from quanyu.cli.use import TokenFile
from quanyu.evidence import Others, Verification, copy_log, verify_log
from quanyu.kernel import Outbound, Unavailable
from quanyu.kernel import ask as get
from quanyu.market import is_statement, verify_file

_READY = 200
_TRIES = 20


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog="Example: `quanyu verify receipt.json --key 'quanyu.local+1a2b3c4d+AbCd…'`")(
        verify
    )
    app.command(epilog="Example: `quanyu receipt use_01… receipt.json --dir city`")(receipt)
    app.command(epilog="Example: `quanyu key --dir city > node.key`")(key)


def receipt(
    use: Annotated[str, typer.Argument(help="Id of a use, or of any leaf of the log.")],
    target: Annotated[Path, typer.Argument(help="File to write.")],
    token_file: TokenFile = None,
    folder: Dir = HOME,
) -> None:
    """Fetch a receipt; with a token of one of the two parties, it also opens who used."""
    body = bytearray()
    for _ in range(_TRIES):
        body.clear()
        reply = ask(folder, f"/log/receipts/{use}", {}, token=bearer(token_file), write=body.extend)
        if reply.status == _READY:
            target.write_bytes(body)
            return
        time.sleep(0.5)
    raise Unavailable("the log has not taken this use in yet", field="use", mend="try again soon")


def key(
    witness: Annotated[
        bool, typer.Option("--witness", help="The key of its cosignatures on others' logs.")
    ] = False,
    folder: Dir = HOME,
) -> None:
    """Print the node's public keys, which is all that `verify` needs."""
    ask(folder, "/witness/key" if witness else "/log/key", {}, write=sys.stdout.buffer.write)


def verify(
    what: Annotated[
        str,
        typer.Argument(
            help="A receipt, signed report or statement as it was downloaded, the folder of a log, "
            "or the URL that a log is served at (`https://…/log`)."
        ),
    ],
    public_key: Annotated[
        str,
        typer.Option(
            "--key", help="The node's public key (from /log/key), or a file that holds it."
        ),
    ],
    witness: Annotated[
        list[str] | None,
        typer.Option(help="Key of a witness that must have seen it (from its /witness/key)."),
    ] = None,
    quorum: Annotated[int, typer.Option(help="How many of the witnesses.")] = 1,
    authority: Annotated[
        Path | None,
        typer.Option(help="Root certificate (PEM) of the timestamp authority."),
    ] = None,
    json: Json = False,
) -> None:
    """Check a receipt, a report, a statement or a whole log, with nothing but public keys.

    A statement is walked from each posting back to use, agreement, offer and right; what does not
    hold is named.
    """
    keys = _given(public_key)
    others = Others(
        tuple(line for given in witness or [] for line in _given(given)),
        quorum,
        read_file(authority, "authority") if authority else None,
    )
    thing = "log"
    if what.startswith(("http://", "https://")):
        with TemporaryDirectory() as copy:
            copy_log(_fetch_below(what.rstrip("/")), Path(copy))
            verification = verify_log(Path(copy), keys, others)
    elif Path(what).is_dir():
        verification = verify_log(Path(what), keys, others)
    else:
        data = read_file(Path(what), "what")
        thing = "statement" if is_statement(data) else "receipt"
        verification = verify_file(data, keys, others)
    _tell(verification, thing, json)
    if not verification.ok:
        raise typer.Exit(1)


def _tell(verification: Verification, thing: str, json: bool) -> None:
    if json:
        steps = [{"name": one.name, "ok": one.ok, "said": one.said} for one in verification.steps]
        give_json({"ok": verification.ok, "steps": steps})
        return
    for step in verification.steps:
        say(f"{'✓' if step.ok else '✗'} {step.name}: {step.said}")
    say(f"The {thing} is genuine." if verification.ok else f"The {thing} is NOT genuine.")


def _given(text: str) -> list[str]:
    """A key, or those of a file, a line each."""
    found = Path(text)
    if len(text) < 200 and found.is_file():
        return [line for line in found.read_text("utf-8").splitlines() if line.strip()]
    return [text]


def _fetch_below(url: str) -> Callable[[str], bytes | None]:
    # Whoever types a URL may well mean a node of the house.
    out = Outbound(allow_private=True, field="what")

    def fetch(path: str) -> bytes | None:
        answered = get(f"{url}/{path}", out)
        if answered.status in {200, 404}:
            return answered.content if answered.status == 200 else None
        raise Unavailable("{url} answered {status}", url=answered.url, status=answered.status)

    return fetch
