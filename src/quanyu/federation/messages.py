"""Messages of the Dataspace Protocol 2025-1: written, and read with what each must hold.

Plain JSON is read, as the specification allows: its JSON Schemas are normative. Members that are
not known are kept and mean nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quanyu.agreements import Side
from quanyu.federation.model import Move, Process, ProcessKind, State
from quanyu.kernel import Invalid, canonical, new_id, sha256_hex

CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
LONGEST_ID = 200
_EVENTS = {"ACCEPTED": Move.ACCEPT, "FINALIZED": Move.FINALIZE}
_NEG, _TRF = ProcessKind.NEGOTIATION, ProcessKind.TRANSFER

TYPES: dict[tuple[ProcessKind, Move], str] = {
    (_NEG, Move.REQUEST): "ContractRequestMessage",
    (_NEG, Move.OFFER): "ContractOfferMessage",
    (_NEG, Move.ACCEPT): "ContractNegotiationEventMessage",
    (_NEG, Move.AGREE): "ContractAgreementMessage",
    (_NEG, Move.VERIFY): "ContractAgreementVerificationMessage",
    (_NEG, Move.FINALIZE): "ContractNegotiationEventMessage",
    (_NEG, Move.TERMINATE): "ContractNegotiationTerminationMessage",
    (_TRF, Move.REQUEST): "TransferRequestMessage",
    (_TRF, Move.START): "TransferStartMessage",
    (_TRF, Move.SUSPEND): "TransferSuspensionMessage",
    (_TRF, Move.COMPLETE): "TransferCompletionMessage",
    (_TRF, Move.TERMINATE): "TransferTerminationMessage",
}
PATHS: dict[tuple[ProcessKind, Move], str] = {
    (_NEG, Move.REQUEST): "request",
    (_NEG, Move.OFFER): "offers",
    (_NEG, Move.ACCEPT): "events",
    (_NEG, Move.AGREE): "agreement",
    (_NEG, Move.VERIFY): "agreement/verification",
    (_NEG, Move.FINALIZE): "events",
    (_NEG, Move.TERMINATE): "termination",
    (_TRF, Move.REQUEST): "request",
    (_TRF, Move.START): "start",
    (_TRF, Move.SUSPEND): "suspension",
    (_TRF, Move.COMPLETE): "completion",
    (_TRF, Move.TERMINATE): "termination",
}
"""The last part of the path that takes each message."""
ROOTS = {_NEG: "negotiations", _TRF: "transfers"}
PROCESS_TYPES = {_NEG: "ContractNegotiation", _TRF: "TransferProcess"}
ERROR_TYPES = {_NEG: "ContractNegotiationError", _TRF: "TransferError"}


@dataclass(frozen=True, slots=True)
class Received:
    """A message that came in, its form checked."""

    kind: ProcessKind
    move: Move
    body: dict[str, Any]
    digest: str

    def text(self, name: str, *, needed: bool = True) -> str:
        """A member that is a text of 1 to 200 characters; empty when it is not needed."""
        value = self.body.get(name)
        if value is None and not needed:
            return ""
        good = isinstance(value, str) and 0 < len(value) <= 2000 and value.isprintable()
        if not good:
            raise Invalid("a text is needed here", field=name, mend="see the message's schema")
        return str(value)

    @property
    def id(self) -> str:
        """Its own ``@id``, empty without one."""
        found = self.body.get("@id")
        return found if isinstance(found, str) else ""

    @property
    def reason(self) -> str:
        """Why, in words: code and reasons of a termination or suspension."""
        given = self.body.get("reason")
        said = [one if isinstance(one, str) else _message(one) for one in given or []]
        parts = [one for one in (str(self.body.get("code") or ""), *said) if one]
        return " · ".join(parts)[:2000]


def read_message(body: Any, kind: ProcessKind, *moves: Move) -> Received:
    """A message that one address takes, one of ``moves``; :class:`Invalid` for any other."""
    if not isinstance(body, dict):
        raise Invalid("the body is no JSON object", field="body", mend="send a JSON object")
    check_context(body)
    said = body.get("@type")
    wanted = {TYPES[kind, move] for move in moves}
    if said not in wanted:
        raise Invalid(
            "this address takes {types}",
            field="@type",
            mend="send that type",
            types=" or ".join(sorted(wanted)),
        )
    move = moves[0]
    if "eventType" in body or said == TYPES[_NEG, Move.ACCEPT]:
        found = _EVENTS.get(str(body.get("eventType")))
        if found is None:
            raise Invalid(
                "an event is ACCEPTED or FINALIZED", field="eventType", mend="use one of them"
            )
        move = found
    try:
        digest = sha256_hex(canonical(public_body(body)))
    except ValueError as error:
        raise Invalid(
            "the message holds what JSON cannot hold exactly", field="body", mend="see RFC 8785"
        ) from error
    return Received(kind, move, body, digest)


def check_context(body: Mapping[str, Any]) -> None:
    """Raise :class:`Invalid` unless the message says that it is of this version."""
    context = body.get("@context")
    if not isinstance(context, list) or CONTEXT not in context:
        raise Invalid(
            "the context names another version of the protocol, or none",
            field="@context",
            mend='use ["{context}"]',
            context=CONTEXT,
        )


def public_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """A message without the secret of its data address: what is kept, hashed and shown."""
    address = body.get("dataAddress")
    if not isinstance(address, Mapping) or "endpointProperties" not in address:
        return dict(body)
    kept = [
        {**one, "value": ""} if isinstance(one, Mapping) and one.get("name") == SECRET else one
        for one in address["endpointProperties"]
    ]
    return {**body, "dataAddress": {**address, "endpointProperties": kept}}


SECRET = "authorization"  # noqa: S105 — the name of a property
"""The property of a data address that holds its token."""


def with_secret(body: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """A message with the secret of its data address put in."""
    address = body["dataAddress"]
    full = [
        {**one, "value": secret} if one.get("name") == SECRET else one
        for one in address["endpointProperties"]
    ]
    return {**body, "dataAddress": {**address, "endpointProperties": full}}


def secret_of(body: Mapping[str, Any]) -> str:
    """The token in a message's data address; empty without one."""
    address = body.get("dataAddress")
    given = address.get("endpointProperties") if isinstance(address, Mapping) else None
    for one in given if isinstance(given, list) else []:
        if isinstance(one, Mapping) and one.get("name") == SECRET:
            return str(one.get("value") or "")
    return ""


