"""Registering without typing: a source is looked at, an entry is proposed, a person confirms."""

from quanyu.catalogue.probe.connecting import NETWORK, Reachable, reachable
from quanyu.catalogue.probe.copying import copy_table
from quanyu.catalogue.probe.database import list_tables, probe_table
from quanyu.catalogue.probe.files import probe_file, proposal_of_plan
from quanyu.catalogue.probe.likely import likely_duplicates
from quanyu.catalogue.probe.model import (
    Likely,
    Looked,
    Proposal,
    ProposedField,
    ServiceFound,
    TableListed,
)
from quanyu.catalogue.probe.proposing import confirmed, draft_of_proposal, propose
from quanyu.catalogue.probe.secrets import forget_secret, keep_secret, read_secret
from quanyu.catalogue.probe.sensitivity import Judged, judge_field, judge_fields
from quanyu.catalogue.probe.services import probe_service
from quanyu.catalogue.probe.sketching import keep_sketches, sketch

__all__ = [
    "NETWORK",
    "Judged",
    "Likely",
    "Looked",
    "Proposal",
    "ProposedField",
    "Reachable",
    "ServiceFound",
    "TableListed",
    "confirmed",
    "copy_table",
    "draft_of_proposal",
    "forget_secret",
    "judge_field",
    "judge_fields",
    "keep_secret",
    "keep_sketches",
    "likely_duplicates",
    "list_tables",
    "probe_file",
    "probe_service",
    "probe_table",
    "proposal_of_plan",
    "propose",
    "reachable",
    "read_secret",
    "sketch",
]
