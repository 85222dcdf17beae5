"""Price plan, sharing of income and service level of an offer, as a form has them."""

from collections.abc import Mapping
from typing import Any

from quanyu.kernel import Invalid
from quanyu.market import Method, Priced, Quantity, from_yuan, plan_document, yuan
from quanyu.web.portal.offer_values import whole

_MEASURED = ("uses", "rows", "bytes")


def price_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """``plan``, ``sharing`` and ``level`` of a form, as the market takes them."""
    plan: dict[str, Any] = {
        "kind": _text(said, "plan") or "free",
        "measure": _text(said, "measure") or "uses",
        "public_data": bool(said.get("public_data")),
        "tiers": _tiers(_text(said, "tiers")),
    }
    for name in ("price", "fee"):
        if _text(said, name):
            plan[name] = from_yuan(_text(said, name), name)
    for name in ("per", "included"):
        if _text(said, name):
            plan[name] = whole(_text(said, name), name, "")
    sharing: dict[str, Any] = {"method": _text(said, "method") or Method.REGISTERED.value}
    weights = _pairs(_text(said, "weights"), "weights")
    if weights:
        sharing["weights"] = {name: whole(weight, "weights", "") for name, weight in weights}
    if _text(said, "valuation"):
        sharing["valuation"] = _text(said, "valuation")
    level = {"zh": _text(said, "level_zh"), "en": _text(said, "level_en")}
    return {"plan": plan, "sharing": sharing, "level": level}


def said_of_price(priced: Priced) -> dict[str, str]:
    """What a form would have to say for a price."""
    plan, level = priced.plan, priced.level
    document = plan_document(plan)
    found = {
        "plan": plan.kind.value,
        "measure": plan.measure.value,
        "per": str(plan.per),
        "included": str(plan.included or ""),
        "public_data": "yes" if plan.public_data else "",
        "tiers": "\n".join(
            f"{one.get('up_to', '')} | {yuan(one['price'])}" for one in document["tiers"]
        ),
        "method": priced.sharing.method.value,
        "weights": "\n".join(f"{name} | {weight}" for name, weight in priced.sharing.weights),
        "valuation": priced.sharing.valuation,
        "level_zh": level.zh if level else "",
        "level_en": level.en if level else "",
    }
    if priced.sharing.method is Method.VALUATION:
        found["weights"] = ""  # they come with the valuation
    return found | {
        name: yuan(value) if value else ""
        for name, value in (("price", plan.price), ("fee", plan.fee))
    }


def quantity_of(said: Mapping[str, Any]) -> Quantity:
    """The quantity of a month for which a preview is priced."""
    return Quantity(
        *(
            whole(_text(said, f"if_{name}"), f"if_{name}", "") if _text(said, f"if_{name}") else 0
            for name in _MEASURED
        )
    )


def _tiers(typed: str) -> list[dict[str, int]]:
    found = []
    for reach, price in _pairs(typed, "tiers"):
        one = {"price": from_yuan(price, "tiers")}
        found.append(one | ({"up_to": whole(reach, "tiers", "")} if reach else {}))
    return found


def _pairs(typed: str, field: str) -> list[tuple[str, str]]:
    """Pairs, one a line, parted by ``|``."""
    found = []
    for line in filter(str.strip, typed.splitlines()):
        left, bar, right = line.partition("|")
        if not bar:
            raise Invalid(
                "each line has two parts with “|” between them", field=field, mend="add the “|”"
            )
        found.append((left.strip(), right.strip()))
    return found


def _text(said: Mapping[str, Any], name: str) -> str:
    return str(said.get(name, "")).strip()
