"""Checking a statement without the node: from every posting back to use, agreement, offer, right.

Like :mod:`quanyu.evidence`'s own checks it lists its steps and ends at the first that does not
hold, with the place in its name.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import orjson

from quanyu.evidence import (
    NOBODY,
    BundleError,
    Opened,
    Others,
    Step,
    Verification,
    open_bundle,
    root_of_hashes,
    seen_by,
    verify_document,
)
from quanyu.kernel import Invalid, blind, canonical, sha256_hex
from quanyu.market.money import split
from quanyu.market.plans import Quantity, parse_plan, price
from quanyu.market.statements import TYPE

_MEMBERS = {"type", "statement", "leaf", "uses", "evidence"}
_FROM_LEAF = (
    "line", "settlement", "agreement", "offer", "resource", "period", "counted", "free", "total",
    "subscribed", "uses_root", "plan_sha256", "sharing_sha256", "before", "amount", "leaves",
    "postings",
)  # fmt: skip


_HOLDERS = {
    "right.registered": ("resource", "holder"),
    "operation.begun": ("resources", "operator"),
    "operation.resumed": ("resources", "operator"),
    "resource.published": ("subject", "provider"),
}
"""Leaves that show a right: which member says on what, and which one whose."""


class _WrongError(Exception):
    """A step that does not hold: its name, and why."""


def is_statement(data: bytes) -> bool:
    """Whether a file means to be a statement with its evidence."""
    try:
        said = orjson.loads(data)
    except ValueError:
        return False
    return isinstance(said, dict) and "statement" in said


def verify_file(
    data: bytes, public_key: str | Iterable[str], others: Others = NOBODY
) -> Verification:
    """Check whatever file the node gave: a statement, a signed document or a receipt.

    Raises :class:`~quanyu.kernel.Invalid` for a malformed key and a quorum that cannot be;
    everything that is wrong with the file is a step that does not hold.
    """
    if not is_statement(data):
        return verify_document(data, public_key, others)
    return verify_statement(data, public_key, others)


def verify_statement(
    data: bytes, public_key: str | Iterable[str], others: Others = NOBODY
) -> Verification:
    """Check a statement offline, with nothing but verifier keys: the node's, and of ``others`` who
    shall have seen the checkpoint that its evidence rests on."""
    taken: list[Step] = []
    try:
        for name, said in _steps(data, public_key, others):
            taken.append(Step(name, True, said))
    except _WrongError as wrong:
        name, said = wrong.args
        return Verification(False, (*taken, Step(name, False, said)))
    return Verification(True, tuple(taken))


def _steps(data: bytes, keys: str | Iterable[str], others: Others) -> Iterator[tuple[str, str]]:
    keys = [keys] if isinstance(keys, str) else list(keys)
    said = _read(data)
    statement = said["statement"]
    yield "form", f"statement {statement.get('code')} of {statement.get('party')}"
    try:
        checkpoint, leaves = open_bundle(said["evidence"], keys)
        yield from seen_by(said["evidence"], keys, others)
    except BundleError as error:
        raise _WrongError(error.place, str(error)) from error
    yield "evidence", f"{len(leaves)} leaves are in the log of {checkpoint.size}"
    try:
        yield from _sealed(said, leaves)
        opened: set[str] = {said["leaf"]}
        for line in statement["lines"]:
            yield from _line(line, statement["party"], said["uses"], leaves, opened)
        yield from _totals(statement)
        _equal("evidence", "leaves that nothing names", [], sorted(leaves.keys() - opened))
        lines = {line["line"] for line in statement["lines"]}
        _equal("uses", "uses of lines that are not there", [], sorted(said["uses"].keys() - lines))
    except (KeyError, TypeError, ValueError, AttributeError, Invalid) as error:
        raise _WrongError("form", f"a member is missing or not as it must be: {error}") from error


def _read(data: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(data)
    except ValueError as error:
        raise _WrongError("form", f"this is no JSON: {error}") from error
    if not isinstance(said, dict) or said.keys() != _MEMBERS or said["type"] != TYPE:
        raise _WrongError("form", f"its members must be {', '.join(sorted(_MEMBERS))}")
    if not isinstance(said["statement"], dict) or not isinstance(said["uses"], dict):
        raise _WrongError("form", "statement and uses are objects")
    try:
        whole = canonical(said)
    except (ValueError, RecursionError) as error:
        raise _WrongError("form", f"this has no canonical form: {error}") from error
    if whole != data:
        at = next(
            (n for n, (a, b) in enumerate(zip(whole, data, strict=False)) if a != b),
            min(len(whole), len(data)),
        )
        raise _WrongError("form", f"byte {at} is not as canonical JSON (RFC 8785) has it")
    return said


def _sealed(said: dict[str, Any], leaves: dict[str, Opened]) -> Iterator[tuple[str, str]]:
    statement = said["statement"]
    leaf = _leaf("statement", leaves, said["leaf"], "statement.issued", statement["id"])
    digest = sha256_hex(canonical(statement))
    _equal("statement", "digest", leaf["document"], digest)
    _equal("statement", "party", leaf["party"], blind(statement["party"], statement["salt"]))
    yield "statement", f"its digest {digest} is what the log holds"


def _line(
    line: dict[str, Any],
    party: str,
    uses: dict[str, list[str]],
    leaves: dict[str, Opened],
    opened: set[str],
) -> Iterator[tuple[str, str]]:
    name = f"line {line['line']}"
    leaf = _leaf(name, leaves, line["leaf"], "settlement.line", line["line"])
    opened |= {line["leaf"], *line["leaves"].values()}
    for member in _FROM_LEAF:
        _equal(name, member, leaf[member], line[member])
    yield name, f"{line['period']}: {line['counted']['uses']} uses, {line['amount']} 分"
    yield f"{name}, price", _price(f"{name}, price", line)
    yield f"{name}, postings", _postings(f"{name}, postings", line, party)
    if line["line"] in uses:
        opened |= set(uses[line["line"]])
        yield f"{name}, uses", _uses(f"{name}, uses", line, uses[line["line"]], leaves)
    else:
        yield f"{name}, uses", f"not enclosed; their root is {line['uses_root']}"
    for what, found in _origin(name, line, leaves):
        yield f"{name}, {what}", found


def _price(name: str, line: dict[str, Any]) -> str:
    _equal(name, "plan", line["plan_sha256"], sha256_hex(canonical(line["plan"])))
    _equal(name, "sharing", line["sharing_sha256"], sha256_hex(canonical(line["sharing"])))
    plan, total = parse_plan(line["plan"]), Quantity(**line["total"])
    whole = price(plan, total, subscribed=line["subscribed"])
    _equal(name, "amount", line["amount"], whole - line["before"])
    return f"{whole} 分 by its plan, less {line['before']} invoiced before"


def _postings(name: str, line: dict[str, Any], party: str) -> str:
    sums = {"debit": 0, "credit": 0}
    for one in line["postings"]:
        sums[one["side"]] += one["amount"]
        if one["id"] in line["opened"]:
            _equal(name, one["id"], one["party"], blind(party, line["opened"][one["id"]]))
    names = [one["id"] for one in line["postings"]]
    _equal(name, "postings opened", True, set(line["opened"]) <= set(names))
    _equal(name, "debits", line["amount"], sums["debit"])
    _equal(name, "credits", line["amount"], sums["credit"])
    weights = [Fraction(one["weight"]) for one in line["shares"]]
    parts = split(line["amount"], weights)
    _equal(name, "split", parts, [one["amount"] for one in line["shares"]])
    credited = [one["amount"] for one in line["postings"] if one["side"] == "credit"]
    _equal(name, "shares posted", [part for part in parts if part], credited)
    return f"{sums['debit']} 分 from the consumer, {sums['credit']} 分 to {len(parts)} holders"


def _uses(name: str, line: dict[str, Any], names: list[str], leaves: dict[str, Opened]) -> str:
    digests, found = [], Quantity()
    for use in names:
        if use not in leaves:
            raise _WrongError(name, f"the leaf of the use {use} is missing")
        said = leaves[use].content
        if said["kind"] not in ("used", "use.reported"):
            raise _WrongError(name, f"{use} is no use but {said['kind']}")
        _equal(name, f"agreement of {use}", line["agreement"], said["agreement"])
        _equal(name, f"resource of {use}", line["resource"], said["subject"])
        found += Quantity(1, said["rows"], said["bytes"])
        digests.append(leaves[use].digest)
    counted = Quantity(**line["counted"])
    _equal(name, "quantity", counted, found)
    _equal(name, "root", line["uses_root"], root_of_hashes(b"".join(digests)).hex())
    return f"{counted.uses} uses, {counted.rows} rows, {counted.bytes} bytes"


def _origin(
    name: str, line: dict[str, Any], leaves: dict[str, Opened]
) -> Iterator[tuple[str, str]]:
    """Agreement, offer, price and right that a line rests on."""
    named = line["leaves"]
    for what in ("agreement", "offer", "right"):
        if what not in named:
            raise _WrongError(f"{name}, {what}", "its leaf is missing")
    agreed = _leaf(
        f"{name}, agreement", leaves, named["agreement"], "agreement.approved", line["agreement"]
    )
    _equal(f"{name}, agreement", "offer", line["offer"], agreed["offer"])
    _equal(f"{name}, agreement", "resource", line["resource"], agreed["resource"])
    yield "agreement", f"{line['agreement']}, policy {agreed['policy_sha256']}"
    put = _leaf(f"{name}, offer", leaves, named["offer"], "offer.created", line["offer"])
    _equal(f"{name}, offer", "resource", line["resource"], put["resource"])
    yield "offer", f"{line['offer']}, policy {put['policy_sha256']}"
    if "plan" in named:
        priced = _leaf(f"{name}, plan", leaves, named["plan"], "offer.priced", line["offer"])
        _equal(f"{name}, plan", "plan", line["plan_sha256"], priced["plan_sha256"])
        _equal(f"{name}, plan", "sharing", line["sharing_sha256"], priced["sharing_sha256"])
        _equal(
            f"{name}, plan",
            "the price was there before the agreement",
            True,
            leaves[named["plan"]].index < leaves[named["agreement"]].index,
        )
        yield "plan", f"{line['plan']['kind']}, put to the offer before it was agreed on"
    elif line["plan"]["kind"] != "free":
        raise _WrongError(f"{name}, plan", "a price that is not in the log")
    right = leaves.get(named["right"])
    if right is None:
        raise _WrongError(f"{name}, right", "its leaf is missing")
    said = right.content
    if said["kind"] not in _HOLDERS:
        raise _WrongError(f"{name}, right", f"{said['kind']} shows no right")
    what, who = _HOLDERS[said["kind"]]
    resources, holder = said[what], said[who]
    resources = [resources] if isinstance(resources, str) else resources
    _equal(f"{name}, right", "resource", True, line["resource"] in resources)
    _equal(f"{name}, right", "holder", line["provider"], holder)
    yield "right", f"{line['resource']} is {line['provider']}'s by {said['kind']}"


def _totals(statement: dict[str, Any]) -> Iterator[tuple[str, str]]:
    due = charged = 0
    for line in statement["lines"]:
        own = [one for one in line["postings"] if one["id"] in line["opened"]]
        due += sum(one["amount"] for one in own if one["side"] == "credit")
        charged += sum(one["amount"] for one in own if one["side"] == "debit")
    _equal("totals", "due", statement["due"], due)
    _equal("totals", "charged", statement["charged"], charged)
    yield "totals", f"{charged} 分 charged, {due} 分 due"


def _leaf(
    place: str, leaves: dict[str, Opened], name: str, kind: str, subject: str
) -> dict[str, Any]:
    if name not in leaves:
        raise _WrongError(place, f"its leaf {name} is missing")
    content = leaves[name].content
    _equal(place, "kind of leaf", kind, content["kind"])
    _equal(place, "subject of leaf", subject, content["subject"])
    return content


def _equal(place: str, what: str, expected: object, got: object) -> None:
    if expected != got:
        raise _WrongError(place, f"{what}: expected {expected}, got {got}")
