"""Algorithms that parties have sent, version by version: deployed, replaced, undeployed.

The words are those of OGC API – Processes Part 2 (20-044). An algorithm is its party's alone; who
is asked to release what it gave reads it too. Versions stay, known by their digests, so that every
run can be checked against the code that ran.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from quanyu.catalogue import Access, Kind, ResourceDraft, may_write, save_draft
from quanyu.compute.jobs import check_may_run
from quanyu.compute.private.package import Package, read_package
from quanyu.compute.private.tables import AlgorithmRow
from quanyu.kernel import Conflict, LocalText, NotFound, PartyId, ResourceId, new_id, now, owe
from quanyu.parties import Caller

LEAF = "algorithm.deployed"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A version of an algorithm of a party. ``resource`` is its catalogue entry, where its party's
    suppliers made one by deploying it."""

    id: str
    party: PartyId
    package: Package
    resource: ResourceId | None
    created: datetime


def deploy(session: Session, package: Package, caller: Caller, *, area: str = "000000") -> Deployed:
    """Keep a version of an algorithm of the caller's party; the one that is there already is given
    back. A supplier or steward drafts a catalogue entry with the first version.

    Raises :class:`Refused` (rule ``compute.run``), and :class:`Conflict` when the entry's name in
    addresses is taken.
    """
    check_may_run(caller)
    known = session.scalar(
        select(AlgorithmRow).where(
            AlgorithmRow.party == caller.party,
            AlgorithmRow.name == package.id,
            AlgorithmRow.digest == package.digest,
        )
    )
    session.execute(
        update(AlgorithmRow)
        .where(AlgorithmRow.party == caller.party, AlgorithmRow.name == package.id)
        .values(deployed=False)
    )
    if known is not None:
        known.deployed = True
        session.flush()
        return _deployed(known)
    before = session.scalar(
        select(AlgorithmRow.resource).where(
            AlgorithmRow.party == caller.party, AlgorithmRow.name == package.id
        )
    )
    row = AlgorithmRow(
        id=new_id("algorithm"),
        party=caller.party,
        member=caller.member,
        name=package.id,
        version=package.version,
        digest=package.digest,
        document=dict(package.document),
        resource=before or _entry(session, package, caller, area),
        deployed=True,
        created=now(),
    )
    session.add(row)
    session.flush()
    body = {"name": package.id, "version": package.version, "sha256": package.digest}
    owe(session, LEAF, row.id, body)
    return _deployed(row)


def undeploy(session: Session, name: str, caller: Caller) -> None:
    """Let an algorithm take no more runs; its versions stay with their runs."""
    check_may_run(caller)
    found = algorithm_named(session, name, caller)
    session.execute(
        update(AlgorithmRow)
        .where(AlgorithmRow.party == caller.party, AlgorithmRow.name == found.package.id)
        .values(deployed=False)
    )


def algorithm_named(
    session: Session, name: str, caller: Caller, *, digest: str | None = None
) -> Deployed:
    """The version of that name that is deployed, or the one of that digest; raises
    :class:`NotFound` when the caller's party has none."""
    query = select(AlgorithmRow).where(
        AlgorithmRow.party == (caller.party or ""), AlgorithmRow.name == name
    )
    if digest is None:
        query = query.where(AlgorithmRow.deployed.is_(True))
    else:
        query = query.where(AlgorithmRow.digest == digest)
    row = session.scalar(query)
    if row is None:
        raise NotFound(
            "your party has deployed no algorithm {name}",
            field="algorithm",
            mend="deploy it, or see your algorithms",
            name=name[:80],
        )
    return _deployed(row)


def algorithms_of(session: Session, caller: Caller) -> list[Deployed]:
    """Algorithms that the caller's party has deployed, by name."""
    query = (
        select(AlgorithmRow)
        .where(AlgorithmRow.party == (caller.party or ""), AlgorithmRow.deployed.is_(True))
        .order_by(AlgorithmRow.name)
    )
    return list(map(_deployed, session.scalars(query)))


def algorithm_versions(session: Session, name: str, caller: Caller) -> list[Deployed]:
    """Every version of an algorithm of the caller's party, the latest first."""
    query = (
        select(AlgorithmRow)
        .where(AlgorithmRow.party == (caller.party or ""), AlgorithmRow.name == name)
        .order_by(AlgorithmRow.number.desc())
    )
    return list(map(_deployed, session.scalars(query)))


def algorithm_by_id(session: Session, identifier: str) -> Deployed:
    """A version by its id, for whoever may see a run of it; raises :class:`NotFound`."""
    row = session.scalar(select(AlgorithmRow).where(AlgorithmRow.id == identifier))
    if row is None:
        raise NotFound("there is no algorithm {id}", id=identifier[:40])
    return _deployed(row)


def _entry(session: Session, package: Package, caller: Caller, area: str) -> ResourceId | None:
    """A draft in the catalogue, where the caller may write one."""
    if caller.party is None or not may_write(caller, caller.party):
        return None
    words = package.title
    draft = ResourceDraft(
        slug=package.id,
        kind=Kind.ALGORITHM,
        title=LocalText(zh=words, en=words),
        abstract=LocalText(zh=package.description, en=package.description)
        if package.description
        else None,
        provider=caller.party,
        licence="by-agreement",
        access=Access.RESTRICTED,
        version=package.version,
        attributes={
            "inputs": [{"name": name} for name in (package.data, *package.values)],
            "outputs": [{"name": name} for name in package.outputs],
        },
    )
    try:
        return save_draft(session, draft, caller, area=area).id
    except Conflict as error:
        raise Conflict(
            "there is another resource {slug} in the catalogue",
            field="processDescription.id",
            mend="give the algorithm another id",
            slug=package.id,
        ) from error


def _deployed(row: AlgorithmRow) -> Deployed:
    return Deployed(
        id=row.id,
        party=PartyId(row.party),
        package=read_package(row.document),
        resource=ResourceId(row.resource) if row.resource else None,
        created=row.created,
    )
