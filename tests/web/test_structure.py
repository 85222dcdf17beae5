"""What holds the gate: only the modules of uses reach the store's views and the journal."""

import ast
from pathlib import Path

import pytest

from quanyu.web import alerts, allocations, assets, following, resource_health, rules, work_orders
from quanyu.web.openapi_alerts import alert_paths
from quanyu.web.openapi_health import health_paths
from quanyu.web.openapi_operations import operation_paths

WEB = Path(__file__).resolve().parents[2] / "src" / "quanyu" / "web"
USES = {"serve_use.py", "serve_several.py", "serve_each.py"}
MODULES = sorted(WEB.rglob("*.py"))


def attributes(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"store", "journal", "gate"}
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(WEB)))
def test_only_serve_use_reaches_the_store_and_the_journal(path: Path) -> None:
    name = path.name
    reached = attributes(path)
    if name in USES:
        return
    # Readiness looks whether the tables answer; receipts need to know where uses wait.
    allowed = {
        "health.py": {"node.store", "node.journal"},
        "log.py": {"node.journal"},
        "verify_page.py": {"node.journal"},
        # Bringing data in writes tables and builds what serves them; it answers nobody.
        "publish.py": {"node.store"},
        # The one way to an edit; what it reads it reads within the restriction of a grant.
        "serve_edit.py": {"node.store"},
        # Checks count over the whole data; they answer with figures alone.
        "rechecked.py": {"node.store"},
        # The one way to whoever follows a stream: each telling is a use of its own.
        "news.py": {"node.journal"},
    }.get(name, set())
    assert {one for one in reached if not one.endswith(".gate")} <= allowed, name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(WEB)))
def test_no_module_writes_sql_or_opens_views(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert "execute" not in called, path.name
    if path.name == "publish.py":
        assert path.read_text(encoding="utf-8").count(".view(job.slug).prepare()") == 1
    elif path.name not in USES:
        assert "view" not in called, path.name


def test_every_route_of_data_goes_through_the_one_function() -> None:
    for name in ("features.py", "tiles.py", "downloads.py"):
        source = (WEB / name).read_text(encoding="utf-8")
        assert "serve_use(" in source
    assert "serve_each(" in (WEB / "place" / "routes.py").read_text(encoding="utf-8")


def test_the_api_definition_knows_every_route_of_operations() -> None:
    described = {**operation_paths(), **alert_paths(), **health_paths()}
    modules = (alerts, allocations, assets, following, resource_health, rules, work_orders)
    for route in (route for module in modules for route in module.routes()):
        methods = {one.lower() for one in route.methods or ()} - {"head"}
        path = route.path.replace(":path}", "}")  # an id may have slashes
        assert methods <= described.get(path, {}).keys(), route.path
    names = [one["operationId"] for path in described.values() for one in path.values()]
    assert len(names) == len(set(names))
