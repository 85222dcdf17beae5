"""The verifiable log: uses and changes are written down, sequenced, signed, and can be checked."""

from quanyu.evidence.bundles import BundleError, Opened, bundle, open_bundle
from quanyu.evidence.documents import SIGNED, signed_document, verify_document
from quanyu.evidence.journal import Journal
from quanyu.evidence.log import Log
from quanyu.evidence.merkle import (
    ProofError,
    leaf_hash,
    root_of_hashes,
    verify_consistency,
    verify_inclusion,
)
from quanyu.evidence.model import Use, salt_of
from quanyu.evidence.note import (
    Checkpoint,
    NoteError,
    VerifierKey,
    open_note,
    parse_checkpoint,
    parse_key,
)
from quanyu.evidence.receipts import Disclosure, receipt
from quanyu.evidence.sequencer import Sequencer, behind
from quanyu.evidence.sm2 import Sm2Signer, load_or_create_sm2
from quanyu.evidence.tiles import ENTRIES, parse_path, tile_path
from quanyu.evidence.verify import Step, Verification, verify_log, verify_receipt

__all__ = [
    "ENTRIES",
    "SIGNED",
    "BundleError",
    "Checkpoint",
    "Disclosure",
    "Journal",
    "Log",
    "NoteError",
    "Opened",
    "ProofError",
    "Sequencer",
    "Sm2Signer",
    "Step",
    "Use",
    "Verification",
    "VerifierKey",
    "behind",
    "bundle",
    "leaf_hash",
    "load_or_create_sm2",
    "open_bundle",
    "open_note",
    "parse_checkpoint",
    "parse_key",
    "parse_path",
    "receipt",
    "root_of_hashes",
    "salt_of",
    "signed_document",
    "tile_path",
    "verify_consistency",
    "verify_document",
    "verify_inclusion",
    "verify_log",
    "verify_receipt",
]