def compose(process: Process, move: Move, **members: Any) -> dict[str, Any]:
    """A message of a process. Members that are ``None`` are left out."""
    pids = {"providerPid": process.provider_pid, "consumerPid": process.consumer_pid}
    events = {Move.ACCEPT: "ACCEPTED", Move.FINALIZE: "FINALIZED"}
    said = {
        "@context": [CONTEXT],
        "@id": new_id("message"),
        "@type": TYPES[process.kind, move],
        **{name: value for name, value in pids.items() if value},
        "eventType": events.get(move),
        **members,
    }
    return {name: value for name, value in said.items() if value is not None}


def process_document(process: Process, state: State | None = None) -> dict[str, Any]:
    """What the protocol says of a process: its two ids and its state."""
    return {
        "@context": [CONTEXT],
        "@type": PROCESS_TYPES[process.kind],
        "providerPid": process.provider_pid,
        "consumerPid": process.consumer_pid,
        "state": (state or process.state).value,
    }


def error_document(
    kind: ProcessKind, *, pids: tuple[str, str], code: str, reason: str
) -> dict[str, Any]:
    """The error body of a process; ``pids`` are the provider's and the consumer's."""
    return {
        "@context": [CONTEXT],
        "@type": ERROR_TYPES[kind],
        "providerPid": pids[0],
        "consumerPid": pids[1],
        "code": code,
        "reason": [reason],
    }


def address_of(process: Process, move: Move) -> str:
    """Where a message of this node goes."""
    root = f"{process.callback}/{ROOTS[process.kind]}"
    last = PATHS[process.kind, move]
    if process.their_pid is None:  # the first message of a process
        return f"{root}/{last}"
    return f"{root}/{process.their_pid}/{last}"


def pid_name(side: Side) -> str:
    """What the id of a process at that side is called in messages."""
    return "providerPid" if side is Side.PROVIDER else "consumerPid"


def _message(one: Any) -> str:
    if isinstance(one, Mapping):
        return str(one.get("message") or one.get("@value") or "")
    return str(one)
