"""`demo`: a real place to start with, made once, then served."""

import os
import sys
import webbrowser
from typing import Annotated

import typer

from quanyu.cli.options import HOME, Dir
from quanyu.cli.output import say
from quanyu.cli.server import ready_line, run
from quanyu.kernel import SETTINGS_FILE, configure_logs, load_settings

MADE = "demo.json"
"""Stands in the node's folder once the demo city is whole; holds the example accounts."""


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog="Example: `quanyu demo --dir city --port 8000 --no-browser`")(demo)


def demo(
    folder: Dir = HOME,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Serve the demo city: central Helsinki from OpenStreetMap. The first start makes it."""
    if not (folder / MADE).exists():
        _make(folder, port)
        # Begin anew without the engines that made the city: they would stay in memory.
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606
    settings = load_settings(dir=folder, port=port, log_level="warning")
    configure_logs(settings.log_format, settings.log_level)

    def ready() -> None:
        say(ready_line(settings))
        say(f"Sign in with one click: {settings.base_url}/sign-in · then docs/tutorial.md")
        if browser:
            webbrowser.open(settings.base_url)

    run(settings, ready)


def _make(folder: Dir, port: int | None) -> None:
    from quanyu.cli.data import open_desk
    from quanyu.cli.demo_city import CITY
    from quanyu.cli.demo_making import make_city
    from quanyu.cli.demo_people import write_accounts
    from quanyu.cli.demo_story import use_city
    from quanyu.cli.market import settle_node
    from quanyu.cli.node import init_node

    if not (folder / SETTINGS_FILE).exists():
        password = init_node(folder, name="demo.quanyu", title=CITY, area_code="000000")
        say(f"Administrator: admin · password {password} (shown only now)")
    with open_desk(folder) as desk:
        address = load_settings(dir=folder, port=port).base_url
        passwords, tokens = make_city(desk, address)
    use_city(folder, tokens)
    # What was used so far is settled early, so that there is something to look at.
    settle_node(folder, None, early=True, told=lambda _done, _of: None)
    write_accounts(folder / MADE, passwords)
