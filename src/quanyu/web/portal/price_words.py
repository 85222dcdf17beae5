"""Price plans in words, in the reader's language."""

from collections.abc import Sequence
from typing import Any

from quanyu.kernel import Language, translate
from quanyu.market import Charge, Measure, Method, PlanKind, PricePlan, yuan

KINDS: dict[PlanKind, str] = {
    PlanKind.FREE: "Free of charge",
    PlanKind.PER_USE: "Per use",
    PlanKind.PER_VOLUME: "Per volume",
    PlanKind.SUBSCRIPTION: "Subscription",
    PlanKind.TIERED: "Tiered",
    PlanKind.PREPAID: "Prepaid",
}
MEASURES: dict[Measure, str] = {
    Measure.USES: "requests",
    Measure.ROWS: "rows",
    Measure.BYTES: "bytes",
}
_WORDS = {"fee": "Monthly fee", "uses": "Requests", "rows": "Rows", "bytes": "Bytes"}
METHODS: dict[Method, str] = {
    Method.REGISTERED: "by the conditions of the registered rights, the rest to the provider",
    Method.RESTS_ON: "by Shapley value among those whom every use rests on",
    Method.AGREED: "by agreed weights",
    Method.VALUATION: "by a computed contribution",
}
ACCOUNTS: dict[str, str] = {
    "receivable": "Owed by your party",
    "prepaid": "Prepaid balance",
    "payable": "Due to your party",
    "held": "Held over the permitted income",
}
MOVEMENTS: dict[str, str] = {
    "usage": "Uses charged",
    "share": "Share of income",
    "deposit": "Deposit",
    "payment": "Payment",
    "payout": "Payout",
    "credit-note": "Credit note",
    "held": "Held over the permitted income",
    "release": "Let go into this period",
}
DOCUMENTS: dict[str, str] = {
    "statement": "Statement",
    "invoice": "Invoice",
    "credit-note": "Credit note",
}


def kind_name(plan: PricePlan, language: Language) -> str:
    """The kind of a plan."""
    return translate(language, KINDS[plan.kind])


def part_name(what: str) -> str:
    """What a part of a price is for, as a message id."""
    return _WORDS[what]


def plan_words(plan: PricePlan, language: Language) -> list[str]:
    """Every part of a plan, one sentence each."""
    found = []
    if plan.kind is PlanKind.FREE:
        found.append(translate(language, "free of charge"))
    if plan.fee:
        found.append(translate(language, "{yuan} yuan a month", yuan=yuan(plan.fee)))
    if plan.included:
        found.append(
            translate(
                language,
                "{count} {measure} a month are included",
                count=f"{plan.included:,}",
                measure=translate(language, MEASURES[plan.measure]),
            )
        )
    if plan.price:
        found.append(_rate(plan, plan.price, language))
    below = 0
    for tier in plan.tiers:
        reach = (
            translate(language, "above {low}", low=f"{below:,}")
            if tier.up_to is None
            else translate(
                language, "{low} to {high}", low=f"{below + 1:,}", high=f"{tier.up_to:,}"
            )
        )
        found.append(
            translate(
                language, "{reach}: {rate}", reach=reach, rate=_rate(plan, tier.price, language)
            )
        )
        below = tier.up_to or below
    if plan.kind is PlanKind.PREPAID:
        found.append(translate(language, "drawn from the prepaid balance first"))
    if plan.public_data:
        found.append(
            translate(language, "public data: free for public governance and public welfare")
        )
    return found


def charge_words(parts: Sequence[Charge], language: Language) -> list[dict[str, Any]]:
    """The parts of a price as rows of a table; ``exact`` is in 分, not rounded."""
    return [
        {
            "what": translate(language, part_name(one.what)),
            "quantity": one.quantity,
            "price": one.price,
            "per": one.per,
            "exact": float(one.exact),
        }
        for one in parts
    ]


def _rate(plan: PricePlan, price: int, language: Language) -> str:
    if not price:
        return translate(language, "free of charge")
    return translate(
        language,
        "{yuan} yuan for each {per} {measure}",
        yuan=yuan(price),
        per=f"{plan.per:,}",
        measure=translate(language, MEASURES[plan.measure]),
    )
