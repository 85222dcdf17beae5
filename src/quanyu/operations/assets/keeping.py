"""Assets kept: registered, changed, moved through their life, brought in from files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, Invalid, ResourceId, canonical, owe, sha256_hex
from quanyu.operations.assets.inventory import (
    MOST_DEPTH,
    asset_row,
    check_place,
    held_inventory,
    place_under,
    to_asset,
)
from quanyu.operations.assets.model import LIFE_CYCLE, Asset, AssetDraft, AssetState, Imported
from quanyu.operations.assets.schemas import check_attributes_of
from quanyu.operations.assets.tables import LONGEST_PATH, AssetRow, InventoryRow
from quanyu.operations.work_orders import OrderPlace, checked_place, one_line
from quanyu.parties import Caller, party

MOST_AT_ONCE = 200_000
_TOLD = 20


def register_asset(session: Session, of: ResourceId, caller: Caller, draft: AssetDraft) -> Asset:
    """A new asset of the resource's inventory; raises :class:`Conflict` for an id that is there."""
    import_assets(session, of, caller, [draft], add_only=True)
    return to_asset(session, asset_row(session, of, draft.id))


def change_asset(
    session: Session,
    of: ResourceId,
    name: str,
    caller: Caller,
    draft: AssetDraft,
    *,
    revision: int | None = None,
    note: str = "",
) -> Asset:
    """Say anew what is said of an asset, with its place in the tree and its state.

    Raises :class:`Conflict` where it has changed meanwhile or cannot come into that state.
    """
    held_inventory(session, of, caller)
    row = asset_row(session, of, name)
    if revision is not None and row.revision != revision:
        raise Conflict(
            "this asset has changed meanwhile", field="revision", mend="open it again and look"
        )
    _change(session, row, _checked(session, replace(draft, id=row.id)), caller, note)
    return to_asset(session, row)


def import_assets(
    session: Session,
    of: ResourceId,
    caller: Caller,
    drafts: Sequence[AssetDraft],
    *,
    add_only: bool = False,
) -> Imported:
    """Register those whose id is new and change the others: all of them, or none.

    Parts may come before what they are parts of. Raises :class:`Invalid` that names the asset.
    """
    row = held_inventory(session, of, caller)
    if len(drafts) > MOST_AT_ONCE:
        raise Invalid(
            "at most {most} assets at once", field="file", mend="cut the file", most=MOST_AT_ONCE
        )
    wanted: dict[str, AssetDraft] = {}
    for draft in drafts:
        if draft.id in wanted:
            raise _of(draft.id, Invalid("it comes twice", field="id", mend="leave one out"))
        wanted[draft.id] = _named(session, draft)
    there = {
        one.id: one for one in session.scalars(select(AssetRow).where(AssetRow.resource == of))
    }
    if add_only and (twice := wanted.keys() & there.keys()):
        raise Conflict(
            "there is an asset {id} already",
            field="id",
            mend="change that one, or give another id",
            id=min(twice),
        )
    fresh = [] if not wanted else _placed(row, wanted, there)
    if fresh:
        session.execute(insert(AssetRow), fresh)
    changed = 0
    for name in sorted(wanted.keys() & there.keys()):
        changed += _change(session, there[name], wanted[name], caller, "")
    session.flush()
    if fresh:
        said = {"assets": [one["id"] for one in fresh[:_TOLD]], "count": len(fresh)}
        digest = sha256_hex(canonical({"ids": sorted(one["id"] for one in fresh)}))
        owe(
            session,
            "asset.registered",
            row.resource,
            {"by": caller.party or "", "ids_sha256": digest, **said},
        )
    return Imported(len(fresh), changed, len(wanted) - len(fresh) - changed)


def _placed(
    inventory: InventoryRow, wanted: Mapping[str, AssetDraft], there: Mapping[str, AssetRow]
) -> list[dict[str, Any]]:
    """Rows of new assets, each with its number and its place in the tree."""
    places = {name: (one.path, one.depth) for name, one in there.items()}
    fresh = []
    for name in _in_order(wanted, there):
        draft = wanted[name]
        above, depth = ("", -1) if draft.parent is None else places[draft.parent]
        if depth + 1 >= MOST_DEPTH:
            raise _of(
                name,
                Invalid(
                    "the tree is at most {most} assets deep",
                    field="parent",
                    mend="choose one further up",
                    most=MOST_DEPTH,
                ),
            )
        inventory.last += 1
        path = f"{above}{inventory.last}/"
        if len(path) > LONGEST_PATH:
            raise Invalid("this inventory is full", field="file")
        places[name] = (path, depth + 1)
        said = {"resource": inventory.resource, "seq": inventory.last, "path": path}
        fresh.append(said | {"depth": depth + 1, "hours": 0, "revision": 1} | _values(draft))
    return fresh


