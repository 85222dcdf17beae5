"""The command line. It speaks English; errors are one line on standard error and exit code 2."""

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

    import typer

    from quanyu.kernel import QuanyuError

MODULES = {
    "init": "node",
    "serve": "server",
    "demo": "demo",
    "add": "data",
    "generate": "data",
    "streams": "streams",
    "replay": "replay",
    "search": "use",
    "query": "use",
    "export": "use",
    "changes": "use",
    "sql": "sql",
    "trace": "trace",
    "edit": "edits",
    "undo": "edits",
    "diff": "edits",
    "agreement": "agreements",
    "application": "applications",
    "correction": "corrections",
    "work-orders": "work_orders",
    "allocations": "allocations",
    "assets": "assets",
    "rights": "rights",
    "grading": "grading",
    "operation": "operations",
    "receipt": "evidence",
    "key": "evidence",
    "verify": "evidence",
    "party": "parties",
    "token": "parties",
    "audit": "audit",
    "harvest": "harvest",
    "health": "health",
    "register": "register",
    "peers": "peers",
    "negotiate": "negotiations",
    "transfer": "negotiations",
    "grid": "grids",
    "kind": "catalogue",
    "sheet": "catalogue",
    "product": "catalogue",
    "doctor": "doctor",
    "check": "land",
    "land": "land",
    "settle": "market",
    "statement": "market",
    "price": "market",
    "pay": "market",
    "books": "market",
    "contribution": "contribution",
    "algorithm": "private",
    "psi": "private",
    "sum": "private",
    "rules": "rules",
    "alerts": "rules",
    "on-call": "on_call",
}
"""Where each command lives: only the module of the command that runs is imported."""


def assemble(command: str | None = None) -> "typer.Typer":
    """The command line with all its commands, or with just the modules that ``command`` needs."""
    import typer

    app = typer.Typer(
        name="quanyu",
        help="全域 — the common digital base of a city: one catalogue, one gate, evidence.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    names = [MODULES[command]] if command in MODULES else dict.fromkeys(MODULES.values())
    for name in names:
        import_module(f"quanyu.cli.{name}").add_to(app)
    # With a single command Typer would drop its name; a callback keeps it.
    app.callback()(lambda: None)
    return app


def main() -> None:
    """Entry point of the ``quanyu`` command.

    Nothing is imported before it is called: the server's workers load this module anew. What is
    imported stays: the collector need not look at it, neither meanwhile nor at the end.
    """
    gc.disable()
    from typer import Abort
    from typer.exceptions import TyperException

    from quanyu.kernel import QuanyuError

    try:
        app = assemble(sys.argv[1] if len(sys.argv) > 1 else None)
        gc.freeze()
        gc.enable()
        sys.exit(app(prog_name="quanyu", standalone_mode=False))
    except QuanyuError as error:
        _refuse(error)
    except Abort:
        sys.stderr.write("quanyu: stopped\n")
        sys.exit(1)
    except TyperException as error:
        from quanyu.cli.usage import invalid_of

        _refuse(invalid_of(error))


def _refuse(error: "QuanyuError | None") -> "NoReturn":
    """Say why in one line."""
    if error is not None:
        rule = f" [{error.rule}]" if error.rule else ""
        line = " ".join(str(error).split())  # what a parser says is drawn over several
        sys.stderr.write(f"quanyu: {line}{rule}\n")
    sys.exit(2)


__all__ = ["assemble", "main"]
