"""The command line. Errors are one line on standard error and exit code 2."""

import sys

import typer

from quanyu.kernel import QuanyuError


def assemble() -> typer.Typer:
    """The command with all its commands."""
    from quanyu.cli import agreements, data, demo, doctor, evidence, node, parties, use

    app = typer.Typer(
        name="quanyu",
        help="全域 — the common digital base of a city: one catalogue, one gate, evidence.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for module in (node, demo, data, use, agreements, evidence, parties, doctor):
        module.add_to(app)
    return app


def main() -> None:
    """Entry point of the ``quanyu`` command."""
    try:
        assemble()()
    except QuanyuError as error:
        sys.stderr.write(f"quanyu: {error}\n")
        sys.exit(2)


__all__ = ["assemble", "main"]