def run_hours(session: Session, of: ResourceId, name: str, caller: Caller, hours: int) -> Asset:
    """Say how many hours an asset has run in all; never fewer than before."""
    held_inventory(session, of, caller)
    row = asset_row(session, of, name)
    if not row.hours <= hours < 10**8:
        raise Invalid(
            "it has run for {hours} hours already",
            field="hours",
            mend="give the sum of all its hours",
            hours=row.hours,
        )
    row.hours = hours
    row.revision += 1
    _note(session, row, "ran", caller, {"hours": hours})
    return to_asset(session, row)


def _change(session: Session, row: AssetRow, draft: AssetDraft, caller: Caller, note: str) -> bool:
    before = {name: getattr(row, name) for name in _values(draft)}
    after = _values(draft)
    changed = sorted(name for name in after if after[name] != before[name])
    if not changed:
        return False
    if "state" in changed and draft.state not in LIFE_CYCLE[AssetState(row.state)]:
        raise _of(
            row.id,
            Conflict(
                "an asset that is “{old}” cannot become “{new}”",
                field="state",
                mend="choose one of: {choices}",
                old=row.state,
                new=draft.state.value,
                choices=", ".join(sorted(LIFE_CYCLE[AssetState(row.state)])) or "—",
            ),
        )
    if "parent" in changed:
        place_under(session, row, draft.parent)
    for name in changed:
        setattr(row, name, after[name])
    row.revision += 1
    _note(
        session,
        row,
        "changed",
        caller,
        {"changed": changed, "before": before["state"], "state": row.state, "note": bool(note)},
    )
    return True


def _named(session: Session, draft: AssetDraft) -> AssetDraft:
    try:
        return _checked(session, draft)
    except Invalid as error:
        raise _of(draft.id, error) from error


def _of(name: str, error: Any) -> Any:
    """The error, telling which asset it is about."""
    error.params = {**error.params, "asset": name[:80]}
    error.detail = "{asset}: " + (
        error.detail if len(error.params) > 1 else error.detail.replace("{", "{{")
    )
    return error


_OWN_PATHS = frozenset({"hours", "plans", "entries"})
"""What comes behind the id of an asset in addresses."""


def _checked(session: Session, draft: AssetDraft) -> AssetDraft:
    check_place(draft.lon, draft.lat)
    place = checked_place(OrderPlace(draft.lon, draft.lat, draft.address, draft.division))
    check_attributes_of(draft.template, draft.attributes)
    if draft.party is not None:
        party(session, draft.party)
    name = one_line(draft.id, "id", needed=True)
    parts = name.split("/")  # as ids of OpenStreetMap have it: way/123
    if {"", ".", ".."} & set(parts) or (len(parts) > 1 and parts[-1] in _OWN_PATHS):
        raise Invalid(
            "an id with slashes has something between them, and does not end like an address",
            field="id",
            mend="write it otherwise",
        )
    return replace(
        draft,
        id=name,
        name=one_line(draft.name, "name") or name,
        parent=one_line(draft.parent or "", "parent") or None,
        address=place.address,
        division=place.division,
    )


def _in_order(wanted: Mapping[str, AssetDraft], there: Mapping[str, object]) -> list[str]:
    """New ids, each after what it is a part of; raises :class:`Invalid` for a circle or a parent
    that is nowhere."""
    found: dict[str, None] = {}
    for name in wanted:
        chain: list[str] = []
        at: str | None = name
        while at is not None and at in wanted and at not in there and at not in found:
            if at in chain:
                raise _of(
                    at,
                    Invalid(
                        "an asset cannot be a part of itself or of what is below it",
                        field="parent",
                        mend="choose another",
                    ),
                )
            chain.append(at)
            at = wanted[at].parent
        if chain and at is not None and at not in there and at not in found:
            raise _of(
                chain[-1],
                Invalid(
                    "there is no asset {id} to be a part of",
                    field="parent",
                    mend="name one that is in the inventory",
                    id=at[:80],
                ),
            )
        found |= dict.fromkeys(reversed(chain))
    return list(found)


def _values(draft: AssetDraft) -> dict[str, Any]:
    return {
        "id": draft.id,
        "name": draft.name,
        "template": draft.template,
        "parent": draft.parent,
        "state": draft.state.value,
        "lon": draft.lon,
        "lat": draft.lat,
        "address": draft.address,
        "division": draft.division,
        "since": draft.since,
        "party": draft.party,
        "attributes": dict(draft.attributes),
    }


def _note(
    session: Session, row: AssetRow, step: str, caller: Caller, said: Mapping[str, Any]
) -> None:
    session.flush()
    owe(
        session,
        f"asset.{step}",
        row.resource,
        {"asset": row.id, "by": caller.party or "", "revision": row.revision, **said},
    )
