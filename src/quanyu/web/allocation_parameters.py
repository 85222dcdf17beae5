"""What a request says of capacities and allocations; checked, fields named."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from quanyu.kernel import Invalid, LocalText
from quanyu.operations import CapacityDraft

CAPACITY = frozenset({"name", "unit", "hours", "amount", "slot_minutes", "automatic",
                      "hold_minutes", "ahead_days", "most_slots", "quota", "working_days",
                      "closed", "open", "revision"})  # fmt: skip
_NUMBERS = {"amount": 1, "slot_minutes": 60, "hold_minutes": 30, "ahead_days": 60, "most_slots": 48}
WEEKDAYS = ("1", "2", "3", "4", "5", "6", "7")


def capacity_from(said: Mapping[str, Any]) -> CapacityDraft:
    """The draft in a JSON object; raises :class:`Invalid`."""
    hours = said.get("hours")
    if not isinstance(hours, Mapping) or not all(isinstance(v, str) for v in hours.values()):
        raise Invalid(
            "hours are texts by weekday", field="hours", mend='such as {"1": "09:00-12:00"}'
        )
    closed = said.get("closed", [])
    if not isinstance(closed, list):
        raise Invalid("a list of days is needed here", field="closed", mend='["2026-10-01"]')
    quota = said.get("quota")
    return CapacityDraft(
        name=_words(said, "name"),
        unit=_words(said, "unit"),
        hours={str(day): text for day, text in hours.items()},
        automatic=_flag(said, "automatic"),
        working_days=_flag(said, "working_days"),
        quota=None if quota is None else number(quota, "quota"),
        closed=tuple(_day(one) for one in closed),
        **{name: number(said.get(name, least), name) for name, least in _NUMBERS.items()},
    )


def capacity_of_form(form: Mapping[str, str]) -> CapacityDraft:
    """The draft in a form of the page; raises :class:`Invalid`."""
    said: dict[str, Any] = {name: form[name] for name in _NUMBERS if form.get(name, "").strip()}
    said |= {
        "name": {"zh": form.get("name_zh", ""), "en": form.get("name_en", "")},
        "unit": {"zh": form.get("unit_zh", ""), "en": form.get("unit_en", "")},
        "hours": {day: form.get(f"hours_{day}", "") for day in WEEKDAYS},
        "automatic": form.get("automatic") == "1",
        "working_days": form.get("working_days") == "1",
        "quota": form.get("quota", "").strip() or None,
        "closed": form.get("closed", "").split(),
    }
    return capacity_from(said)


def number(value: Any, field: str) -> int:
    """A whole number; raises :class:`Invalid`."""
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isdecimal() and len(text) < 9):
        raise Invalid("give a whole number", field=field, mend="such as 3")
    return int(text)


def _words(said: Mapping[str, Any], name: str) -> LocalText:
    text = said.get(name)
    zh, en = (text.get("zh", ""), text.get("en", "")) if isinstance(text, Mapping) else (text, "")
    if not (isinstance(zh, str) and isinstance(en, str) and (zh.strip() or en.strip())):
        raise Invalid("a text is needed here", field=name, mend="give Chinese or English")
    return LocalText(zh=zh.strip(), en=en.strip())


def _flag(said: Mapping[str, Any], name: str) -> bool:
    value = said.get(name, False)
    if not isinstance(value, bool):
        raise Invalid("say true or false", field=name, mend="leave it out for false")
    return value


def _day(text: Any) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise Invalid("this is no day", field="closed", mend="write it like 2026-10-01") from error
