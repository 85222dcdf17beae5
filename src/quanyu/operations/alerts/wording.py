"""The worst of an alert in words: with its unit, a duration as people read it."""

from math import floor, log10

from quanyu.kernel import Language, LocalText, span_text
from quanyu.operations.alerts.model import about
from quanyu.operations.rules import Anomaly, Composite, Missing, Rule
from quanyu.streams import printed_unit

SECONDS = "s"
_MOST_DIGITS = 6


def peak_unit(rule: Rule, unit: str) -> str:
    """What the worst of a rule's alerts is measured in, ``unit`` being that of what it watches:
    seconds without data; scores and counts of terms in none."""
    if isinstance(rule.when, Missing):
        return SECONDS
    return "" if isinstance(rule.when, Anomaly | Composite) else unit


def worst_text(language: Language, peak: float | None, unit: str) -> str:
    """A worst value with its unit (a code of UCUM is printed as its symbol); empty for none."""
    if peak is None:
        return ""
    if unit == SECONDS:
        return span_text(language, peak)
    digits = 1 if not 0 < abs(peak) < 1 else min(_MOST_DIGITS, 2 - floor(log10(abs(peak))))
    return f"{peak:,.{digits}f} {printed_unit(unit)}".strip()


def told_of(thing: str, what: str, peak: float | None, unit: str) -> LocalText:
    """What a notice is about, with the worst of it."""
    name = about(thing, what)
    if peak is None:
        return LocalText(zh=name, en=name)
    return LocalText(
        zh=f"{name}（{worst_text('zh', peak, unit)}）",
        en=f"{name} ({worst_text('en', peak, unit)})",
    )
