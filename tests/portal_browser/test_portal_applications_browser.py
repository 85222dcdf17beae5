"""The pages of applications in a browser: accessible and no wider than it, in both languages."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page
from town import Town

from looking import looked_over
from quanyu.catalogue import (
    ApplicationKind,
    Registration,
    Tick,
    accept_application,
    apply,
    approve_application,
    items_for,
    object_to,
    open_application,
    resource,
    submit_application,
)
from quanyu.kernel import LocalText

Opened = Callable[..., Page]


@pytest.fixture
def pages(city: Town) -> list[tuple[str, str]]:
    """Paths with who opens them; a change of the trees under way, in publicity, objected to."""
    control, rules = city.control(), Registration()
    provider, node = city.callers["provider"], city.callers["node"]
    with control.begin() as session:
        entry = resource(session, "trees")
        one = open_application(session, entry.id)
        if one is None:
            new = replace(entry, title=LocalText(zh="树木与绿篱", en="Trees and hedges"))
            made = apply(
                session, entry.id, ApplicationKind.CHANGE, provider, proposed=new, reason="grown"
            )
            one = submit_application(session, made.id, provider, rules)
            accept_application(session, one.id, node, rules)
            ticks = {item.id: Tick(True) for item in items_for(one.kind, rules.checklist)}
            approve_application(session, one.id, node, rules, checklist=ticks)
            object_to(session, one.id, city.callers["stranger"], rules, text="not all of them")
    control.close()
    return [
        ("/applications", "provider"),
        (f"/applications/{one.id}", "provider"),
        (f"/applications/{one.id}", "node"),
        ("/review?state=any", "node"),
        ("/publicity", ""),
        (f"/publicity/{one.id}", ""),
        ("/resources/buildings/edit", "provider"),
        ("/resources/trees/edit", "provider"),
        ("/applications/new/buildings", "provider"),
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_nothing_in_applications(
    opened: Opened, pages: list[tuple[str, str]], language: str
) -> None:
    found: list[Any] = []
    windows = {who: opened("/about", language, who=who) for who in ("", "provider", "node")}
    for path, who in pages:
        found += looked_over(windows[who], path, language)
    assert not found
