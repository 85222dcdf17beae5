"""Applications for registration from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quanyu.catalogue import Access, Kind, ResourceDraft, save_draft
from quanyu.cli.node import administrator
from quanyu.kernel import LocalText, load_settings, open_control
from quanyu.parties import node_party

Run = Callable[..., Any]


def drafted(folder: Path, slug: str) -> None:
    control = open_control(load_settings(dir=folder))
    caller = administrator(control)
    with control.begin() as session:
        party = node_party(session)
        assert party is not None
        draft = ResourceDraft(
            slug=slug, kind=Kind.DATASET, title=LocalText(zh="树", en="Trees"),
            provider=party.id, licence="CC0-1.0", access=Access.OPEN,
        )  # fmt: skip
        save_draft(session, draft, caller)
    control.close()


def test_applied_for_returned_and_approved(run: Run, node: Path) -> None:
    drafted(node, "cli-trees")
    name = run("application", "submit", "cli-trees", "--dir", node).stdout.split()[0]
    assert name.startswith("app_")
    listed = json.loads(run("application", "list", "--json", "--dir", node).stdout)
    assert [one["state"] for one in listed if one["id"] == name] == ["submitted"]
    run("application", "return", name, "--reason", "say more", "--dir", node)
    shown = json.loads(run("application", "show", name, "--json", "--dir", node).stdout)
    assert shown["steps"][-1]["reason"] == "say more"
    run("application", "submit", "cli-trees", "--dir", node)
    assert "accepted" in run("application", "accept", name, "--dir", node).stdout
    refused = run("application", "approve", name, "--dir", node, expect=2)
    assert "--checklist-holds" in refused.stderr
    done = run("application", "approve", name, "--checklist-holds", "--dir", node)
    assert "publicised" in done.stdout
    early = run("application", "register", name, "--dir", node, expect=2)
    assert "publicity has not ended" in early.stderr
    assert "cli-trees" in run("application", "show", name, "--dir", node).stdout


def test_what_is_not_there(run: Run, node: Path) -> None:
    for step in ("show", "accept", "register"):
        assert "app_none" in run("application", step, "app_none", "--dir", node, expect=2).stderr
    assert (
        "reason" in run("application", "refuse", "app_none", "--dir", node, expect=2).stderr.lower()
    )
