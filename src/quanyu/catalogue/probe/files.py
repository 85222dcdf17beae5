"""Files and URLs of files: what ingest would make of them, as a proposal."""

from pathlib import Path

from quanyu.catalogue.harvest.reasons import because
from quanyu.catalogue.probe.model import Looked, Proposal
from quanyu.catalogue.probe.proposing import propose
from quanyu.spacetime import GeometryType, IngestOptions, IngestPlan, inspect


def probe_file(source: str | Path, options: IngestOptions, folder: Path) -> Proposal:
    """The proposal for a file or its URL; raises as :func:`~quanyu.spacetime.inspect` does."""
    return proposal_of_plan(inspect(source, options, folder))


def proposal_of_plan(plan: IngestPlan) -> Proposal:
    """The proposal for what ingest has planned."""
    looked = [Looked(one.name, one.type, one.samples) for one in plan.fields]
    name = plan.layer if plan.layer and len(plan.layers) > 1 else Path(plan.source).stem
    located = plan.geometry is not GeometryType.NONE
    notes = [because("{warning}", warning=warning) for warning in plan.warnings]
    return propose(
        source=plan.source,
        name=name or plan.dataset,
        looked=looked,
        located=located,
        slug=plan.dataset,
        bbox=plan.extent,
        crs=plan.crs or "",
        geometry=plan.geometry.value if located else "",
        rows=plan.rows,
        notes=notes,
    )
