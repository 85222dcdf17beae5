"""Two nodes negotiate, sign, transfer and read; what must not be given is not given."""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from dsp_schemas import check
from kit_play import CONTEXT
from sqlalchemy import text
from town import Town, policy, term
from two_nodes import Nodes, client

from quanyu.agreements import AgreementState, agreement, create_offer, resume, suspend
from quanyu.federation import (
    Move,
    Process,
    ProcessKind,
    State,
    accept_offer,
    approve_terms,
    contract_of,
    contract_valid,
    counter,
    data_address,
    end_negotiation,
    move_transfer,
    negotiate,
    negotiation_of,
    offer_in,
    peer,
    peer_catalog,
    peer_dataset,
    read_terms,
    thread,
    token_for,
    transfer_data,
    transfer_row,
)
from quanyu.kernel import Conflict, Invalid, NotFound, Refused

_NEG, _TRF = ProcessKind.NEGOTIATION, ProcessKind.TRANSFER
PROVIDER, CONSUMER = "provider.test", "consumer.test"


class Desk:
    """A member at a node, who acts as the pages and commands do."""

    def __init__(self, nodes: Nodes, town: Town, login: str) -> None:
        self.here, self.town, self.caller = nodes.here(town), town, town.callers[login]
        self.control = town.control()

    def do(self, work: Callable[..., Any], *given: Any, **more: Any) -> Any:
        with self.control.begin() as session:
            return work(session, *given, **more)

    def thread(self, kind: ProcessKind, name: str) -> Any:
        return self.do(thread, self.caller, kind, name)

    def until(self, kind: ProcessKind, name: str, *states: State) -> Any:
        for _ in range(600):
            found = self.thread(kind, name)
            if found.process.state in states:
                return found
            time.sleep(0.1)
        raise AssertionError((found.process.state, found.waiting))


@pytest.fixture(scope="module")
def desks(nodes: Nodes) -> Iterator[dict[str, Desk]]:
    made = {
        "first": Desk(nodes, nodes.provider, "first"),
        "second": Desk(nodes, nodes.provider, "second"),
        "consumer": Desk(nodes, nodes.consumer, "first"),
        "stranger": Desk(nodes, nodes.provider, "stranger"),
    }
    yield made
    for desk in made.values():
        desk.control.close()


@pytest.fixture(scope="module")
def offered(nodes: Nodes, desks: dict[str, Desk]) -> str:
    first = desks["first"]
    made = first.do(
        create_offer,
        first.caller,
        "trees",
        policy(term("quanyu:columns", "isNoneOf", ["height"]), term("count", "lteq", 1000)),
    )
    return str(made.id)


def begin(desk: Desk, offer: str, terms: dict[str, Any] | None = None) -> Process:
    with desk.control.read() as session:
        other = peer(session, PROVIDER)
        token = token_for(session, desk.here, other.id)
    found = next(iter(peer_catalog(desk.here, other, token)))
    while not found["@id"].startswith("res_"):
        found = next(
            one for one in peer_catalog(desk.here, other, token) if one["@id"].startswith("res_")
        )
    whole = peer_dataset(desk.here, other, token, found["@id"])
    put = offer_in(whole, offer)
    return desk.do(
        negotiate,
        desk.here,
        desk.caller,
        PROVIDER,
        dataset=found["@id"],
        offer=offer,
        terms=terms or read_terms(put, "offer"),
        statement="to count trees",
    )


def other_end(desk: Desk, kind: ProcessKind, pid: str) -> str:
    """The id of a process at the other node."""
    for _ in range(600):
        their = desk.thread(kind, pid).process.their_pid
        if their is not None:
            return str(their)
        time.sleep(0.1)
    raise AssertionError("the first message did not arrive")


def approve_both(desks: dict[str, Desk], pid: str) -> Process:
    first, second = desks["first"], desks["second"]
    half = first.do(approve_terms, first.here, first.caller, pid)
    assert half.state in (State.REQUESTED, State.ACCEPTED)
    assert first.thread(_NEG, pid).waiting.code == "approvals"
    with pytest.raises(Conflict):
        first.do(approve_terms, first.here, first.caller, pid)
    return second.do(approve_terms, second.here, second.caller, pid)


