"""The command line. Errors are one line on standard error and exit code 2."""

import sys

import typer

from quanyu.kernel import QuanyuError

app = typer.Typer(
    name="quanyu",
    help="全域 — the common digital base of a city: one catalogue, one gate, evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the ``quanyu`` command."""
    from quanyu.cli import agreements, data, demo, doctor, evidence, node, parties, use

    for module in (node, demo, data, use, agreements, evidence, parties, doctor):
        module.add_to(app)
    try:
        app()
    except QuanyuError as error:
        sys.stderr.write(f"quanyu: {error}\n")
        sys.exit(2)


__all__ = ["app", "main"]
