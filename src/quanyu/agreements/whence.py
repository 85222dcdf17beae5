"""Where a request comes from, as far as it can be established, and what a policy asks of that.

The network address is that of the connection, or what a proxy that the operator trusts says; the
administrative division is the one that the operator has registered for that network. What is not
established meets no condition. A connector is another node that is a peer here: it is known by the
account that the peer's tokens are of, so that no header and no member of its party can claim it.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

ON_NODE = frozenset({"compute", "land", "statistics"})
"""Faces through which data are worked with on the node, and only what comes of it leaves."""


class Kind(StrEnum):
    """What a circumstance is of."""

    NETWORK = "network"
    DIVISION = "division"
    ENVIRONMENT = "environment"
    CONNECTOR = "connector"


@dataclass(frozen=True, slots=True)
class Whence:
    """``address`` of the caller (empty: unknown), whether the way was ``secure`` (TLS), the
    ``division`` of its network (GB/T 2260 code; empty: unknown), and the ``connector`` that asks,
    by the name under which it is a peer (empty: it is none; the gate finds it itself)."""

    address: str = ""
    secure: bool = False
    division: str = ""
    connector: str = ""


UNKNOWN = Whence()


@dataclass(frozen=True, slots=True)
class Circumstance:
    """One of ``values`` must hold."""

    kind: Kind
    values: frozenset[str]

    def holds(self, whence: Whence, face: str) -> bool:
        """Whether it does for a request through that face."""
        if self.kind is Kind.NETWORK:
            return any(_within(whence.address, network) for network in self.values)
        if self.kind is Kind.DIVISION:
            return bool(whence.division) and whence.division.startswith(tuple(self.values))
        if self.kind is Kind.CONNECTOR:
            return whence.connector in self.values
        return any(whence.secure if value == "tls" else face in ON_NODE for value in self.values)


ENVIRONMENTS = frozenset({"node", "tls"})
Network = IPv4Network | IPv6Network


@lru_cache(maxsize=4096)
def network(text: str) -> Network:
    """A network in CIDR notation (RFC 4632); raises ``ValueError``."""
    return ip_network(text)


@lru_cache(maxsize=65_536)
def _within(address: str, text: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found) in network(text)
