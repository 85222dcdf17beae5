"""Contributions that were computed: what each holder adds, how sure that is, second opinions."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from quanyu.kernel import PartyId
from quanyu.market import from_yuan, valuation, valuations, what_if
from quanyu.parties import party
from quanyu.web.portal.visit import Member, TheNode, local, reading, show

router = APIRouter(include_in_schema=False)
_MICRO = 1_000_000


@router.get("/contributions")
async def contributions(request: Request, node: TheNode, caller: Member) -> Response:
    """Valuations of the visitor's party."""

    def read(session: Session) -> list[dict[str, Any]]:
        return [
            {
                "id": one.id,
                "at": one.at,
                "method": one.transcript["method"],
                "holders": len(one.transcript["values"]),
            }
            for one in valuations(session, caller)
        ]

    rows = await reading(node, read)
    return show(request, "contributions.html", {"rows": rows}, twin={"contributions": rows})


@router.get("/contributions/{name}")
async def one_contribution(
    request: Request, node: TheNode, caller: Member, name: str, pool: str = ""
) -> Response:
    """One valuation, drawn; with ``pool`` (yuan) also how that would be shared."""
    amount = from_yuan(pool, "pool") if pool else 0

    def read(session: Session) -> dict[str, Any]:
        of = valuation(session, caller, name)
        values = of.transcript["values"]
        parts = what_if({one["holder"]: one["micro"] for one in values}, amount)
        names = {
            one["holder"]: local(request, party(session, PartyId(one["holder"])).name)
            for one in values
        }
        return {"valuation": of, "rows": _rows(values, names, parts)}

    found = await reading(node, read)
    of = found["valuation"]
    context = found | {"pool": pool, "amount": amount, "transcript": of.transcript}
    twin = {"id": of.id, "leaf": of.leaf, "transcript": of.transcript, "rows": found["rows"]}
    return show(request, "contribution.html", context, twin=twin)


def _rows(
    values: list[dict[str, Any]], names: dict[str, str], parts: dict[str, int]
) -> list[dict[str, Any]]:
    """Rows with places on a scale of 0 to 100 for the drawing; the most first."""
    ends = [one["micro"] + one["half_width_micro"] for one in values]
    starts = [one["micro"] - one["half_width_micro"] for one in values]
    low, high = float(min(0, *starts)), float(max(1, *ends))

    def place(micro: int) -> float:
        return round(100 * (min(max(float(micro), low), high) - low) / (high - low), 2)

    return [
        {
            "name": names[one["holder"]],
            "share": one["micro"] / _MICRO,
            "half_width": one["half_width_micro"] / _MICRO,
            "banzhaf": one["banzhaf_micro"] / _MICRO if "banzhaf_micro" in one else None,
            "leave_one_out": one["leave_one_out_micro"] / _MICRO,
            "amount": parts[one["holder"]],
            "x0": place(0),
            "x": place(one["micro"]),
            "from": place(one["micro"] - one["half_width_micro"]),
            "to": place(one["micro"] + one["half_width_micro"]),
        }
        for one in sorted(values, key=lambda one: -one["micro"])
    ]