@pytest.fixture(scope="module")
def agreed(desks: dict[str, Desk], offered: str) -> tuple[str, str, str]:
    """A finalized negotiation: its id at the consumer, at the provider, and the agreement's."""
    consumer = desks["consumer"]
    begun = begin(consumer, offered)
    pid = other_end(consumer, _NEG, begun.id)
    desks["first"].until(_NEG, pid, State.REQUESTED)
    approve_both(desks, pid)
    done = consumer.until(_NEG, begun.id, State.FINALIZED)
    desks["first"].until(_NEG, pid, State.FINALIZED)
    return begun.id, pid, done.process.agreement


def get(url: str, token: str) -> httpx.Response:
    with client("", token) as reader:
        return reader.get(url)


def test_it_negotiates_signs_and_reads(
    nodes: Nodes, desks: dict[str, Desk], agreed: tuple[str, str, str]
) -> None:
    mine, theirs, name = agreed
    consumer, first = desks["consumer"], desks["first"]
    signed = first.do(agreement, first.caller, name)
    assert signed.state is AgreementState.ACTIVE
    both = consumer.thread(_NEG, mine), first.thread(_NEG, theirs)
    assert both[0].process.signed == both[1].process.signed
    # Each message stands on both nodes with the same digest.
    assert [m.digest for m in both[0].messages] == [m.digest for m in both[1].messages]
    for one in both[0].messages:
        check(one.body)

    moved = consumer.do(transfer_data, consumer.here, consumer.caller, mine)
    consumer.until(_TRF, moved.id, State.STARTED)
    endpoint, token = consumer.do(address_of, consumer, moved.id)
    answer = get(endpoint, token)
    assert answer.status_code == 200
    rows = answer.json()["features"]
    assert rows
    assert all("height" not in one["properties"] for one in rows)
    assert answer.headers["quanyu-agreement"] == name
    # The token opens this agreement and nothing else.
    with client(nodes.provider.url, token) as reader:
        assert reader.get("/data/trees.csv", headers={"quanyu-agreement": "agr_x"}).status_code in (
            400,
            403,
        )

    consumer.do(move_transfer, consumer.here, consumer.caller, moved.id, Move.SUSPEND, "a pause")
    pid = other_end(consumer, _TRF, moved.id)
    first.until(_TRF, pid, State.SUSPENDED)
    assert first.thread(_TRF, pid).waiting.params == {"side": "consumer"}
    time.sleep(0.7)
    assert get(endpoint, token).status_code == 401
    with pytest.raises(Conflict):
        consumer.do(address_of, consumer, moved.id)
    # Who has suspended it lets it go on, nobody else.
    with pytest.raises(Invalid):
        first.do(move_transfer, first.here, first.caller, pid, Move.START)
    consumer.do(move_transfer, consumer.here, consumer.caller, moved.id, Move.START)
    first.until(_TRF, pid, State.STARTED)
    wait_for(lambda: consumer.thread(_TRF, moved.id).waiting.code == "data")
    endpoint, token = consumer.do(address_of, consumer, moved.id)
    assert get(endpoint, token).status_code == 200

    # The agreement is suspended: so is the transfer, and no data come meanwhile.
    first.do(suspend, first.caller, name, reason="to look into it")
    time.sleep(0.7)
    assert get(endpoint, token).status_code in (401, 403)
    consumer.until(_TRF, moved.id, State.SUSPENDED)
    first.do(resume, first.caller, name)
    consumer.until(_TRF, moved.id, State.STARTED)
    wait_for(lambda: get(*consumer.do(address_of, consumer, moved.id)).status_code == 200)
    endpoint, token = consumer.do(address_of, consumer, moved.id)

    consumer.do(move_transfer, consumer.here, consumer.caller, moved.id, Move.COMPLETE)
    first.until(_TRF, pid, State.COMPLETED)
    time.sleep(0.7)
    assert get(endpoint, token).status_code == 401


def address_of(session: Any, desk: Desk, name: str) -> tuple[str, str]:
    return data_address(desk.here, transfer_row(session, desk.caller, name))


def wait_for(holds: Callable[[], bool]) -> None:
    for _ in range(900):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it does not come to hold")


