"""The reviewers' checklist: items shipped with the program and those that a node adds."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from quanyu.catalogue.registration.model import ApplicationKind, Tick
from quanyu.catalogue.validate import check_line
from quanyu.kernel import Invalid, LocalText

SHIPPED = Path(__file__).with_name("checklist.toml")
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Item:
    """Something that must hold before an application of these kinds is approved."""

    id: str
    kinds: frozenset[ApplicationKind]
    text: LocalText


@cache
def shipped_checklist() -> tuple[Item, ...]:
    """The items that come with the program."""
    return _read(SHIPPED)


def read_checklist(further: Path | None) -> tuple[Item, ...]:
    """The shipped items and those of a file; raises :class:`Invalid` when that cannot be read."""
    items = {item.id: item for item in shipped_checklist()}
    if further is not None:
        items |= {item.id: item for item in _read(further)}
    return tuple(items.values())


def items_for(kind: ApplicationKind, checklist: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items that an application of this kind must satisfy."""
    return tuple(item for item in checklist if kind in item.kinds)


def check_ticks(
    kind: ApplicationKind, checklist: tuple[Item, ...], ticks: Mapping[str, Tick]
) -> dict[str, Tick]:
    """The ticks of an approval: every item of the kind holds, with whatever comments.

    Raises :class:`Invalid` on ``checklist`` for an item that is unknown, missing or faulted.
    """
    items = {item.id: item for item in items_for(kind, checklist)}
    checked = check_known(items, ticks)
    for name in items:
        if name not in checked or not checked[name].holds:
            raise Invalid(
                "the item “{item}” of the checklist is not ticked",
                field="checklist",
                mend="tick every item, or return the application with what is wrong",
                item=name,
            )
    return checked


def check_known(items: Mapping[str, object], ticks: Mapping[str, Tick]) -> dict[str, Tick]:
    """The ticks with their comments checked; raises :class:`Invalid` for an unknown item."""
    for name in ticks:
        if name not in items:
            raise Invalid(
                "the checklist has no item “{item}”",
                field="checklist",
                mend="open the page again",
                item=name[:80],
            )
    return {
        name: Tick(tick.holds, check_line(tick.comment, "checklist", _LONGEST, lines=True))
        for name, tick in ticks.items()
    }


def _read(path: Path) -> tuple[Item, ...]:
    try:
        said = tomllib.loads(path.read_text("utf-8"))
        return tuple(
            Item(
                str(item["id"]),
                frozenset(ApplicationKind(kind) for kind in item["kinds"]),
                LocalText(zh=item.get("zh", ""), en=item.get("en", "")),
            )
            for item in said["item"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Invalid(
            "the checklist cannot be read: {reason}",
            field="checklist_file",
            mend="give a TOML file of [[item]] with id, kinds, zh and en",
            reason=str(error)[:200],
        ) from error
