"""What is new of a stream to a caller: the one way from the store to whoever follows.

Every telling passes the gate again, spends quotas, and is a use with its leaf of evidence.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from quanyu.agreements import Ask, Grant
from quanyu.evidence import Use
from quanyu.kernel import AgreementId, UseId, new_id, now
from quanyu.parties import Caller
from quanyu.streams import documents_of
from quanyu.web.commitments import query_commitment
from quanyu.web.node import Node

FACE = "stream"
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Of what is told: all of a stream, or one datastream by its number."""

    slug: str
    datastream: int | None = None
    agreement: str | None = None
    purpose: str | None = None

    @property
    def ask(self) -> Ask:
        """What the gate is asked."""
        return Ask(face=FACE, action="read", purpose=self.purpose, agreement=self.agreement)


@dataclass(frozen=True, slots=True)
class News:
    """Observations with numbers after ``after`` up to ``to`` that the caller may see, in order."""

    after: int
    to: int
    observations: list[tuple[int, dict[str, Any]]]
    grant: Grant

    @property
    def document(self) -> dict[str, Any]:
        """As it is told: what lies between ``after`` and ``to`` and is not there is not for it."""
        return {
            "after": self.after,
            "to": self.to,
            "observations": [document for _, document in self.observations],
        }


def news(node: Node, caller: Caller, asked: Asked, after: int, *, base: str) -> News:
    """What is new to ``caller`` after a number, at most :data:`AT_ONCE` observations of the node.

    Raises what the gate raises: whoever may not read any more is told nothing.
    """
    import pyarrow.compute as pc

    grant = node.gate.decide(caller, asked.slug, asked.ask)
    rows, to = node.observations.changes(after, AT_ONCE)
    if asked.datastream is not None:
        rows = rows.filter(pc.equal(rows["datastream"], asked.datastream))
    told: list[tuple[int, dict[str, Any]]] = []
    if len(rows):
        with node.streams.sight(grant.resource, grant.restriction) as sight:
            told = documents_of(sight, rows, f"{base}/sensorthings/{asked.slug}/v1.1")
    return News(after, to, told, grant)


def note_use(node: Node, told: News, asked: Asked, body: bytes) -> UseId | None:
    """Spend the quotas of what is about to leave and put its use on disk; raises as they do."""
    if not told.observations:
        return None
    grant, rows = told.grant, len(told.observations)
    node.gate.spend(grant, requests=1, rows=rows, bytes=len(body))
    identifier = UseId(new_id("use"))
    question = f"/sensorthings/{asked.slug}/events?datastream={asked.datastream}&after={told.after}"
    node.journal.record_sync(
        Use(
            id=identifier,
            at=now(),
            agreement=AgreementId(grant.agreement),
            party_commitment=grant.party_commitment,
            resource=grant.resource,
            version=0,
            face=FACE,
            purpose=grant.purpose or "",
            query_commitment=query_commitment(node, identifier, question),
            restriction=grant.restriction_key,
            rows=rows,
            bytes=len(body),
        )
    )
    return identifier


def written(document: dict[str, Any]) -> bytes:
    """A document as bytes."""
    return orjson.dumps(document)
