"""What is written down: a use, and how it becomes a leaf."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from quanyu.kernel import AgreementId, ResourceId, UseId, flat_canonical, iso


@dataclass(frozen=True, slots=True)
class Use:
    """One answered request under one agreement.

    party_commitment  :func:`~quanyu.kernel.blind` of the party's id; empty when nobody signed in.
    query_commitment  the same of the query as it was asked; empty when there was none.
    version           number of the dataset version that answered; ``None`` where there is none.
    face              interface that answered: ``features``, ``tiles``, ``download`` …
    restriction       key of the restriction that was in force.
    rows, bytes       what was answered.
    """

    id: UseId
    at: datetime
    agreement: AgreementId
    party_commitment: str
    resource: ResourceId
    version: int | None
    face: str
    purpose: str
    query_commitment: str
    restriction: str
    rows: int
    bytes: int


def use_leaf(use: Use) -> bytes:
    """RFC 8785 bytes of a use that go into the log; members that are empty are left out."""
    document: dict[str, str | int] = {
        "id": use.id,
        "at": iso(use.at),
        "kind": "used",
        "subject": use.resource,
        "agreement": use.agreement,
        "face": use.face,
        "restriction": use.restriction,
        "rows": use.rows,
        "bytes": use.bytes,
    }
    if use.party_commitment:
        document["party"] = use.party_commitment
    if use.query_commitment:
        document["query"] = use.query_commitment
    if use.purpose:
        document["purpose"] = use.purpose
    if use.version is not None:
        document["version"] = use.version
    return flat_canonical(document)


def salt_of(secret: bytes, use: str, field: str) -> str:
    """The salt that blinds one field of one use, from the node's secret: 128 bits in hexadecimal.

    So a node can disclose a field of any receipt later and has no salt to keep per use.
    """
    return hmac.new(secret, f"{use}\n{field}".encode(), hashlib.sha256).hexdigest()[:32]
