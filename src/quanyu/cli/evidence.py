"""`receipt`, `key`, `verify`: getting a receipt, and checking it offline."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from quanyu.cli.local import ask, bearer
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, say
from quanyu.cli.use import TokenFile
from quanyu.kernel import Invalid, Unavailable
from quanyu.market import verify_file

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


def key(folder: Dir = HOME) -> None:
    """Print the node's public keys, which is all that `verify` needs."""
    ask(folder, "/log/key", {}, write=sys.stdout.buffer.write)


def verify(
    receipt: Annotated[
        Path, typer.Argument(help="The receipt, signed report or statement, as it was downloaded.")
    ],
    public_key: Annotated[
        str,
        typer.Option(
            "--key", help="The node's public key (from /log/key), or a file that holds it."
        ),
    ],
    json: Json = False,
) -> None:
    """Check a receipt, a signed report or a statement with nothing but the node's public key.

    A statement is walked from each posting back to use, agreement, offer and right; what does not
    hold is named.
    """
    try:
        data = receipt.read_bytes()
    except OSError as error:
        raise Invalid(
            "{path} cannot be read: {why}", field="receipt", path=receipt, why=error.strerror
        ) from error
    found = Path(public_key)
    given = (
        found.read_text("utf-8").strip()
        if len(public_key) < 200 and found.is_file()
        else public_key
    )
    verification = verify_file(data, [line for line in given.splitlines() if line.strip()])
    if json:
        give_json(
            {
                "ok": verification.ok,
                "steps": [
                    {"name": step.name, "ok": step.ok, "said": step.said}
                    for step in verification.steps
                ],
            }
        )
    else:
        for step in verification.steps:
            say(f"{'✓' if step.ok else '✗'} {step.name}: {step.said}")
        say("The receipt is genuine." if verification.ok else "The receipt is NOT genuine.")
    if not verification.ok:
        raise typer.Exit(1)
