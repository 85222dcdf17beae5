"""The verifiable log: uses and changes are written down, sequenced, signed, and can be checked."""

from quanyu.evidence.bundles import BundleError, Opened, bundle, open_bundle, seen_by
from quanyu.evidence.copying import copy_log
from quanyu.evidence.cosigning import (
    COSIGNED,
    Cosignature,
    Cosigner,
    cosignatures,
    cosigned,
    cosigned_by_fewer,
    gather,
    over_http,
    parse_cosigners,
)
from quanyu.evidence.documents import SIGNED, signed_document, verify_document
from quanyu.evidence.journal import Journal
from quanyu.evidence.judging import NOBODY, Others, Step, Verification
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
    split_note,
)
from quanyu.evidence.owing import owe_use
from quanyu.evidence.receipts import Disclosure, receipt
from quanyu.evidence.sequencer import Sequencer, behind
from quanyu.evidence.sm2 import Sm2Signer, load_or_create_sm2
from quanyu.evidence.tiles import ENTRIES, parse_path, tile_path
from quanyu.evidence.timestamping import (
    Timestamped,
    authority_over_http,
    check_token,
    timestamp,
    timestamp_over,
    timestamps,
)
from quanyu.evidence.verify import verify_receipt
from quanyu.evidence.verify_files import verify_log
from quanyu.evidence.witness import Behind, Witness, Witnessed, add_checkpoint, witnessed

__all__ = [
    "COSIGNED",
    "ENTRIES",
    "NOBODY",
    "SIGNED",
    "Behind",
    "BundleError",
    "Checkpoint",
    "Cosignature",
    "Cosigner",
    "Disclosure",
    "Journal",
    "Log",
    "NoteError",
    "Opened",
    "Others",
    "ProofError",
    "Sequencer",
    "Sm2Signer",
    "Step",
    "Timestamped",
    "Use",
    "Verification",
    "VerifierKey",
    "Witness",
    "Witnessed",
    "add_checkpoint",
    "authority_over_http",
    "behind",
    "bundle",
    "check_token",
    "copy_log",
    "cosignatures",
    "cosigned",
    "cosigned_by_fewer",
    "gather",
    "leaf_hash",
    "load_or_create_sm2",
    "open_bundle",
    "open_note",
    "over_http",
    "owe_use",
    "parse_checkpoint",
    "parse_cosigners",
    "parse_key",
    "parse_path",
    "receipt",
    "root_of_hashes",
    "salt_of",
    "seen_by",
    "signed_document",
    "split_note",
    "tile_path",
    "timestamp",
    "timestamp_over",
    "timestamps",
    "verify_consistency",
    "verify_document",
    "verify_inclusion",
    "verify_log",
    "verify_receipt",
    "witnessed",
]
