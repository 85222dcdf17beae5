"""Timestamps of checkpoints by an authority (RFC 3161): that the log was so at a moment.

A checkpoint and its token are kept together in the log's folder ``timestamps``, by size; a receipt
of an older leaf rests on the first checkpoint over it that was timestamped.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from quanyu.evidence.cosigning import Ask, cosigned
from quanyu.evidence.log import Log
from quanyu.evidence.note import parse_checkpoint, split_note
from quanyu.evidence.tiles import write_durably
from quanyu.kernel import Answered, Invalid, Outbound, Unavailable, ask

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

FOLDER = "timestamps"
_HEADERS = {"content-type": "application/timestamp-query"}
_MOST_BYTES = 64 << 10
_TOKEN, _NOTE = ".tsr", ".checkpoint"


@dataclass(frozen=True, slots=True)
class Timestamped:
    """A checkpoint of ``size`` leaves with the authority's answer (a DER TimeStampResp)."""

    size: int
    note: bytes
    token: bytes

    @property
    def at(self) -> datetime:
        """The moment that the token names; whether it is true is for :func:`check_token`."""
        return _decode(self.token).tst_info.gen_time


def timestamp(log: Log, url: str, post: Ask) -> Timestamped | None:
    """Have the newest checkpoint timestamped; ``None`` where it is already, or the log is empty.

    That is the newest that was cosigned, while there are new ones of these: witnesses that are away
    hold up no timestamps. Raises :class:`Unavailable` when the authority does not answer with a
    token over it.
    """
    if log.size == 0:
        return None
    found = next(
        (note for note in (cosigned(log), log.checkpoint()) if note and not _has_token(log, note)),
        None,
    )
    if found is None:
        return None
    note, size = found, _size(found)
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    wanted = (
        TimestampRequestBuilder()
        .data(note)
        .hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    answered = post(url, wanted.as_bytes())
    if answered.status != 200:
        raise Unavailable("the timestamp authority answered {status}", status=answered.status)
    try:
        got = _decode(answered.content)
    except ValueError as error:
        raise Unavailable("the timestamp authority answered something else") from error
    asked, said = wanted.message_imprint.message, got.tst_info.message_imprint.message
    if (asked, wanted.nonce) != (said, got.tst_info.nonce):
        raise Unavailable("the timestamp authority answered another question")
    folder = log.folder / FOLDER
    write_durably({folder / f"{size}{_NOTE}": note, folder / f"{size}{_TOKEN}": answered.content})
    return Timestamped(size, note, answered.content)


def authority_over_http(allow_private: bool) -> Ask:
    """How an authority is asked by default."""
    out = Outbound(allow_private, max_bytes=_MOST_BYTES, field="timestamp_url")

    def post(url: str, body: bytes) -> Answered:
        return ask(url, out, method="POST", headers=_HEADERS, content=body)

    return post


def timestamps(log: Log) -> list[int]:
    """Sizes of all checkpoints that were timestamped, the smallest first."""
    return sorted(int(path.stem) for path in (log.folder / FOLDER).glob(f"*{_TOKEN}"))


def timestamp_over(log: Log, size: int) -> Timestamped | None:
    """The first timestamped checkpoint of at least ``size`` leaves."""
    found = next((each for each in timestamps(log) if each >= size), None)
    if found is None:
        return None
    folder = log.folder / FOLDER
    note, token = folder / f"{found}{_NOTE}", folder / f"{found}{_TOKEN}"
    return Timestamped(found, note.read_bytes(), token.read_bytes())


def check_token(token: bytes, note: bytes, authority: bytes) -> datetime:
    """The moment before which ``note`` was, by a token of an authority.

    ``authority`` is PEM: the root certificate of the authority, after it intermediate ones where
    the token does not bring them. Raises ``ValueError`` with what does not hold, and
    :class:`Invalid` for what is no certificate.
    """
    from cryptography.x509 import load_pem_x509_certificates
    from rfc3161_client import VerificationError, VerifierBuilder

    try:
        root, *others = load_pem_x509_certificates(authority)
    except ValueError as error:
        raise Invalid(
            "this is no certificate in PEM", field="authority", mend="give the authority's root"
        ) from error
    builder = VerifierBuilder().add_root_certificate(root)
    for other in others:
        builder = builder.add_intermediate_certificate(other)
    response = _decode(token)
    try:
        builder.build().verify_message(response, note)
    except VerificationError as error:
        raise ValueError(str(error)) from error
    return response.tst_info.gen_time


def _size(note: bytes) -> int:
    return parse_checkpoint(split_note(note)[0]).size


def _has_token(log: Log, note: bytes) -> bool:
    return (log.folder / FOLDER / f"{_size(note)}{_TOKEN}").exists()


def _decode(token: bytes) -> "TimeStampResponse":
    """Raises ``ValueError`` for what is no answer of an authority."""
    from rfc3161_client import decode_timestamp_response

    return decode_timestamp_response(token)
