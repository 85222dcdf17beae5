"""From use to statement, and back: metered, priced, split, posted, proven offline."""

import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from quanyu.evidence import Cosigner, Others, Witness, add_checkpoint, gather
from quanyu.kernel import (
    Answered,
    Conflict,
    ControlStore,
    Ed25519Signer,
    Invalid,
    NotFound,
    Refused,
    now,
)
from quanyu.market import (
    AccountKind,
    Reported,
    account,
    amount_of,
    balance,
    balances,
    beancount,
    begin_payout,
    check_books,
    credit_line,
    deposit,
    document,
    documents,
    end_payout,
    pay_invoice,
    period_of,
    report_uses,
    settle,
    settlement,
    statement_file,
    unsettled,
    verify_file,
    verify_statement,
)

ZONE = "Asia/Shanghai"
PER_USE = {"kind": "per-use", "price": 7}


@pytest.fixture
def period() -> str:
    return period_of(now(), ZONE)


def statement_of(market, caller, kind="statement"):
    with market.store.read() as session:
        return documents(session, caller, kind=kind)[0][0]


def file_of(market, caller) -> bytes:
    while market.sequencer.step():
        pass
    of = statement_of(market, caller)
    with market.store.read() as session:
        made = statement_file(session, market.log, of)
    assert made is not None
    return made


def test_uses_become_balanced_postings(settled) -> None:
    with settled.store.read() as session:
        debited, credited = check_books(session)
        assert debited == credited == 2 * 49
        owed = balances(session, settled.consumer.party)
        due = [
            balances(session, one.party)["payable"] for one in (settled.provider, settled.upstream)
        ]
        clearing = balance(session, account(AccountKind.CLEARING))
    assert owed["receivable"] == 49
    assert sorted(due) == [24, 25]
    assert clearing.debits == clearing.credits == 49
    invoice = statement_of(settled, settled.consumer, "invoice")
    assert invoice.amount == 49
    assert invoice.body["lines"][0]["charges"][0]["quantity"] == 7


def test_a_statement_checks_offline_back_to_the_right(settled) -> None:
    for caller in (settled.consumer, settled.provider, settled.upstream):
        outcome = verify_statement(file_of(settled, caller), str(settled.log.keys[0]))
        assert outcome.ok, outcome.steps[-1]
        said = " ".join(step.name for step in outcome.steps)
        for link in ("price", "postings", "uses", "agreement", "offer", "plan", "right", "totals"):
            assert link in said


def test_a_statement_carries_what_witnesses_have_seen(fresh_settled) -> None:
    log, store = fresh_settled.log, fresh_settled.store
    signer = Ed25519Signer(Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))
    witness = Witness("witness.example", signer, log.keys)
    url = "http://witness.example"

    def post(_url: str, body: bytes) -> Answered:
        return Answered(200, {}, add_checkpoint(store, witness, body).encode(), url)

    key, others = str(log.keys[0]), Others((str(witness.key),))
    alone = file_of(fresh_settled, fresh_settled.consumer)
    refused = verify_file(alone, key, others)
    assert not refused.ok
    assert refused.steps[-1].name == "witnesses"
    assert gather(log, [Cosigner(witness.key, url)], post) == 1
    data = file_of(fresh_settled, fresh_settled.consumer)
    outcome = verify_file(data, key, others)
    assert outcome.ok, outcome.steps[-1]
    assert any("cosigned by witness.example" in step.said for step in outcome.steps)
    assert verify_statement(data, key).ok
    stranger = Witness("other.example", signer, ())
    assert not verify_file(data, key, Others((str(witness.key), str(stranger.key)), 2)).ok
    with pytest.raises(Invalid):
        verify_file(data, key, Others((key,)))
    # A checkpoint that others had timestamped goes into the file, and is judged there.
    (log.folder / "timestamps").mkdir()
    note = log.checkpoint()
    (log.folder / "timestamps" / f"{log.size}.checkpoint").write_bytes(note)
    (log.folder / "timestamps" / f"{log.size}.tsr").write_bytes(b"no token")
    data = file_of(fresh_settled, fresh_settled.consumer)
    assert orjson.loads(data)["evidence"]["timestamp"]
    unread = verify_statement(data, key)
    assert unread.ok
    assert any(step.name == "timestamp" and "not checked" in step.said for step in unread.steps)


