"""Where a request comes from: its address, its division, and whether the way was encrypted."""

import csv
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path

from starlette.requests import HTTPConnection

from quanyu.agreements import Whence
from quanyu.web.node import node_of
from quanyu.web.who import address_of


def whence_of(request: HTTPConnection) -> Whence:
    """What can be established of the caller's place.

    Of a request that came through a proxy which the operator has not named nothing is known: the
    address would be the proxy's, and what the header says could be anything.
    """
    settings = node_of(request).settings
    address, secure = address_of(request), request.scope["scheme"] == "https"
    forwarded = request.headers.get("x-forwarded-for")
    if forwarded is not None or "forwarded" in request.headers:
        proxies = tuple(settings.trusted_proxies)
        if forwarded is None or not _inside(address, proxies):
            return Whence(secure=secure)
        hops = [hop.strip() for hop in forwarded.split(",")]
        address = next((hop for hop in reversed(hops) if not _inside(hop, proxies)), "")
        secure = request.headers.get("x-forwarded-proto") == "https"
    return Whence(address, secure, _division(address, settings.networks_file))


@lru_cache(maxsize=65_536)
def _division(address: str, file: Path | None) -> str:
    """The division of the narrowest registered network that holds an address."""
    found, longest = "", -1
    for text, division in _networks(file) if file else ():
        length = ip_network(text).prefixlen
        if length > longest and _inside(address, (text,)):
            found, longest = division, length
    return found


@lru_cache(maxsize=4)
def _networks(file: Path) -> tuple[tuple[str, str], ...]:
    with file.open(encoding="utf-8", newline="") as lines:
        return tuple((row["network"], row["division"]) for row in csv.DictReader(lines))


def _inside(address: str, networks: tuple[str, ...]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in ip_network(text) for text in networks)