def test_the_contract_has_its_number_on_both_nodes(
    desks: dict[str, Desk], agreed: tuple[str, str, str]
) -> None:
    from two_nodes import CODE

    first, consumer = desks["first"], desks["consumer"]
    with first.control.read() as session:
        there = contract_of(
            session,
            CODE,
            agreement(session, first.caller, agreed[2]),
            negotiation_of(session, agreed[2]),
        )
    with consumer.control.read() as session:
        here = contract_of(session, CODE, None, negotiation_of(session, agreed[2]))
    assert there.number == here.number
    assert there.number is not None
    assert contract_valid(there.number)
    assert re.fullmatch(r"C1[0-9A-Z]{18}\d{4}\d{14}[0-9A-Z]{9}", there.number)
    changed = there.number[:30] + ("0" if there.number[30] != "0" else "1") + there.number[31:]
    assert not contract_valid(changed)


def test_evidence_stands_on_both_nodes(
    desks: dict[str, Desk], agreed: tuple[str, str, str]
) -> None:
    for desk, name in ((desks["consumer"], agreed[0]), (desks["first"], agreed[1])):
        with desk.control.read() as session:
            kinds = session.scalars(
                text("SELECT kind FROM outbox WHERE subject = :name ORDER BY number"),
                {"name": name},
            ).all()
        steps = [kind.removeprefix("negotiation.") for kind in kinds]
        assert [one for one in steps if one != "approved"] == [
            "requested",
            "agreed",
            "verified",
            "finalized",
        ]


def test_nothing_is_given_while_it_is_only_signed(
    nodes: Nodes, desks: dict[str, Desk], offered: str
) -> None:
    """The consumer is stopped, as it were: it is played by hand and never verifies."""
    with desks["first"].control.read() as session:
        other = peer(session, CONSUMER)
    dataset = begin_by_hand(nodes, desks, offered)
    with client(nodes.provider.url, by_hand(nodes)) as hand:
        pid, own = dataset
        approve_both(desks, pid)
        found = desks["first"].thread(_NEG, pid)
        assert found.process.state is State.AGREED
        name = found.process.agreement
        said = hand.get("/ogc/features/collections/trees/items", headers={"quanyu-agreement": name})
        assert said.status_code == 403
        assert said.json()["rule"] == "agreement.state"
        refused = hand.post(
            "/dsp/transfers/request",
            json={
                "@context": CONTEXT,
                "@type": "TransferRequestMessage",
                "consumerPid": str(uuid.uuid4()),
                "agreementId": name,
                "format": "HttpData-PULL",
                "callbackAddress": other.address,
            },
        )
        assert refused.status_code == 400
        check(refused.json())
        # Verified, finalized by the rule, and only then in force.
        message = {
            "@context": CONTEXT,
            "@type": "ContractAgreementVerificationMessage",
            "providerPid": pid,
            "consumerPid": own,
        }
        assert hand.post(f"/dsp/negotiations/{pid}/agreement/verification", json=message).is_success
        desks["first"].until(_NEG, pid, State.FINALIZED)
        time.sleep(0.7)
        said = hand.get("/ogc/features/collections/trees/items", headers={"quanyu-agreement": name})
        assert said.status_code == 200


def by_hand(nodes: Nodes) -> str:
    """Another token of the consumer's node at the provider."""
    from quanyu.federation import renew_token

    control = nodes.provider.control()
    with control.begin() as session:
        token = renew_token(session, CONSUMER)
    control.close()
    return token


def asking(nodes: Nodes, offered: str, dataset: str, own: str) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "@id": f"urn:uuid:{uuid.uuid4()}",
        "@type": "ContractRequestMessage",
        "consumerPid": own,
        "callbackAddress": nodes.here(nodes.consumer).address,
        "offer": {
            "@type": "Offer",
            "@id": offered,
            "target": dataset,
            "permission": [{"action": "use"}],
        },
    }


def begin_by_hand(nodes: Nodes, desks: dict[str, Desk], offered: str) -> tuple[str, str]:
    own = f"urn:uuid:{uuid.uuid4()}"
    with client(nodes.provider.url, by_hand(nodes)) as hand:
        body = asking(nodes, offered, "trees", own)
        answer = hand.post("/dsp/negotiations/request", json=body)
        assert answer.status_code == 201, answer.text
        check(answer.json())
        pid = answer.json()["providerPid"]
        # The same once more is the same negotiation; another under that id is refused.
        assert hand.post("/dsp/negotiations/request", json=body).json()["providerPid"] == pid
        body["offer"]["permission"] = [{"action": "read"}]
        assert hand.post("/dsp/negotiations/request", json=body).status_code == 400
    return pid, own