def test_a_statement_opens_no_other_party(settled) -> None:
    said = file_of(settled, settled.upstream)
    assert settled.consumer.party.encode() not in said
    with settled.store.read() as session, pytest.raises(NotFound):
        document(session, settled.upstream, statement_of(settled, settled.consumer).id)


def test_no_byte_of_a_statement_changes_unnoticed(settled) -> None:
    data = file_of(settled, settled.provider)
    key = str(settled.log.keys[0])

    @given(st.integers(0, len(data) - 1), st.integers(1, 255))
    def check(at: int, change: int) -> None:
        broken = bytearray(data)
        broken[at] ^= change
        outcome = verify_statement(bytes(broken), key)
        assert not outcome.ok
        assert outcome.steps[-1].name
        assert outcome.steps[-1].said

    check()
    for at in range(0, len(data), 97):
        broken = bytearray(data)
        broken[at] ^= 1
        assert not verify_statement(bytes(broken), key).ok


@pytest.mark.parametrize(
    ("find", "put", "where"),
    [
        (b'"amount":49,"before"', b'"amount":48,"before"', "statement"),
        (rb"\"rows\":10,\"subject\"", rb"\"rows\":11,\"subject\"", "leaf"),
        (rb"\"kind\":\"offer.priced\"", rb"\"kind\":\"offer.prized\"", "leaf"),
        (b"market.example\\n", b"market.exbmple\\n", "checkpoint"),
    ],
)
def test_what_was_changed_is_named(settled, find: bytes, put: bytes, where: str) -> None:
    data = file_of(settled, settled.provider)
    assert find in data
    outcome = verify_statement(data.replace(find, put, 1), str(settled.log.keys[0]))
    assert not outcome.ok
    assert outcome.steps[-1].name.startswith(where)


def test_settling_again_changes_nothing(fresh_settled, period: str) -> None:
    before = statement_of(fresh_settled, fresh_settled.consumer)
    again = settle(fresh_settled.store, period, ZONE, early=True)
    assert (again.lines, again.uses, again.amount) == (0, 0, 0)
    assert statement_of(fresh_settled, fresh_settled.consumer) == before


def test_late_uses_cost_what_they_would_have_in_time(any_store: ControlStore, found_market) -> None:
    market = found_market(any_store)
    tiers = [{"up_to": 5, "price": 10}, {"price": 3}]
    agreed = market.agree(market.resource("stops"), {"kind": "tiered", "tiers": tiers})
    period = period_of(now(), ZONE)
    for _ in range(4):
        market.use(agreed)
    market.meter()
    first = settle(market.store, period, ZONE, early=True)
    for _ in range(4):
        market.use(agreed)
    market.meter()
    second = settle(market.store, period, ZONE, early=True)
    assert (first.amount, second.amount) == (40, 10 + 3 * 3)
    with market.store.read() as session:
        assert unsettled(session) == 0
        assert settlement(session, first.id) == first
    assert verify_statement(file_of(market, market.consumer), str(market.log.keys[0])).ok


def test_a_subscription_is_charged_once_a_period(market, period: str) -> None:
    plan = {"kind": "subscription", "fee": 9_900, "measure": "rows", "included": 15, "price": 2}
    agreed = market.agree(market.resource("lines"), plan)
    assert settle(market.store, period, ZONE, early=True).amount == 9_900
    market.use(agreed)
    market.use(agreed)
    market.meter()
    assert settle(market.store, period, ZONE, early=True).amount == 5 * 2
    assert settle(market.store, period, ZONE, early=True).amount == 0


def test_prepaid_is_drawn_first(market, period: str) -> None:
    with market.store.begin() as session:
        deposit(session, market.steward, market.consumer.party, 30, "bank 1")
        deposit(session, market.steward, market.consumer.party, 30, "bank 1")
        with pytest.raises(Refused):
            deposit(session, market.provider, market.consumer.party, 30, "bank 2")
    with market.store.begin() as session, pytest.raises(Conflict):
        deposit(session, market.steward, market.consumer.party, 31, "bank 1")
    agreed = market.agree(market.resource("gates"), {"kind": "prepaid", "price": 8})
    for _ in range(5):
        market.use(agreed)
    market.meter()
    settle(market.store, period, ZONE, early=True)
    with market.store.read() as session:
        held = balances(session, market.consumer.party)
    assert (held["prepaid"], held["receivable"]) == (0, 10)
    invoice = statement_of(market, market.consumer, "invoice")
    assert (invoice.amount, invoice.paid) == (40, 30)


