"""The form by which rights are applied for: rows of fields in, rights out."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.datastructures import FormData, UploadFile

from quanyu.catalogue import Conditions, Origin, Proof, Right, RightKind
from quanyu.kernel import Invalid, LocalText, PartyId, day_in_zone
from quanyu.web.days import start_of
from quanyu.web.portal.rights_views import last_day

ROWS = 12
"""Rows that a form has at most; longer registers are written by the API."""

_TEXTS = (
    "kind", "holder", "origin", "basis", "scope_zh", "scope_en", "from", "until", "attribution",
    "share",
)  # fmt: skip
_BLANK: dict[str, Any] = dict.fromkeys(_TEXTS, "") | {
    "transferable": True,
    "derivable": True,
    "proofs": [],
}
_LARGEST = 50 << 20
_PERCENT = Decimal(100)


def blank_rows(rights: Sequence[Right], zone: str) -> list[dict[str, Any]]:
    """The form's rows: those that stand, and three empty ones."""
    rows = [_row(right, zone) for right in rights[:ROWS]]
    return [*rows, *(dict(_BLANK) for _ in range(min(3, ROWS - len(rows))))]


def _row(right: Right, zone: str) -> dict[str, Any]:
    since, until = right.term
    return {
        "kind": right.kind.value,
        "holder": right.holder,
        "origin": right.origin.value,
        "basis": right.basis,
        "scope_zh": right.scope.zh if right.scope else "",
        "scope_en": right.scope.en if right.scope else "",
        "from": "" if since is None else day_in_zone(since, zone).isoformat(),
        "until": "" if until is None else str(last_day(until, zone)),
        "transferable": right.conditions.transferable,
        "derivable": right.conditions.derivable,
        "attribution": right.conditions.attribution,
        "share": f"{Decimal(right.conditions.share) / _PERCENT:f}",
        "proofs": [f"{one.sha256} {one.bytes} {one.name}" for one in right.proofs],
    }


def typed_rows(form: FormData) -> list[dict[str, Any]]:
    """The rows as they were typed, to show them again."""
    rows = []
    for place in range(ROWS):
        if f"{place}/kind" in form:
            said = {name: str(form.get(f"{place}/{name}", "")) for name in _TEXTS}
            rows.append(
                said
                | {name: f"{place}/{name}" in form for name in ("transferable", "derivable")}
                | {"proofs": [str(one) for one in form.getlist(f"{place}/proofs")]}
            )
    return rows


async def rights_of_form(form: FormData, zone: str) -> tuple[Right, ...]:
    """The rights that were typed; rows without a kind are left out.

    Files are read for their digests and not kept. Raises :class:`Invalid` on ``rights.…``.
    """
    rows = typed_rows(form)
    rights: list[Right] = []
    for place, row in enumerate(rows):
        if row["kind"]:
            field = f"rights.{len(rights)}"
            uploads = [one for one in form.getlist(f"{place}/files") if isinstance(one, UploadFile)]
            proofs = [*map(_proof, row["proofs"])]
            proofs += [await _digest(one, field) for one in uploads if one.filename]
            rights.append(_right(row, tuple(dict.fromkeys(proofs)), zone, field))
    return tuple(rights)


def _right(row: dict[str, Any], proofs: tuple[Proof, ...], zone: str, field: str) -> Right:
    if row["kind"] not in set(RightKind) or row["origin"] not in set(Origin):
        raise Invalid("choose one of the list", field=f"{field}.kind", mend="open the page again")
    until = start_of(row["until"], zone, f"{field}.until")
    return Right(
        kind=RightKind(row["kind"]),
        holder=PartyId(row["holder"]),
        origin=Origin(row["origin"]),
        basis=row["basis"],
        scope=LocalText(zh=row["scope_zh"].strip(), en=row["scope_en"].strip())
        if row["scope_zh"].strip() or row["scope_en"].strip()
        else None,
        term=(
            start_of(row["from"], zone, f"{field}.from"),
            None if until is None else until + timedelta(days=1),
        ),
        conditions=Conditions(
            transferable=row["transferable"],
            derivable=row["derivable"],
            attribution=row["attribution"],
            share=_share(row["share"], f"{field}.share"),
        ),
        proofs=proofs,
    )


def _share(text: str, field: str) -> int:
    try:
        share = Decimal(text.strip() or "0") * _PERCENT
        if share == int(share):
            return int(share)
    except (InvalidOperation, ValueError, OverflowError):
        pass
    raise Invalid(
        "a share is from 0 to 100 per cent", field=field, mend="give such a number, like 2.5"
    )


def _proof(text: str) -> Proof:
    digest, _, rest = text.partition(" ")
    size, _, name = rest.partition(" ")
    if not (size.isascii() and size.isdecimal() and len(size) < 16):
        raise Invalid("the form is incomplete", field="rights", mend="open the page again")
    return Proof(name, digest, int(size))


async def _digest(file: UploadFile, field: str) -> Proof:
    digest, size = hashlib.sha256(), 0
    while chunk := await file.read(1 << 20):
        digest.update(chunk)
        size += len(chunk)
        if size > _LARGEST:
            raise Invalid(
                "a document has 50 MiB at most", field=f"{field}.proofs", mend="give a smaller one"
            )
    return Proof((file.filename or "")[:200], digest.hexdigest(), size)