def test_a_counter_offer_and_its_end(nodes: Nodes, desks: dict[str, Desk], offered: str) -> None:
    consumer, first = desks["consumer"], desks["first"]
    begun = begin(consumer, offered, {"permission": [{"action": "use"}]})
    pid = other_end(consumer, _NEG, begun.id)
    wished = {
        "permission": [
            {
                "action": "use",
                "constraint": [
                    {
                        "leftOperand": "dateTime",
                        "operator": "lt",
                        "rightOperand": "2099-01-01T00:00:00Z",
                    }
                ],
            }
        ]
    }
    first.do(counter, first.here, first.caller, pid, wished)
    found = consumer.until(_NEG, begun.id, State.OFFERED)
    assert found.process.terms == wished
    assert found.waiting.code == "decide"
    assert set(found.moves) == {Move.REQUEST, Move.ACCEPT, Move.TERMINATE}
    consumer.do(accept_offer, consumer.caller, begun.id)
    first.until(_NEG, pid, State.ACCEPTED)
    approve_both(desks, pid)
    consumer.until(_NEG, begun.id, State.FINALIZED)
    name = consumer.thread(_NEG, begun.id).process.agreement
    signed = first.do(agreement, first.caller, name)
    assert signed.expires_at is not None
    assert signed.expires_at.year == 2099


def test_a_signed_agreement_ends_with_its_negotiation(
    nodes: Nodes, desks: dict[str, Desk], offered: str
) -> None:
    pid, own = begin_by_hand(nodes, desks, offered)
    approve_both(desks, pid)
    first = desks["first"]
    name = first.thread(_NEG, pid).process.agreement
    with client(nodes.provider.url, by_hand(nodes)) as hand:
        message = {
            "@context": CONTEXT,
            "@type": "ContractNegotiationTerminationMessage",
            "providerPid": pid,
            "consumerPid": own,
            "code": "changed",
            "reason": ["we need it no more"],
        }
        assert hand.post(f"/dsp/negotiations/{pid}/termination", json=message).is_success
        assert hand.post(f"/dsp/negotiations/{pid}/termination", json=message).is_success is True
        other = {**message, "reason": ["once more"]}
        refused = hand.post(f"/dsp/negotiations/{pid}/termination", json=other)
        assert refused.status_code == 400
        assert refused.json()["code"] == "dsp.transition"
        check(refused.json())
    assert first.do(agreement, first.caller, name).state is AgreementState.ENDED
    assert "we need it no more" in first.thread(_NEG, pid).messages[-1].reason


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"callbackAddress": "http://elsewhere.example/dsp"}, "callbackAddress"),
        ({"@context": ["https://w3id.org/dspace/2024/1/context.json"]}, "@context"),
        ({"offer.@id": "off_none"}, "offer.@id"),
        ({"offer.target": "res_other"}, "offer.target"),
        ({"offer.permission": [{"action": "use", "target": "trees"}]}, "target"),
        ({"offer.permission": []}, "offer"),
        (
            {
                "offer.permission": [
                    {
                        "action": "use",
                        "constraint": [
                            {"leftOperand": "moon", "operator": "eq", "rightOperand": "full"}
                        ],
                    }
                ]
            },
            "constraint",
        ),
        ({"providerPid": "neg_x"}, "providerPid"),
    ],
)
def test_a_bad_request_is_refused_in_the_protocol_s_form(
    nodes: Nodes, offered: str, change: dict[str, Any], field: str
) -> None:
    body = asking(nodes, offered, "trees", f"urn:uuid:{uuid.uuid4()}")
    for name, value in change.items():
        place, _, inner = name.partition(".")
        if inner:
            body[place][inner] = value
        else:
            body[name] = value
    with client(nodes.provider.url, by_hand(nodes)) as hand:
        answer = hand.post("/dsp/negotiations/request", json=body)
    assert answer.status_code == 400, answer.text
    check(answer.json())
    assert field in answer.json()["reason"][0]


NEEDS_A_PEER = [
    "negotiations/request",
    "negotiations/offers",
    *(
        f"negotiations/{{pid}}/{last}"
        for last in (
            "request",
            "offers",
            "events",
            "agreement",
            "agreement/verification",
            "termination",
        )
    ),
    "transfers/request",
    *(f"transfers/{{pid}}/{last}" for last in ("start", "completion", "suspension", "termination")),
]