def test_invoices_are_paid_and_credited_and_paid_out_once(fresh_settled) -> None:
    invoice = statement_of(fresh_settled, fresh_settled.consumer, "invoice")
    store, steward = fresh_settled.store, fresh_settled.steward
    with store.begin() as session:
        pay_invoice(session, steward, invoice.code, 40, "bank 7")
        assert pay_invoice(session, steward, invoice.code, 40, "bank 7").paid == 40
        begin_payout(session, steward, fresh_settled.upstream.party, 20, "bank 8")
    with store.begin() as session, pytest.raises(Conflict):
        pay_invoice(session, steward, invoice.code, 10, "bank 9")
    with store.begin() as session, pytest.raises(Refused, match="does not hold so much"):
        begin_payout(session, steward, fresh_settled.upstream.party, 20, "bank 10")
    with store.begin() as session:
        end_payout(session, steward, "bank 8", paid=True)
    with store.begin() as session, pytest.raises(Conflict):
        end_payout(session, steward, "bank 8", paid=False)
    line = invoice.body["lines"][0]["line"]
    with store.begin() as session, pytest.raises(NotFound):
        credit_line(session, fresh_settled.upstream, line, 1, "not theirs")
    with store.begin() as session:
        credit_line(session, fresh_settled.provider, line, 30, "the data were out of date")
    with store.begin() as session, pytest.raises(Conflict):
        credit_line(session, fresh_settled.provider, line, 20, "more than there is")
    with store.read() as session:
        debited, credited = check_books(session)
        consumer = balances(session, fresh_settled.consumer.party)
        holders = [
            balances(session, one.party) for one in (fresh_settled.provider, fresh_settled.upstream)
        ]
        cash = amount_of("cash:node", balance(session, "cash:node"))
    assert debited == credited
    assert consumer == {"receivable": 0, "prepaid": 21, "payable": 0, "held": 0}
    assert sum(one["payable"] - one["receivable"] for one in holders) == 49 - 30 - 20
    assert cash == 40 - 20


def test_reported_uses_are_taken_once(any_store: ControlStore, found_market) -> None:
    market = found_market(any_store)
    agreed = market.agree(market.resource("feeds"), PER_USE)
    one = Reported("call-1", agreed.id, now(), rows=3, bytes=99)
    two = Reported("call-2", agreed.id, now(), rows=4)
    with market.store.begin() as session:
        assert report_uses(session, market.provider, [one, one], ZONE).fresh == 1
        again = report_uses(session, market.provider, [one, two], ZONE)
    assert (again.fresh, again.known) == (1, 1)
    changed = Reported("call-2", agreed.id, two.at, rows=5)
    three = Reported("call-3", agreed.id, now())
    with market.store.begin() as session, pytest.raises(Conflict) as refused:
        report_uses(session, market.provider, [three, changed], ZONE)
    assert refused.value.field == "uses[1].id"
    early = Reported("call-4", agreed.id, agreed.signed_at - timedelta(seconds=1))
    for caller, wrong in ((market.consumer, three), (market.provider, early)):
        with market.store.begin() as session, pytest.raises(Invalid):
            report_uses(session, caller, [wrong], ZONE)
    assert market.meter() == 0
    period = period_of(now(), ZONE)
    assert settle(market.store, period, ZONE, early=True).amount == 14
    assert verify_statement(file_of(market, market.provider), str(market.log.keys[0])).ok


def test_bean_check_passes(settled, tmp_path: Path) -> None:
    pytest.importorskip("beancount")
    path = tmp_path / "books.beancount"
    with settled.store.read() as session:
        text = "".join(beancount(session, ZONE))
    path.write_text(text, "utf-8")
    command = Path(sys.executable).with_name("bean-check")
    assert command.exists() or shutil.which("bean-check")
    done = subprocess.run([command, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    path.write_text(text.replace("0.24 CNY", "0.23 CNY", 1), "utf-8")
    done = subprocess.run([command, path], capture_output=True, text=True, check=False)
    assert done.returncode != 0


def test_a_statement_is_json_that_people_can_read(settled) -> None:
    said = orjson.loads(file_of(settled, settled.upstream))["statement"]
    assert said["due"] in (24, 25)
    assert said["lines"][0]["shares"]
