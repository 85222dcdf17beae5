"""The header's entries: what a visitor may go to, by role, among the pages that there are."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.routing import Match

from quanyu.parties import Caller, Role, may_audit

Who = Callable[[Caller], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the menu; ``name`` is a message id."""

    href: str
    name: str
    current: bool


def _anybody(_caller: Caller) -> bool:
    return True


def _has(*roles: Role) -> Who:
    return lambda caller: any(caller.may(role) for role in roles)


def _runs(*roles: Role) -> Who:
    return lambda caller: caller.runs_node and any(caller.may(role) for role in roles)


PUBLIC: dict[str, str] = {
    "/search": "Catalogue",
    "/map": "City map",
    "/land": "Land space",
    "/processes": "Algorithms",
    "/prices": "Prices",
    "/publicity": "Publicity",
    "/rights": "Data rights",
    "/evidence": "Evidence",
    "/about": "Interfaces",
}
DESK: dict[str, str] = {
    "/desk": "My desk",
    "/applications": "Applications",
    "/review": "Review",
    "/grading": "Grading",
    "/publish": "Publish",
    "/products": "Products",
    "/offers": "Offers",
    "/statements": "Statements",
    "/payments": "Payments",
    "/harvest": "Harvest",
    "/jobs": "Jobs",
    "/algorithms": "Compute to data",
    "/runs": "Runs where the data are",
    "/agreements": "Agreements",
    "/operations": "Authorised operation",
    "/console": "SQL console",
    "/negotiations": "Negotiations",
    "/impact": "What my data did",
    "/wall": "Operations wall",
    "/duty": "Duty desk",
    "/alerts": "Alerts",
    "/rules": "Rules",
    "/work-orders": "Work orders",
    "/health-board": "Health of resources",
    "/allocations": "Allocation of capacity",
    "/assets": "Asset inventories",
    "/corrections": "Correction requests",
    "/searches": "Saved searches",
    "/audit": "Audit",
}
_WHO: dict[str, Who] = {
    "/applications": _has(Role.SUPPLIER, Role.STEWARD, Role.REVIEWER),
    "/review": _runs(Role.REVIEWER, Role.STEWARD),
    "/grading": _runs(Role.REVIEWER, Role.STEWARD),
    "/publish": _has(Role.SUPPLIER, Role.STEWARD),
    "/harvest": lambda caller: (
        _runs(Role.OPERATOR)(caller) or _has(Role.STEWARD, Role.SUPPLIER)(caller)
    ),
    "/offers": _has(Role.SUPPLIER, Role.STEWARD),
    "/payments": _runs(Role.STEWARD),
    "/impact": _has(Role.SUPPLIER, Role.STEWARD),
    "/audit": may_audit,
}


def public_menu(request: Request) -> list[Entry]:
    """What everybody may go to."""
    return _entries(request, PUBLIC)


def desk_menu(request: Request, caller: Caller | None) -> list[Entry]:
    """What a member may go to in its roles; nothing for nobody."""
    if caller is None or caller.anonymous:
        return []
    return [one for one in _entries(request, DESK) if _WHO.get(one.href, _anybody)(caller)]


def _entries(request: Request, table: dict[str, str]) -> list[Entry]:
    there = _there(request, tuple(table))
    path = request.url.path
    return [
        Entry(href, name, current=path == href or path.startswith(f"{href}/"))
        for href, name in table.items()
        if href in there
    ]


def _there(request: Request, paths: tuple[str, ...]) -> frozenset[str]:
    """Those of ``paths`` that answer: none is linked that does not."""
    state = request.app.state
    known: dict[tuple[str, ...], frozenset[str]] = getattr(state, "menu", {})
    if paths not in known:
        known[paths] = frozenset(path for path in paths if _answers(request, path))
        state.menu = known
    return known[paths]


def _answers(request: Request, path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    return any(route.matches(dict(scope))[0] is Match.FULL for route in request.app.router.routes)