@pytest.mark.parametrize("path", NEEDS_A_PEER)
def test_a_stranger_is_refused(nodes: Nodes, agreed: tuple[str, str, str], path: str) -> None:
    url = "/dsp/" + path.format(pid=agreed[1])
    said = {"@context": CONTEXT, "@type": "ContractRequestMessage"}
    with client(nodes.provider.url, None) as anybody:
        assert anybody.post(url, json=said).status_code == 401
    with client(nodes.provider.url, nodes.provider.tokens["stranger"]) as stranger:
        answer = stranger.post(url, json=said)
        assert answer.status_code == (404 if "{pid}" in path else 403)
        check(answer.json())
    if "{pid}" in path:
        # Another peer learns no more than anybody: to it there is no such process.
        with client(nodes.provider.url, nodes.kit_token) as other:
            kinds = {"request": "ContractRequestMessage", "offers": "ContractOfferMessage"}
            full = {
                "@context": CONTEXT,
                "@type": kinds.get(path.rsplit("/", 1)[1], "ContractNegotiationTerminationMessage"),
                "providerPid": agreed[1],
                "consumerPid": "x",
            }
            assert other.get("/dsp/negotiations/" + agreed[1]).status_code == 404
            if "termination" in path and path.startswith("neg"):
                assert other.post(url, json=full).status_code == 404


def test_the_catalogue_and_states_are_for_who_sends_a_token(
    nodes: Nodes, agreed: tuple[str, str, str]
) -> None:
    asked = {"@context": CONTEXT, "@type": "CatalogRequestMessage"}
    with client(nodes.provider.url, None) as anybody:
        for answer in (
            anybody.post("/dsp/catalog/request", json=asked),
            anybody.get("/dsp/catalog/datasets/trees"),
            anybody.get(f"/dsp/negotiations/{agreed[1]}"),
            anybody.get("/dsp/transfers/trf_x"),
            anybody.post("/tck/negotiations/requests", json={}),
            anybody.post("/tck/transfers/requests", json={}),
        ):
            assert answer.status_code == 401
    with client(nodes.consumer.url, nodes.consumer.tokens["first"]) as member:
        # Without the setting the kit's hooks are not there.
        assert member.post("/tck/negotiations/requests", json={}).status_code == 404
        filtered = member.post("/dsp/catalog/request", json={**asked, "filter": [{"a": 1}]})
        assert filtered.status_code == 400
        check(filtered.json())


def test_members_of_other_parties_see_and_do_nothing(
    desks: dict[str, Desk], agreed: tuple[str, str, str]
) -> None:
    stranger = desks["stranger"]
    with pytest.raises(NotFound):
        stranger.thread(_NEG, agreed[1])
    with pytest.raises(NotFound):
        stranger.do(approve_terms, stranger.here, stranger.caller, agreed[1])
    with pytest.raises(NotFound):
        stranger.do(end_negotiation, stranger.caller, agreed[1], "no")
    with pytest.raises(Refused):
        stranger.do(
            negotiate,
            stranger.here,
            desks["first"].caller.__class__(),
            CONSUMER,
            dataset="x",
            offer="y",
            terms={"permission": [{"action": "use"}]},
        )


def test_an_offer_made_to_one_party_is_shown_to_nobody_else(
    nodes: Nodes, desks: dict[str, Desk]
) -> None:
    first = desks["first"]
    with first.control.read() as session:
        kit = peer(session, "TCK_PARTICIPANT")
    said = {**policy(), "assignee": f"urn:quanyu:{kit.party}"}
    made = first.do(create_offer, first.caller, "trees", said)
    asked = {"@context": CONTEXT, "@type": "CatalogRequestMessage"}

    def shown(token: str) -> set[str]:
        with client(nodes.provider.url, token) as reader:
            document = reader.post("/dsp/catalog/request", json=asked).json()
        check(document)
        return {put["@id"] for one in document["dataset"] for put in one["hasPolicy"]}

    assert made.id in shown(nodes.kit_token)
    assert made.id not in shown(by_hand(nodes))
    with client(nodes.provider.url, by_hand(nodes)) as hand:
        body = asking(nodes, made.id, "trees", f"urn:uuid:{uuid.uuid4()}")
        answer = hand.post("/dsp/negotiations/request", json=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "dsp.offer"
