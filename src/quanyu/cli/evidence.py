"""`verify`: check a receipt, offline."""

from pathlib import Path
from typing import Annotated

import typer

from quanyu.cli.node import Json
from quanyu.cli.output import give_json, say
from quanyu.evidence import verify_receipt
from quanyu.kernel import Invalid


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog="Example: `quanyu verify receipt.json --key 'quanyu.local+1a2b3c4d+AbCd…'`")(
        verify
    )


def verify(
    receipt: Annotated[Path, typer.Argument(help="The receipt, as it was downloaded.")],
    key: Annotated[
        str, typer.Option(help="The node's public key (from /log/key), or a file that holds it.")
    ],
    json: Json = False,
) -> None:
    """Check a receipt with nothing but the node's public key: no network, no server."""
    try:
        data = receipt.read_bytes()
    except OSError as error:
        raise Invalid(
            "{path} cannot be read: {why}", field="receipt", path=receipt, why=error.strerror
        ) from error
    found = Path(key)
    given = found.read_text("utf-8").strip() if len(key) < 200 and found.is_file() else key
    verification = verify_receipt(data, given)
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
