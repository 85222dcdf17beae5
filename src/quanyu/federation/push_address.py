"""Addresses that data are pushed to: read from a consumer's request, or made for this node's own,
and when the push to one is due."""

import ipaddress
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from sqlalchemy.orm import Session

from quanyu.agreements import Side
from quanyu.federation.messages import SECRET, Received, secret_of
from quanyu.federation.model import Here, Move
from quanyu.federation.seal import seal, unseal
from quanyu.federation.tables import ProcessRow, PushRow
from quanyu.kernel import Invalid, now, resolve_host

PUSH = "HttpData-PUSH"
HTTP = "https://w3id.org/idsa/v4.1/HTTP"
FORM, PURPOSE = "form", "purpose"
"""Properties of a data address: in which form the file is wanted, and for what the data are, where
the agreement asks for that."""
MEDIA = {
    "geojson": "application/geo+json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "ndjson": "application/x-ndjson",
    "gpkg": "application/geopackage+sqlite3",
    "fgb": "application/flatgeobuf",
    "arrow": "application/vnd.apache.arrow.stream",
}
"""Forms of files that are pushed, and their media types; the first where none is asked for."""
_FIELD = "dataAddress"


def read_address(here: Here, message: Received) -> str:
    """The address that a consumer's request names, sealed: endpoint, token and form.

    Raises :class:`Invalid` for one that is none of HTTP, :class:`Refused` (rule ``fetch.private``)
    for one that is plainly in a private network. What a name leads to is looked at when it is used.
    """
    given = message.body.get("dataAddress")
    if not isinstance(given, Mapping):
        raise Invalid(
            "a transfer that is pushed names the address to push to",
            field=_FIELD,
            mend="give endpointType, endpoint and endpointProperties",
        )
    if given.get("endpointType") != HTTP:
        raise Invalid(
            "data are pushed over HTTP alone", field=f"{_FIELD}.endpointType", mend=f"use {HTTP}"
        )
    endpoint = _endpoint(here, given.get("endpoint"))
    token = secret_of(message.body)
    if len(token) > 4000 or not token.isascii() or not (token + "x").isprintable():
        raise Invalid("this is no token of a header", field=f"{_FIELD}.endpointProperties")
    form = _property(given, FORM) or next(iter(MEDIA))
    check_form(form)
    purpose = _property(given, PURPOSE)
    if len(purpose) > 200 or not (purpose.isascii() and (purpose + "x").isprintable()):
        raise Invalid("this is no purpose", field=f"{_FIELD}.endpointProperties")
    kept = {"endpoint": endpoint, "token": token, "form": form, "purpose": purpose}
    return seal(here.key, orjson.dumps(kept).decode())


def check_form(form: str) -> str:
    """A form in which files are pushed; :class:`Invalid` for any other."""
    if form not in MEDIA:
        raise Invalid(
            "files are not pushed in the form {form}",
            field=FORM,
            mend="use one of: {forms}",
            form=form[:40],
            forms=", ".join(MEDIA),
        )
    return form


def own_address(here: Here, row: ProcessRow, form: str, purpose: str) -> tuple[dict[str, Any], str]:
    """Where a provider pushes a transfer's data to this node, and the token that it sends then."""
    secret = secrets.token_urlsafe(32)
    said = {SECRET: "", "authType": "bearer", FORM: check_form(form), PURPOSE: purpose}
    address = {
        "@type": "DataAddress",
        "endpointType": HTTP,
        "endpoint": f"{here.address}/transfers/{row.id}/data",
        "endpointProperties": [
            {"@type": "EndpointProperty", "name": name, "value": value}
            for name, value in said.items()
            if value or name == SECRET
        ],
    }
    kept = {"endpoint": address["endpoint"], "token": secret, "form": form, "purpose": purpose}
    row.address = seal(here.key, orjson.dumps(kept).decode())
    return address, secret


def known_address(here: Here, row: ProcessRow) -> dict[str, str]:
    """Endpoint, token and form of the address that a transfer is pushed to."""
    found: dict[str, str] = orjson.loads(unseal(here.key, row.address or ""))
    return found


def schedule(session: Session, row: ProcessRow, move: Move) -> None:
    """What a move means for a push, as provider: due, put off, or over."""
    if row.format != PUSH or row.role != Side.PROVIDER:
        return
    push = session.get(PushRow, row.id)
    if push is None:
        push = PushRow(
            process=row.id,
            due_at=None,
            attempts=0,
            problem="",
            media_type="",
            size=None,
            sha256="",
            use="",
            sent_at=None,
        )
        session.add(push)
    push.due_at = now() if move is Move.START else None


def _endpoint(here: Here, url: object) -> str:
    field = f"{_FIELD}.endpoint"
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        good = good and not (parts.fragment or parts.username)
    except ValueError:
        good = False
    if not good or len(str(url)) > 2000 or not str(url).isprintable():
        raise Invalid(
            "this is no address of http or https", field=field, mend="such as https://node/data"
        )
    host = parts.hostname or ""
    if host == "localhost" or _literal(host):
        resolve_host(host, parts.port or 443, allow_private=here.allow_private, field=field)
    return str(url)


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _property(address: Mapping[str, Any], name: str) -> str:
    given = address.get("endpointProperties")
    for one in given if isinstance(given, list) else []:
        if isinstance(one, Mapping) and one.get("name") == name:
            return str(one.get("value") or "")
    return ""
